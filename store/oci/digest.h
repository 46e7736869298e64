/*
 * Content digests and the running hashes that make them.
 * spec    OCI image-spec descriptor.md, "Digests"
 */
#ifndef STORE_OCI_DIGEST_H
#define STORE_OCI_DIGEST_H

#include <stdbool.h>
#include <stddef.h>

struct err;

#define DIGEST_HEX_MAX 128
#define DIGEST_MAX (7 + DIGEST_HEX_MAX + 1)

/* "sha256:" and 64, or "sha512:" and 128, lower-case hex digits; empty string: none. */
struct digest {
	char str[DIGEST_MAX];
};

/*
 * digest_parse - the only way from text to a digest, strict, so that what
 * comes out may become a part of a path.
 * errors  -EINVAL anything but the two forms above
 */
int digest_parse(const char *s, struct digest *out, struct err *err);

/* digest_hex - the hex digits alone, borrowed. */
const char *digest_hex(const struct digest *d);

/* digest_path - "sha256/<hex>", as a file is named below blobs/ and imagefs/layers/. */
void digest_path(const struct digest *d, char out[static DIGEST_MAX]);

bool digest_eq(const struct digest *a, const struct digest *b);
static inline bool digest_is_set(const struct digest *d)
{
	return d->str[0] != '\0';
}

/*
 * Both: the digest of a run of bytes; 0 or -ENOMEM. digest_of is SHA-256,
 * digest_like has the algorithm of like.
 */
int digest_of(const void *data, size_t len, struct digest *out);
int digest_like(const void *data, size_t len, const struct digest *like, struct digest *out);

/*
 * digest_chain_id - the chain ID of layers 0..n-1 from their diff IDs.
 * spec    OCI image-spec config.md, "Layer ChainID"
 */
int digest_chain_id(const struct digest *diff_ids, size_t n, struct digest *out);

/* A running hash; hash_new() takes the algorithm from like, or SHA-256 where like is NULL or unset.
 */
struct hash;

struct hash *hash_new(const struct digest *like);
void hash_update(struct hash *h, const void *data, size_t len);
/* hash_final - the digest of all that came; h is ready for the next stream. */
int hash_final(struct hash *h, struct digest *out);
/* hash_final_raw - the same as bytes: 32 of them, SHA-256 only. */
int hash_final_raw(struct hash *h, unsigned char out[static 32]);
void hash_free(struct hash *h);

#endif
