/*
 * A transaction: the files that a command adds to the store. They are written to a directory
 * below imagefs/tmp and are published together or not at all. The directory is locked by its
 * owner, so that a sweep can tell abandoned ones from those in use.
 */
#ifndef STORE_DISK_TXN_H
#define STORE_DISK_TXN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "store/oci/digest.h"

struct map;
struct store;
struct txn;

/*
 * txn_begin - start a transaction. s is borrowed and must outlive it. No lock is held until
 * txn_publish().
 */
int txn_begin(struct store *s, struct txn **out, struct err *err) MUST_CHECK;

/*
 * txn_begin_reading - start a transaction for files that a reader needs for a while, regenerated
 * or kept. On a read-only store, its files are in $TMPDIR, nothing is kept, and publishing does
 * nothing.
 */
int txn_begin_reading(struct store *s, struct txn **out, struct err *err) MUST_CHECK;
struct store *txn_store(struct txn *t);

/*
 * txn_create - create an empty file, open for reading and writing.
 * name    receives its name inside the transaction, for txn_add() or txn_discard()
 * returns a descriptor that the caller closes, or -errno
 */
int txn_create(struct txn *t, char name[static 16], struct err *err) MUST_CHECK;

/*
 * txn_add - publish the file name as path, relative to the store directory. A path that is
 * already in the transaction stays: paths are digests.
 * threads any
 */
int txn_add(struct txn *t, const char *name, const char *path, struct err *err) MUST_CHECK;

/*
 * txn_keep - ensure that an existing file of the store survives garbage collection until the
 * transaction is published. The file is linked into the transaction, or copied if the file system
 * has no links. A file that the transaction already has under that path is fine.
 * errors  -ENOENT not in the store
 */
int txn_keep(struct txn *t, const char *path, struct err *err) MUST_CHECK;

/*
 * txn_link - publish a file of another directory of the same file system as path, too. The file
 * is linked, or moved if the file system has no links. Like a created file, it replaces an
 * existing one.
 */
int txn_link(struct txn *t, int dirfd, const char *from, const char *path,
	     struct err *err) MUST_CHECK;

/*
 * txn_replace - publish the file name as path after all others. path is borrowed; once per
 * transaction.
 */
void txn_replace(struct txn *t, const char *name, const char *path);
void txn_discard(struct txn *t, const char *name);

/* txn_drop - do not publish path after all; an unknown path is fine. */
void txn_drop(struct txn *t, const char *path);

/* txn_retain - drop all added and kept files whose paths are not keys of paths. */
void txn_retain(struct txn *t, const struct map *paths);

/* txn_open - open path from the transaction, else from the store. A descriptor or -errno. */
int txn_open(struct txn *t, const char *path) MUST_CHECK;

/*
 * txn_publish - sync the files and rename them into the store. The caller holds the store's lock,
 * so that they are not collected before the reference that keeps them is written.
 */
int txn_publish(struct txn *t, struct err *err) MUST_CHECK;

/* txn_free - free t and remove its unpublished files. */
void txn_free(struct txn *t);

#endif
