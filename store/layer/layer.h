/*
 * A layer that is open for reading. Its index is in memory and was checked as a whole when it was
 * opened (store/layer/layer_index.h); contents are read from the blob. If the index or the
 * seekable copy turns out to be damaged, even during a read, it is regenerated from the blob.
 */
#ifndef STORE_LAYER_LAYER_H
#define STORE_LAYER_LAYER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "base/err.h"
#include "store/layer/layer_format.h"
#include "store/oci/digest.h"

struct layer;
struct layers;
struct store;
struct txn;

/*
 * All open layers of a process, each opened once, with a common bounded cache of decoded spans.
 * cache_bytes  limit of the cache
 * threads      all functions below may be called from any thread
 */
struct layers *layers_new(struct store *s, size_t cache_bytes);
void layers_free(struct layers *ls);

/* layers_look_in - also find layers that are only in this transaction. t is borrowed. */
void layers_look_in(struct layers *ls, struct txn *t);
struct store *layers_store(struct layers *ls);

/*
 * layers_get - open a blob as a layer. A missing, outdated or damaged index is regenerated.
 * Release with layer_unref().
 */
int layers_get(struct layers *ls, const struct digest *blob, struct layer **out,
	       struct err *err) MUST_CHECK;
void layer_ref(struct layer *l);
void layer_unref(struct layer *l);

/*
 * layer_peek     read only the header of a blob's index; a missing index is regenerated
 * layer_peek_in  the same for a blob of a transaction or of the store; a new index is added to
 *                the transaction
 */
int layer_peek(struct store *s, const struct digest *blob, struct layer_header *out,
	       struct err *err) MUST_CHECK;
int layer_peek_in(struct txn *t, const struct digest *blob, struct layer_header *out,
		  struct err *err) MUST_CHECK;

/*
 * layer_keep - txn_keep() for a layer: its blob and, if present, its index and seekable copy.
 * errors  -ENOENT the blob is not in the store
 */
int layer_keep(struct txn *t, const struct digest *blob, struct err *err) MUST_CHECK;

/* layer_drop - txn_drop() for a layer: blob, index and seekable copy. */
void layer_drop(struct txn *t, const struct digest *blob);

/* layer_id - a small number, unique among the layers of this process and never reused. */
uint32_t layer_id(const struct layer *l);

const struct layer_header *layer_header(const struct layer *l);

/*
 * layer_is_removed - true if the blob was removed from the store and is only kept alive by our
 * descriptor.
 */
bool layer_is_removed(const struct layer *l);

/* layer_entry - entry i; 0 is the root. NULL: no such entry. Borrowed. */
const struct layer_entry *layer_entry(const struct layer *l, uint32_t i);

/*
 * layer_name - an entry's name, one path component, NUL-terminated; "" for the root. Never NULL.
 */
const char *layer_name(const struct layer *l, const struct layer_entry *e);

/*
 * layer_target - the target of a symbolic link, or of a hard link to a lower layer. Never NULL.
 */
const char *layer_target(const struct layer *l, const struct layer_entry *e);

/* layer_stat - fill st except st_ino, st_dev and a directory's st_nlink. */
void layer_stat(const struct layer *l, const struct layer_entry *e, struct stat *st);

/*
 * layer_xattr - return the next extended attribute. *pos starts at 0 and is opaque.
 * returns 1 and borrowed pointers, 0 at the end
 */
int layer_xattr(const struct layer *l, const struct layer_entry *e, uint64_t *pos,
		const char **name, const void **value, size_t *len) MUST_CHECK;

/*
 * layer_pread - read a regular file; holes are zeros.
 * returns bytes, fewer than len only at the end of the file; -EIO or -EBADMSG if the blob is
 *         damaged
 * threads any
 */
ssize_t layer_pread(struct layer *l, const struct layer_entry *e, void *buf, size_t len,
		    uint64_t off);

/* layer_seek - find data or a hole from off (SEEK_DATA, SEEK_HOLE); the offset or -ENXIO. */
int64_t layer_seek(const struct layer *l, const struct layer_entry *e, uint64_t off, int whence);

#endif
