/*
 * Which system calls a container may use: a profile, resolved for a host and a container into what a
 * runtime takes.
 * spec    OCI runtime-spec config-linux.md "Seccomp"; docker's seccomp profiles (archMap, includes, excludes)
 */
#ifndef TOOLS_RUN_SECCOMP_H
#define TOOLS_RUN_SECCOMP_H

#include <stddef.h>

#include "base/err.h"

struct buf;
struct json_t;

/* What a profile's conditions are about. */
struct seccomp_host {
	const char *arch;	 /* as Go has it: "amd64" */
	const char *kernel;	 /* uname(2)'s release */
	const char *const *caps; /* the container's bounding set */
	size_t n_caps;
};

/*
 * seccomp_make - linux.seccomp of a config.json.
 * profile in docker's form or in the runtime's own; NULL: the default one
 * what    names the profile in messages
 * out     a new reference
 * errors  -EINVAL: what is wrong with it, and where
 */
int seccomp_make(const struct json_t *profile, const char *what, const struct seccomp_host *h,
		 struct json_t **out, struct err *err) MUST_CHECK;

#endif
