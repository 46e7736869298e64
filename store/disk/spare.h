/*
 * Room for one more index.json, kept for the day on which the file system is full: imagefs/spare is
 * written over and renamed, so that images can be removed without a new file or block.
 */
#ifndef STORE_DISK_SPARE_H
#define STORE_DISK_SPARE_H

#include <stddef.h>

struct store;

/* spare_keep - see that there is one for the index.json of now. The exclusive lock is held; that there is no room is no error. */
void spare_keep(struct store *s);

/* spare_use - text becomes index.json: the spare is written over and renamed. The exclusive lock is held; 0 or -errno. */
int spare_use(struct store *s, const char *text, size_t len);

/* spare_drop - give its room back; 0 or -errno. */
int spare_drop(struct store *s);

#endif
