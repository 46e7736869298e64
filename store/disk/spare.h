/*
 * Space reserved for a new index.json: if the file system is full, imagefs/spare is overwritten
 * in place and renamed, so images can be removed without allocating a file or block.
 */
#ifndef STORE_DISK_SPARE_H
#define STORE_DISK_SPARE_H

#include <stddef.h>

#include "base/err.h"

struct store;

/*
 * spare_keep - ensure that the spare file fits the current index.json. Lack of space is not an
 * error. The exclusive lock is held.
 */
void spare_keep(struct store *s);

/*
 * spare_use - write text to the spare file and rename it to index.json. The exclusive lock is
 * held. 0 or -errno.
 */
int spare_use(struct store *s, const char *text, size_t len) MUST_CHECK;

/* spare_drop - remove the spare file to free its space; 0 or -errno. */
int spare_drop(struct store *s) MUST_CHECK;

#endif
