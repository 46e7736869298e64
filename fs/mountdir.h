/*
 * The directory that a user names, and the mount points in it.
 */
#ifndef FS_MOUNTDIR_H
#define FS_MOUNTDIR_H

#include "base/err.h"
#include "fs/options.h"

struct mount_dirs;
struct store;

struct mountdir {
	char *dir;		   /* absolute, without links */
	char *images, *containers; /* mount points; NULL: that tree is not wanted */
	struct mount_dirs *mount_dirs;
	int lock_fd; /* of DIR, from before it is looked at until it is mounted; -1: not held */
};

/*
 * mountdir_prepare - create missing directories and unmount the trees of a dead daemon.
 * errors  -EBUSY imagefs is mounted there
 */
int mountdir_prepare(struct mountdir *m, struct store *s, const char *path, enum mount_tree tree,
		     struct err *err) MUST_CHECK;

/*
 * mountdir_mounted - release the lock: another daemon that waits for it sees the mount now.
 * mark    a record lock on DIR tells whose mount it is (store/disk/mounts.h), where the store has
 *         no socket of it
 */
void mountdir_mounted(struct mountdir *m, bool mark);

/* mountdir_left - a mount point was unmounted: remove it if a mount made it.
 * NULL: all of them, and DIR. */
void mountdir_left(struct mountdir *m, const char *mountpoint);
void mountdir_fini(struct mountdir *m);

#endif
