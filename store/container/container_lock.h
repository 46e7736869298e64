/*
 * Locks on containers. A shared lock freezes writes while the container is read as a whole. An
 * exclusive lock is needed to remove or rename it.
 */
#ifndef STORE_CONTAINER_CONTAINER_LOCK_H
#define STORE_CONTAINER_CONTAINER_LOCK_H

#include "base/err.h"

struct container;
struct store;

struct container_flock {
	int *mounts; /* from mounts_freeze() */
	unsigned n_mounts;
	int lock;
};

#define CONTAINER_LOCK_INIT \
	{                   \
		NULL, 0, -1 \
	}
#define _cleanup_container_lock_ __attribute__((cleanup(container_lock_release)))

/*
 * container_lock_shared - freeze writes to a container in all mounts until
 * container_lock_release(). If it is not mounted, its lock file is locked. Several readers are
 * allowed.
 */
int container_lock_shared(struct store *s, const struct container *c, struct container_flock *h,
			  struct err *err) MUST_CHECK;
void container_lock_release(struct container_flock *h);

/*
 * container_lock_confirm - check a shared lock after reading. Returns r, or -ENOENT if the
 * container was removed or renamed between the request to the mounts and the lock; the data that
 * was read is invalid then.
 */
int container_lock_confirm(struct store *s, const struct container *c, int r,
			   struct err *err) MUST_CHECK;

/*
 * container_lock_for_rename - allow a rename: the container is unused, or used by a mount that
 * follows the rename. Short uses are waited for.
 * lock    as in container_lock_exclusive(); -1 if a mount uses it
 * errors  -ENOENT; -EBUSY a command or a mount is reading it as a whole
 */
int container_lock_for_rename(struct store *s, const struct container *c, int *lock,
			      struct err *err) MUST_CHECK;

/*
 * container_lock_exclusive - make all mounts release the container and lock out all commands.
 * Short uses are waited for.
 * lock    a descriptor that holds the lock until it is closed; -1: the container is too damaged
 *         to open, and so unused
 * errors  -ENOENT; -EBUSY in use
 */
int container_lock_exclusive(struct store *s, const char *name, int *lock,
			     struct err *err) MUST_CHECK;

#endif
