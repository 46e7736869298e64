/*
 * Keeping a container as it is: while it is read as a whole, and while it is
 * removed or renamed.
 */
#ifndef STORE_HOLD_H
#define STORE_HOLD_H

struct container;
struct err;
struct store;

struct hold {
	int *mounts; /* of mounts_freeze() */
	unsigned n_mounts;
	int lock;
};

#define HOLD_INIT           \
	{                   \
		NULL, 0, -1 \
	}
#define _cleanup_hold_ __attribute__((cleanup(hold_end)))

/*
 * hold_begin - writes to a container wait, in every mount, until hold_end();
 * where there is no mount its lock is held. Several may read at once.
 */
int hold_begin(struct store *s, const struct container *c, struct hold *h, struct err *err);
void hold_end(struct hold *h);

/*
 * hold_confirm - after the container was read: r, or -ENOENT where it was removed or renamed in that
 * moment in which a mount was asked to hold what somebody had alone. What was read is not to be used then.
 */
int hold_confirm(struct store *s, const struct container *c, int r, struct err *err);

/*
 * hold_name - the container may be renamed: nobody has it, or a mount that goes along. Who has it only for a
 * moment is waited for.
 * lock    as of hold_alone(); -1 where a mount has it
 * errors  -ENOENT; -EBUSY it is being read as a whole, by a command or in a mount
 */
int hold_name(struct store *s, const struct container *c, int *lock, struct err *err);

/*
 * hold_alone - no mount and no command has anything of the container any more.
 * Who has it only for a moment is waited for.
 * lock    receives a descriptor that keeps it so until it is closed, or -1: a container too damaged
 *         to open, which has no user
 * errors  -ENOENT; -EBUSY it is in use
 */
int hold_alone(struct store *s, const char *name, int *lock, struct err *err);

#endif
