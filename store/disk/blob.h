/*
 * Blobs: bytes named by their digest. Small ones, the JSON of an image, are
 * read and written whole here; layers come in through store/layer/ingest.h.
 */
#ifndef STORE_DISK_BLOB_H
#define STORE_DISK_BLOB_H

#include <stdbool.h>
#include <stdint.h>

#include "store/oci/digest.h"

struct buf;
struct err;
struct store;
struct txn;

/* The largest manifest or config that is read (distribution-spec: 4 MiB). */
#define BLOB_JSON_MAX (4u << 20)

/* blob_put - add a small blob to the transaction; *out is its SHA-256. */
int blob_put(struct txn *t, const void *data, size_t len, struct digest *out, struct err *err);

/*
 * blob_put_like - the same for a blob that has a digest already, of whatever algorithm.
 * errors  -EBADMSG its content has another one
 */
int blob_put_like(struct txn *t, const void *data, size_t len, const struct digest *like,
		  struct err *err);

/*
 * blob_get - read a small blob and check its digest.
 * t       looked at first; may be NULL
 * errors  -ENOENT, -EFBIG over max bytes, -EBADMSG not what its name says
 */
int blob_get(struct store *s, struct txn *t, const struct digest *d, size_t max, struct buf *out,
	     struct err *err);

/* blob_keep - txn_keep() for a blob; -ENOENT the store does not have it. */
int blob_keep(struct txn *t, const struct digest *d, struct err *err);

/* blob_open - a descriptor to read from, *size where wanted. Its digest was checked when it came
 * in. */
int blob_open(struct store *s, const struct digest *d, uint64_t *size, struct err *err);

/* blob_exists - in the store, and as large as size where that is not negative. */
bool blob_exists(struct store *s, const struct digest *d, int64_t size);

/* blob_store_path - "blobs/sha256/<hex>". */
void blob_store_path(const struct digest *d, char out[static DIGEST_MAX + 8]);

#endif
