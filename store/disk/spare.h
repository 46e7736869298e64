/*
 * Room for one more index.json, kept for the day on which the file system is full: imagefs/spare is
 * written over and renamed, so that images can be removed without a new file or block.
 */
#ifndef STORE_DISK_SPARE_H
#define STORE_DISK_SPARE_H

struct err;
struct refs;
struct store;

/* spare_keep - see that there is one for the index.json of now. The exclusive lock is held; that there is no room is no error. */
void spare_keep(struct store *s);

/* spare_write - refs become index.json, on a full file system too. The exclusive lock is held. */
int spare_write(struct store *s, const struct refs *refs, struct err *err);

#endif
