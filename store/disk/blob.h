/*
 * Blobs: content named by its digest. This module reads and writes small ones, the JSON of an
 * image, as a whole. Layers are added by store/layer/ingest.h.
 */
#ifndef STORE_DISK_BLOB_H
#define STORE_DISK_BLOB_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "store/oci/digest.h"

struct buf;
struct store;
struct txn;

/* Maximum size of a manifest or config (distribution-spec: 4 MiB). */
#define BLOB_JSON_MAX (4u << 20)

/*
 * blob_put - add a small blob to the transaction.
 * out     its SHA-256
 */
int blob_put(struct txn *t, const void *data, size_t len, struct digest *out,
	     struct err *err) MUST_CHECK;

/*
 * blob_put_like - add a small blob whose digest is known, of any algorithm.
 * errors  -EBADMSG the content has a different digest
 */
int blob_put_like(struct txn *t, const void *data, size_t len, const struct digest *like,
		  struct err *err) MUST_CHECK;

/*
 * blob_get - read a small blob and verify its digest.
 * t       searched before the store; may be NULL
 * max     bytes
 * out     appended to
 * errors  -ENOENT; -EFBIG larger than max; -EBADMSG the content has a different digest
 */
int blob_get(struct store *s, struct txn *t, const struct digest *d, size_t max, struct buf *out,
	     struct err *err) MUST_CHECK;

/* blob_keep - txn_keep() for a blob; -ENOENT if it is not in the store. */
int blob_keep(struct txn *t, const struct digest *d, struct err *err) MUST_CHECK;

/*
 * blob_open - open a blob for reading. Its digest is not verified again. A descriptor or -errno.
 * size    receives its size; may be NULL
 */
int blob_open(struct store *s, const struct digest *d, uint64_t *size, struct err *err) MUST_CHECK;

/* blob_exists - true if the store has the blob, with that size if size is not negative. */
bool blob_exists(struct store *s, const struct digest *d, int64_t size);

/* blob_store_path - "blobs/sha256/<hex>". */
void blob_store_path(const struct digest *d, char out[static DIGEST_MAX + 8]);

#endif
