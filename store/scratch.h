/*
 * A directory below imagefs/tmp for what shall not outlive a command. It is kept locked, so that it is
 * swept when the command was killed (store/leftovers.h).
 */
#ifndef STORE_SCRATCH_H
#define STORE_SCRATCH_H

#include <stdbool.h>

struct buf;
struct store;

struct scratch {
	char name[32]; /* below imagefs/tmp */
	int fd;
	bool aside; /* below $TMPDIR, or /tmp, instead */
	bool ours;  /* nobody else gets at what is in it */
};

/* scratch_make - 0 or -errno. */
int scratch_make(struct store *s, struct scratch *out);

/*
 * scratch_make_private - one whose path can be given to other programs: in a store that another user could rearrange
 * meanwhile it is made aside. 0 or -errno.
 */
int scratch_make_private(struct store *s, struct scratch *out);

/* scratch_make_aside - one that is not in the store, where that can only be read. 0 or -errno. */
int scratch_make_aside(struct store *s, struct scratch *out);

/* scratch_path - its absolute path, appended; 0 or -ENOMEM. */
int scratch_path(const struct store *s, const struct scratch *sc, struct buf *out);

/* scratch_remove - it and everything in it is gone, mounts not followed. */
void scratch_remove(struct store *s, struct scratch *sc);

#endif
