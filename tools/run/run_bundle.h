/*
 * The bundle of a run: its files, and the mounts of docker and the user in the tree.
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
	const struct mount_ns *mount_ns; /* opened */
	struct user user;
	struct inroot_created made; /* for mounts to lie on */
	struct bundle_bind *binds;
	size_t n_binds;
	char **paths; /* borrowed by binds */
	size_t n_paths;
	char *workdir;
};

/*
 * run_bundle_write - write config.json and create the mount points.
 * errors  a user or file of the options does not exist, or is not mapped
 */
int run_bundle_write(struct run_bundle *b, struct err *err) MUST_CHECK;

/* run_bundle_undo - remove the mount points; after the run, or after a failed write. */
void run_bundle_undo(struct run_bundle *b);

#endif
