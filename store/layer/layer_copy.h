/*
 * The seekable copy of a layer whose compression has no restart points: its contents in zstd
 * frames of 1 MiB. It is a cache that can be regenerated from the blob at any time.
 * spec    zstd's seekable format: frames, then a skippable frame with their sizes. A skippable
 *         frame at the start names the blob
 */
#ifndef STORE_LAYER_LAYER_COPY_H
#define STORE_LAYER_LAYER_COPY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "store/oci/digest.h"

struct layer_copy;
struct txn;

#define LAYER_COPY_FRAME (1u << 20)

/* layer_copy_path - "imagefs/cache/sha256/<hex>.zst". */
void layer_copy_path(const struct digest *blob, char out[static DIGEST_MAX + 32]);

/*
 * layer_copy_make - create the copy of a blob of the transaction or the store, in the
 * transaction.
 * checked  the caller has just verified the blob's digest; else it is verified here
 * errors   -EBADMSG the digest does not match
 */
int layer_copy_make(struct txn *t, const struct digest *blob, bool checked,
		    struct err *err) MUST_CHECK;

/*
 * layer_copy_open - open a copy; takes fd. -EBADMSG: not a copy of this blob. Release with
 * layer_copy_free().
 */
int layer_copy_open(int fd, const struct digest *blob, uint64_t plain_size,
		    struct layer_copy **out) MUST_CHECK;
void layer_copy_free(struct layer_copy *c);

/*
 * layer_copy_read - read frame i, cap bytes. 0, -EBADMSG or -errno.
 * threads any
 */
int layer_copy_read(const struct layer_copy *c, uint64_t i, void *out, size_t cap) MUST_CHECK;

#endif
