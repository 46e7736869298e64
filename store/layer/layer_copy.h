/*
 * The seekable copy of a layer whose own compression cannot be entered in the
 * middle: its plain bytes in frames of 1 MiB, in the cache, made from the blob
 * at any time.
 * spec    zstd's seekable format: frames, then a skippable frame with their sizes; the first one is skippable, too,
 *         and names the blob
 */
#ifndef STORE_LAYER_LAYER_COPY_H
#define STORE_LAYER_LAYER_COPY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "store/oci/digest.h"

struct err;
struct layer_copy;
struct txn;

#define LAYER_COPY_FRAME (1u << 20)

/* layer_copy_path - "imagefs/cache/sha256/<hex>.zst". */
void layer_copy_path(const struct digest *blob, char out[static DIGEST_MAX + 32]);

/*
 * layer_copy_make - from a blob of the transaction or the store into the transaction.
 * checked  the blob has been found to be what its digest says, just now; else it is checked on the way
 * errors   -EBADMSG it is not
 */
int layer_copy_make(struct txn *t, const struct digest *blob, bool checked, struct err *err);

/* layer_copy_open - fd is taken; -EBADMSG it is no copy of this blob. Released with layer_copy_free(). */
int layer_copy_open(int fd, const struct digest *blob, uint64_t plain_size,
		    struct layer_copy **out);
void layer_copy_free(struct layer_copy *c);

/* layer_copy_read - frame i, whole: cap bytes. 0, -EBADMSG or -errno. Any thread. */
int layer_copy_read(const struct layer_copy *c, uint64_t i, void *out, size_t cap);

#endif
