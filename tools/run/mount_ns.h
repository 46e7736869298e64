/*
 * Where a container runs: its tree mounted in a mount name space of its own, and a bundle beside it.
 * Whatever happens to us, what was mounted there goes with the last process in it.
 */
#ifndef TOOLS_RUN_MOUNT_NS_H
#define TOOLS_RUN_MOUNT_NS_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"

struct tmp_dir;
struct store;

struct mount_ns {
	struct buf dir;	 /* the bundle: a directory of our own, nobody else can move it */
	struct buf path; /* the container in a mount that is there already; empty: there is none */
	struct buf tree; /* our own mount of the containers */
	struct buf rootfs; /* the container's tree */
	int dir_fd;	   /* of dir, in our mount name space */
	int root_fd;	   /* of rootfs */
	int pinned_fd;	   /* keeps that other mount from being taken away */
	bool mounted_tree, mounted_rootfs;
	pid_t daemon; /* of our own mount */
};

#define STAGE_INIT                                                                       \
	{                                                                                \
		.dir = BUF_INIT, .path = BUF_INIT, .tree = BUF_INIT, .rootfs = BUF_INIT, \
		.dir_fd = -1, .root_fd = -1, .pinned_fd = -1                             \
	}

/* mount_ns_find - before mount_ns_enter(), as root: look for a mount that is there and fits. */
void mount_ns_find(struct mount_ns *st, struct store *s, const char *name);

/*
 * mount_ns_enter - in a mount name space of our own from here on.
 * userns    in a user name space too; map_fds are what mount_ns_map() has the other ends of
 * errors    with what the system would have to allow
 */
int mount_ns_enter(bool userns, const int map_fds[static 2], struct err *err) MUST_CHECK;

/* mount_ns_map - the process that started us: give pid, which enters a user name space, its ids. */
int mount_ns_map(int pid, const int map_fds[static 2], struct err *err) MUST_CHECK;

/* mount_ns_open - the container's tree at st->rootfs. mount_ns_close() in any case. */
int mount_ns_open(struct mount_ns *st, struct store *s, const struct tmp_dir *sc, const char *name,
		  bool userns, struct err *err) MUST_CHECK;
void mount_ns_close(struct mount_ns *st);

/*
 * mount_ns_forbid_devices - no device file in the tree of the container with this first process works;
 * before it is started. A runtime may have mounted the tree once more without what mount_ns_open() said.
 */
int mount_ns_forbid_devices(int pid, struct err *err) MUST_CHECK;

/* mount_ns_hide_cgroups - what crun will not have: control groups in two versions at once. */
void mount_ns_hide_cgroups(void);

#endif
