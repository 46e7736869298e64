/*
 * A transaction: all files that one command adds to the store. They are
 * written in a directory of their own below imagefs/tmp and appear in the
 * store together, or not at all. The directory is locked by its owner, so
 * the next exclusive lock can tell a dead one's leftovers from work in progress.
 */
#ifndef STORE_DISK_TXN_H
#define STORE_DISK_TXN_H

#include <stdbool.h>
#include <stdint.h>

#include "store/oci/digest.h"

struct err;
struct map;
struct store;
struct txn;

/* txn_begin - s is borrowed and must outlive the transaction. No lock is held between begin and
 * publish. */
int txn_begin(struct store *s, struct txn **out, struct err *err);

/*
 * txn_begin_reading - one that only has what is read for a while: made again, or kept. Where the store can
 * only be read its files lie in $TMPDIR, nothing is kept, and publishing it does nothing.
 */
int txn_begin_reading(struct store *s, struct txn **out, struct err *err);
struct store *txn_store(struct txn *t);

/*
 * txn_create - a new empty file, open for reading and writing.
 * name    receives its name inside the transaction, for txn_add() or txn_discard()
 * returns a descriptor that the caller closes, or -errno
 */
int txn_create(struct txn *t, char name[static 16], struct err *err);

/*
 * txn_add - the file name shall become path (relative to the store's
 * directory) when the transaction is published. A path that is already in the
 * transaction stays as it is: names are digests.
 * threads safe
 */
int txn_add(struct txn *t, const char *name, const char *path, struct err *err);

/*
 * txn_keep - a file that the store has already, and that what is being added relies on, shall be
 * there when the transaction is published, whatever is collected until then: it gets one more
 * name in the transaction (a link, or a copy where the file system has none).
 * What the transaction has under that path is fine.
 * errors  -ENOENT the store does not have it
 */
int txn_keep(struct txn *t, const char *path, struct err *err);

/*
 * txn_link - a file of another directory of the same file system shall be path, too, when the
 * transaction is published: it gets one more name here (where the file system has no links,
 * this is its only one from now on). It counts as the transaction's own: it replaces what is there.
 */
int txn_link(struct txn *t, int dirfd, const char *from, const char *path, struct err *err);

/* txn_replace - the file name shall be path at the very end, after all others. path is borrowed; one a transaction. */
void txn_replace(struct txn *t, const char *name, const char *path);
void txn_discard(struct txn *t, const char *name);

/* txn_drop - a file that was added as path shall not appear after all; one that was not is fine. */
void txn_drop(struct txn *t, const char *path);

/* txn_retain - of all files that were added or kept, those whose path is no key of paths go. */
void txn_retain(struct txn *t, const struct map *paths);

/* txn_open - open path, from the transaction if it is there, else from the store. fd or -errno. */
int txn_open(struct txn *t, const char *path);

/*
 * txn_publish - sync the files and rename them into the store. The caller
 * holds the store's lock, so that no collector runs between this and the
 * reference that keeps them.
 */
int txn_publish(struct txn *t, struct err *err);

/* txn_free - and whatever was not published is gone. */
void txn_free(struct txn *t);

#endif
