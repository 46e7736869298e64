/*
 * Filters for system calls: a profile, resolved for a host and a container into the runtime's form.
 * spec    OCI runtime-spec config-linux.md "Seccomp"; docker's seccomp profiles (archMap, includes,
 *         excludes)
 */
#ifndef TOOLS_RUN_SECCOMP_H
#define TOOLS_RUN_SECCOMP_H

#include <stddef.h>

#include "base/err.h"

struct buf;
struct json_t;

/* Properties that conditions of a profile refer to. */
struct seccomp_host {
	const char *arch;	 /* Go's name: "amd64" */
	const char *kernel;	 /* uname(2)'s release */
	const char *const *caps; /* the container's bounding set */
	size_t n_caps;
};

/*
 * seccomp_make - make linux.seccomp of config.json.
 * profile in docker's or the runtime's form; NULL: the default profile
 * what    names the profile in messages
 * out     a new reference
 * errors  -EINVAL: the error and its place
 */
int seccomp_make(const struct json_t *profile, const char *what, const struct seccomp_host *h,
		 struct json_t **out, struct err *err) MUST_CHECK;

#endif
