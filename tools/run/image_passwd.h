/*
 * Resolves "User" of an image: a name or number, optionally followed by a colon and a group, with
 * the files of the image's tree. These are untrusted: symbolic links are resolved within the tree,
 * and only regular files are read, line by line up to a limit.
 * spec    OCI image-spec config.md, "User"; passwd(5), group(5)
 */
#ifndef TOOLS_RUN_IMAGE_PASSWD_H
#define TOOLS_RUN_IMAGE_PASSWD_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* Maximum number of supplementary groups; more are ignored. */
#define USERS_GROUPS_MAX 1024

struct user {
	uint32_t uid, gid;
	uint32_t *groups; /* supplementary groups, gid first */
	size_t n_groups;
	char *home;
};

/*
 * user_find - resolve "", "name" or "uid", each optionally with ":name" or ":gid", as docker does.
 * rootfd  root of the tree
 * out     user_fini() frees
 * errors  -EINVAL in docker's words: "unable to find user NAME: no matching entries in passwd
 *         file", or not a regular file; -EFBIG
 */
int user_find(int rootfd, const char *spec, struct user *out, struct err *err) MUST_CHECK;
void user_fini(struct user *u);

#endif
