/*
 * Whom "User" of an image means: a name or a number, and a group's behind a colon, looked up in
 * the files of the image's own tree. They are hostile: they are read through no link that leads out of
 * the tree, only where they are regular files, line by line and up to a bound.
 * spec    OCI image-spec config.md, "User"; passwd(5), group(5)
 */
#ifndef TOOLS_RUN_IMAGE_PASSWD_H
#define TOOLS_RUN_IMAGE_PASSWD_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* So many supplementary groups has nobody; more are left out. */
#define USERS_GROUPS_MAX 1024

struct user {
	uint32_t uid, gid;
	uint32_t *groups; /* the supplementary ones; gid is the first of them */
	size_t n_groups;
	char *home;
};

/*
 * user_find - "", "name", "uid", each with ":name" or ":gid" behind it, as docker takes them.
 * rootfd  the tree
 * out     user_fini() frees
 * errors  -EINVAL in docker's words: "unable to find user NAME: no matching entries in passwd file"; a file
 *         is no regular one; -EFBIG
 */
int user_find(int rootfd, const char *spec, struct user *out, struct err *err) MUST_CHECK;
void user_fini(struct user *u);

#endif
