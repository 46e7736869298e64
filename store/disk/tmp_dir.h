/*
 * A directory below imagefs/tmp for what shall not outlive a command. It is kept locked, so that it is
 * swept when the command was killed (store/disk/tmp_sweep.h).
 */
#ifndef STORE_DISK_TMP_DIR_H
#define STORE_DISK_TMP_DIR_H

#include <stdbool.h>

struct buf;
struct store;

struct tmp_dir {
	char name[32]; /* below imagefs/tmp */
	int fd;
	bool aside; /* below $TMPDIR, or /tmp, instead */
	bool ours;  /* nobody else gets at what is in it */
};

/* tmp_dir_make - 0 or -errno. */
int tmp_dir_make(struct store *s, struct tmp_dir *out);

/*
 * tmp_dir_make_private - one whose path can be given to other programs: in a store that another user could rearrange
 * meanwhile it is made aside. 0 or -errno.
 */
int tmp_dir_make_private(struct store *s, struct tmp_dir *out);

/* tmp_dir_make_aside - one that is not in the store, where that can only be read. 0 or -errno. */
int tmp_dir_make_aside(struct store *s, struct tmp_dir *out);

/* tmp_dir_path - its absolute path, appended; 0 or -ENOMEM. */
int tmp_dir_path(const struct store *s, const struct tmp_dir *sc, struct buf *out);

/* tmp_dir_remove - it and everything in it is gone, mounts not followed. */
void tmp_dir_remove(struct store *s, struct tmp_dir *sc);

#endif
