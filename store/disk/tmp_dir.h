/*
 * A temporary directory of one command below imagefs/tmp. It is locked while in use, so that it
 * can be swept after the command was killed (store/disk/tmp_sweep.h).
 */
#ifndef STORE_DISK_TMP_DIR_H
#define STORE_DISK_TMP_DIR_H

#include <stdbool.h>

#include "base/err.h"

struct buf;
struct store;

struct tmp_dir {
	char name[32]; /* relative to imagefs/tmp */
	int fd;
	bool aside; /* in $TMPDIR or /tmp instead */
	bool ours;  /* no other user can access it */
};

/* tmp_dir_make - create and lock a directory; 0 or -errno. */
int tmp_dir_make(struct store *s, struct tmp_dir *out) MUST_CHECK;

/*
 * tmp_dir_make_private - create a directory whose path is safe to pass to other programs: outside
 * the store if another user can change the store's directories. 0 or -errno.
 */
int tmp_dir_make_private(struct store *s, struct tmp_dir *out) MUST_CHECK;

/*
 * tmp_dir_make_aside - create a directory outside the store, for read-only stores. 0 or -errno.
 */
int tmp_dir_make_aside(struct store *s, struct tmp_dir *out) MUST_CHECK;

/* tmp_dir_path - append its absolute path; 0 or -ENOMEM. */
int tmp_dir_path(const struct store *s, const struct tmp_dir *sc, struct buf *out) MUST_CHECK;

/* tmp_dir_remove - remove the directory with its contents, on one file system. */
void tmp_dir_remove(struct store *s, struct tmp_dir *sc);

#endif
