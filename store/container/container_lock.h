/*
 * Keeping a container as it is: while it is read as a whole, and while it is
 * removed or renamed.
 */
#ifndef STORE_CONTAINER_CONTAINER_LOCK_H
#define STORE_CONTAINER_CONTAINER_LOCK_H

struct container;
struct err;
struct store;

struct container_flock {
	int *mounts; /* of mounts_freeze() */
	unsigned n_mounts;
	int lock;
};

#define CONTAINER_LOCK_INIT \
	{                   \
		NULL, 0, -1 \
	}
#define _cleanup_container_lock_ __attribute__((cleanup(container_lock_release)))

/*
 * container_lock_shared - writes to a container wait, in every mount, until container_lock_release();
 * where there is no mount its lock is held. Several may read at once.
 */
int container_lock_shared(struct store *s, const struct container *c, struct container_flock *h,
			  struct err *err);
void container_lock_release(struct container_flock *h);

/*
 * container_lock_confirm - after the container was read: r, or -ENOENT where it was removed or renamed in that
 * moment in which a mount was asked to hold what somebody had alone. What was read is not to be used then.
 */
int container_lock_confirm(struct store *s, const struct container *c, int r, struct err *err);

/*
 * container_lock_for_rename - the container may be renamed: nobody has it, or a mount that goes along. Who has it only for a
 * moment is waited for.
 * lock    as of container_lock_exclusive(); -1 where a mount has it
 * errors  -ENOENT; -EBUSY it is being read as a whole, by a command or in a mount
 */
int container_lock_for_rename(struct store *s, const struct container *c, int *lock,
			      struct err *err);

/*
 * container_lock_exclusive - no mount and no command has anything of the container any more.
 * Who has it only for a moment is waited for.
 * lock    receives a descriptor that keeps it so until it is closed, or -1: a container too damaged
 *         to open, which has no user
 * errors  -ENOENT; -EBUSY it is in use
 */
int container_lock_exclusive(struct store *s, const char *name, int *lock, struct err *err);

#endif
