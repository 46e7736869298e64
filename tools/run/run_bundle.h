/*
 * The bundle of one run: its files, and what of the host's and of docker's is mounted in the tree.
 */
#ifndef TOOLS_RUN_RUN_BUNDLE_H
#define TOOLS_RUN_RUN_BUNDLE_H

#include <stddef.h>

#include "base/err.h"
#include "base/inroot.h"
#include "tools/run/image_passwd.h"

struct bundle_bind;
struct run_job;
struct mount_ns;

struct run_bundle {
	const struct run_job *job;
	const struct mount_ns *mount_ns; /* an open one */
	struct user user;
	struct inroot_created made; /* for mounts to lie on */
	struct bundle_bind *binds;
	size_t n_binds;
	char **paths; /* what binds borrow */
	size_t n_paths;
	char *workdir;
};

/*
 * run_bundle_write - config.json and what it needs, beside the tree and in it.
 * errors  whom or what the command names is not there, or not in this name space
 */
int run_bundle_write(struct run_bundle *b, struct err *err) MUST_CHECK;

/* run_bundle_undo - after the run, or a write that failed: what was made for mounts goes from the tree. */
void run_bundle_undo(struct run_bundle *b);

#endif
