/*
 * Content digests, and hashes to compute them.
 * spec    OCI image-spec descriptor.md, "Digests"
 */
#ifndef STORE_OCI_DIGEST_H
#define STORE_OCI_DIGEST_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

#define DIGEST_HEX_MAX 128
#define DIGEST_MAX (7 + DIGEST_HEX_MAX + 1)

/* "sha256:" and 64, or "sha512:" and 128, lower-case hex digits; empty: unset. */
struct digest {
	char str[DIGEST_MAX];
};

/*
 * digest_parse - parse a digest strictly. Every digest comes from here, so it is safe as part of
 * a path.
 * errors  -EINVAL any other form
 */
int digest_parse(const char *s, struct digest *out, struct err *err) MUST_CHECK;

/* digest_hex - the hex digits, borrowed. */
const char *digest_hex(const struct digest *d);

/* digest_path - "sha256/<hex>": the name below blobs/ and imagefs/layers/. */
void digest_path(const struct digest *d, char out[static DIGEST_MAX]);

bool digest_eq(const struct digest *a, const struct digest *b);
static inline bool digest_is_set(const struct digest *d)
{
	return d->str[0] != '\0';
}

/*
 * digest_of, digest_like - the digest of len bytes: SHA-256, or the algorithm of like. 0 or
 * -ENOMEM.
 */
int digest_of(const void *data, size_t len, struct digest *out) MUST_CHECK;
int digest_like(const void *data, size_t len, const struct digest *like,
		struct digest *out) MUST_CHECK;

/*
 * digest_chain_id - compute the chain ID of n layers from their diff IDs, lowest first. 0 or
 * -ENOMEM.
 * spec    OCI image-spec config.md, "Layer ChainID"
 */
int digest_chain_id(const struct digest *diff_ids, size_t n, struct digest *out) MUST_CHECK;

/*
 * An incremental hash. hash_new() uses the algorithm of like; SHA-256 if like is NULL or unset.
 * NULL: out of memory.
 */
struct hash;

struct hash *hash_new(const struct digest *like);
void hash_update(struct hash *h, const void *data, size_t len);
/*
 * hash_final - the digest of the data so far. The hash is reset for the next stream. 0 or
 * -ENOMEM.
 */
int hash_final(struct hash *h, struct digest *out) MUST_CHECK;
/* hash_final_raw - the same as 32 binary bytes; SHA-256 only. */
int hash_final_raw(struct hash *h, unsigned char out[static 32]) MUST_CHECK;
void hash_free(struct hash *h);

/* digest_library_version - of the OpenSSL in use. */
const char *digest_library_version(void);

#endif
