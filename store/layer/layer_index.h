/*
 * An index in memory. All but its windows is read, checked and then kept, so that nothing that
 * happens to the file afterwards can change what was checked. Windows are four fifths of an index and
 * wanted one at a time: each is read when it is used and held to the checksum that its span has of it.
 */
#ifndef STORE_LAYER_LAYER_INDEX_H
#define STORE_LAYER_LAYER_INDEX_H

#include <stddef.h>
#include <stdint.h>

#include "store/layer/layer_format.h"

struct layer_index;

/*
 * layer_index_load - from the file fd, which stays the caller's.
 * errors  -EBADMSG damaged, cut short, of another version or another blob; -ENOMEM; -errno
 */
int layer_index_load(int fd, const struct digest *blob, struct layer_index **out);
void layer_index_free(struct layer_index *ix);

/*
 * layer_index_set_limit - how much memory all indexes of this process may take together; further ones are -ENOMEM.
 * bytes   0, as at first: half of the machine's
 */
void layer_index_set_limit(uint64_t bytes);

/* layer_index_peek - the header alone; errors as above. */
int layer_index_peek(int fd, const struct digest *blob, struct layer_header *out);

const struct layer_header *layer_index_header(const struct layer_index *ix);

/* layer_index_at - n records of size bytes from number first on, or NULL where the section has no such. */
const void *layer_index_at(const struct layer_index *ix, enum layer_section s, uint64_t first,
			   uint64_t n, size_t size);

/*
 * layer_index_window - what the inflater must know at a span.
 * len     receives how many bytes that is
 * returns 0; -EUCLEAN the index has lost it; -errno
 */
int layer_index_window(const struct layer_index *ix, const struct layer_span *s,
		       unsigned char out[static LAYER_WINDOW_MAX], size_t *len);

#endif
