/*
 * An index in memory. Everything except the windows is read once, checked and kept, so that later
 * changes to the file have no effect. Windows are about 80 % of an index and are needed one at a
 * time: each is read on demand and verified with the checksum in its span.
 */
#ifndef STORE_LAYER_LAYER_INDEX_H
#define STORE_LAYER_LAYER_INDEX_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "store/layer/layer_format.h"
#include "store/oci/digest.h"

struct layer_index;

/* layer_index_path - the path of a blob's index: "imagefs/layers/sha256/<hex>.idx". */
#define LAYER_PATH_MAX (DIGEST_MAX + 32)
void layer_index_path(const struct digest *blob, char out[static LAYER_PATH_MAX]);

/*
 * layer_index_load - load an index from fd, which is borrowed.
 * errors  -EBADMSG damaged, truncated, of another version or another blob; -ENOMEM; -errno
 */
int layer_index_load(int fd, const struct digest *blob, struct layer_index **out) MUST_CHECK;
void layer_index_free(struct layer_index *ix);

/*
 * layer_index_set_limit - limit the memory of all indexes of this process; beyond it, loading
 * returns -ENOMEM.
 * bytes   0, the default: half of the machine's memory
 */
void layer_index_set_limit(uint64_t bytes);

/* layer_index_peek - read only the header; errors as above. */
int layer_index_peek(int fd, const struct digest *blob, struct layer_header *out) MUST_CHECK;

const struct layer_header *layer_index_header(const struct layer_index *ix);

/* layer_index_at - n records of size bytes from record first on; NULL: out of range. Borrowed. */
const void *layer_index_at(const struct layer_index *ix, enum layer_section s, uint64_t first,
			   uint64_t n, size_t size);

/*
 * layer_index_window - read the window of a span.
 * len     receives its length
 * returns 0; -EUCLEAN the window is damaged; -errno
 */
int layer_index_window(const struct layer_index *ix, const struct layer_span *s,
		       unsigned char out[static LAYER_WINDOW_MAX], size_t *len) MUST_CHECK;

#endif
