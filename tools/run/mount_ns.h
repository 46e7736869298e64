/*
 * The mount namespace of a run: the container's tree is mounted in it, next to the bundle. The
 * mounts disappear with the last process in the namespace.
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
	struct buf dir;	   /* the bundle, in a private directory */
	struct buf path;   /* the container in an existing mount; empty: none */
	struct buf tree;   /* private mount of the containers */
	struct buf rootfs; /* the container's tree */
	int dir_fd;	   /* of dir, in our mount namespace */
	int root_fd;	   /* of rootfs */
	int pinned_fd;	   /* keeps the existing mount busy */
	bool mounted_tree, mounted_rootfs;
	pid_t daemon; /* of the private mount */
};

#define STAGE_INIT                                                                       \
	{                                                                                \
		.dir = BUF_INIT, .path = BUF_INIT, .tree = BUF_INIT, .rootfs = BUF_INIT, \
		.dir_fd = -1, .root_fd = -1, .pinned_fd = -1                             \
	}

/* mount_ns_find - look for a suitable existing mount; as root, before mount_ns_enter(). */
void mount_ns_find(struct mount_ns *st, struct store *s, const char *name);

/*
 * mount_ns_enter - create and enter a mount namespace.
 * userns    also create a user namespace; map_fds are connected to mount_ns_map()
 * errors    include the system settings that prevent it
 */
int mount_ns_enter(bool userns, const int map_fds[static 2], struct err *err) MUST_CHECK;

/* mount_ns_map - in the parent process: map the IDs of pid, which enters a user namespace. */
int mount_ns_map(int pid, const int map_fds[static 2], struct err *err) MUST_CHECK;

/* mount_ns_open - mount the tree at st->rootfs. mount_ns_close() is needed also on failure. */
int mount_ns_open(struct mount_ns *st, struct store *s, const struct tmp_dir *sc, const char *name,
		  bool userns, struct err *err) MUST_CHECK;
void mount_ns_close(struct mount_ns *st);

/*
 * mount_ns_forbid_devices - disable device files in the tree of the container whose first process
 * is pid, before it is started: a runtime may have remounted the tree without nodev.
 */
int mount_ns_forbid_devices(int pid, struct err *err) MUST_CHECK;

/* mount_ns_hide_cgroups - hide a hybrid hierarchy of control groups, which crun rejects. */
void mount_ns_hide_cgroups(void);

#endif
