/*
 * A layer, open for reading: its index in memory, checked as a whole when it is
 * opened (store/layer_index.h), its contents read from the blob through it.
 * What was made from the blob, index or seekable copy, is made again where it
 * turns out damaged, also later, by a read.
 */
#ifndef STORE_LAYER_H
#define STORE_LAYER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "store/digest.h"
#include "store/layer_format.h"

struct err;
struct layer;
struct layers;
struct store;
struct txn;

/*
 * All open layers of a process, each only once, with one bounded cache of
 * inflated spans between them.
 * cache_bytes  the bound of that cache
 * threads      everything below may be called from any thread
 */
struct layers *layers_new(struct store *s, size_t cache_bytes);
void layers_free(struct layers *ls);

/* layers_look_in - layers that are only in a transaction count as there. t is borrowed. */
void layers_look_in(struct layers *ls, struct txn *t);
struct store *layers_store(struct layers *ls);

/*
 * layers_get - the layer of a blob; its index is made anew where it is
 * missing, stale or damaged. Released with layer_unref().
 */
int layers_get(struct layers *ls, const struct digest *blob, struct layer **out, struct err *err);
void layer_ref(struct layer *l);
void layer_unref(struct layer *l);

/*
 * layer_peek - the header of a blob's index, without the rest of it; the index is made where it is missing.
 * layer_peek_in - the same for a blob that a transaction has, or the store; a new index is the transaction's
 */
int layer_peek(struct store *s, const struct digest *blob, struct layer_header *out,
	       struct err *err);
int layer_peek_in(struct txn *t, const struct digest *blob, struct layer_header *out,
		  struct err *err);

/*
 * layer_keep - txn_keep() for a layer: its blob, and what the store has of its index and seekable copy.
 * errors  -ENOENT the store does not have the blob
 */
int layer_keep(struct txn *t, const struct digest *blob, struct err *err);

/* layer_drop - txn_drop() for a layer: blob, index and seekable copy. */
void layer_drop(struct txn *t, const struct digest *blob);

/* layer_id - a small number, unique among the layers of this process and never used again. */
uint32_t layer_id(const struct layer *l);

const struct layer_header *layer_header(const struct layer *l);

/* layer_is_removed - the blob that it reads is no longer the store's, and takes space only for us. */
bool layer_is_removed(const struct layer *l);

/* layer_entry - record i, 0 is the root; NULL where there is none. Borrowed from the layer. */
const struct layer_entry *layer_entry(const struct layer *l, uint32_t i);

/* layer_name - the name of an entry, NUL-terminated, one path component; "" for the root. Never
 * NULL. */
const char *layer_name(const struct layer *l, const struct layer_entry *e);

/* layer_target - of a symbolic link, or the path that a link to a lower layer names. Never NULL. */
const char *layer_target(const struct layer *l, const struct layer_entry *e);

/* layer_stat - all but st_ino, st_dev and a directory's st_nlink. */
void layer_stat(const struct layer *l, const struct layer_entry *e, struct stat *st);

/*
 * layer_xattr - the next extended attribute; *pos starts at 0 and is nobody's to read.
 * returns 1 and borrowed pointers, 0 at the end
 */
int layer_xattr(const struct layer *l, const struct layer_entry *e, uint64_t *pos,
		const char **name, const void **value, size_t *len);

/*
 * layer_pread - contents of a regular file, holes as zeros.
 * returns bytes, fewer than len only at the end of the file; -EIO or -EBADMSG: the blob is damaged
 */
ssize_t layer_pread(struct layer *l, const struct layer_entry *e, void *buf, size_t len,
		    uint64_t off);

/*
 * layer_seek - SEEK_DATA or SEEK_HOLE from off; the new offset or -ENXIO.
 */
int64_t layer_seek(const struct layer *l, const struct layer_entry *e, uint64_t off, int whence);

#endif
