/* The grammar of digests, and hashing with OpenSSL. */
#include "store/oci/digest.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "base/err.h"

static const struct {
	const char *prefix;
	size_t hex_len;
	const EVP_MD *(*md)(void);
} algorithms[] = {
	{ "sha256:", 64, EVP_sha256 },
	{ "sha512:", 128, EVP_sha512 },
};

#define N_ALGORITHMS (sizeof(algorithms) / sizeof(algorithms[0]))

struct hash {
	EVP_MD_CTX *ctx;
	size_t alg;
};

int digest_parse(const char *s, struct digest *out, struct err *err)
{
	size_t a;

	for (a = 0; s && a < N_ALGORITHMS; a++) {
		size_t n = strlen(algorithms[a].prefix);

		if (strncmp(s, algorithms[a].prefix, n) != 0)
			continue;
		if (strlen(s) != n + algorithms[a].hex_len ||
		    strspn(s + n, "0123456789abcdef") != algorithms[a].hex_len)
			break;
		memset(out, 0, sizeof(*out));
		memcpy(out->str, s, n + algorithms[a].hex_len);
		return 0;
	}
	return err_set(err, EINVAL, "invalid digest \"%.160s\"", s ? s : "");
}

const char *digest_hex(const struct digest *d)
{
	const char *colon = strchr(d->str, ':');

	return colon ? colon + 1 : "";
}

void digest_path(const struct digest *d, char out[static DIGEST_MAX])
{
	char *colon;

	memcpy(out, d->str, DIGEST_MAX);
	colon = strchr(out, ':');
	if (colon)
		*colon = '/';
}

bool digest_eq(const struct digest *a, const struct digest *b)
{
	return strcmp(a->str, b->str) == 0;
}

struct hash *hash_new(const struct digest *like)
{
	struct hash *h = calloc(1, sizeof(*h));

	if (!h)
		return NULL;
	if (like && strncmp(like->str, "sha512:", 7) == 0)
		h->alg = 1;
	h->ctx = EVP_MD_CTX_new();
	if (!h->ctx || !EVP_DigestInit_ex(h->ctx, algorithms[h->alg].md(), NULL)) {
		hash_free(h);
		return NULL;
	}
	return h;
}

void hash_update(struct hash *h, const void *data, size_t len)
{
	EVP_DigestUpdate(h->ctx, data, len);
}

static int finish(struct hash *h, unsigned char *md, unsigned *len)
{
	if (!EVP_DigestFinal_ex(h->ctx, md, len) ||
	    !EVP_DigestInit_ex(h->ctx, algorithms[h->alg].md(), NULL))
		return -ENOMEM;
	return 0;
}

int hash_final(struct hash *h, struct digest *out)
{
	static const char digits[] = "0123456789abcdef";
	unsigned char md[EVP_MAX_MD_SIZE];
	unsigned len, i;
	char *p;
	int r = finish(h, md, &len);

	if (r < 0)
		return r;
	memset(out, 0, sizeof(*out));
	p = stpcpy(out->str, algorithms[h->alg].prefix);
	for (i = 0; i < len; i++) {
		*p++ = digits[md[i] >> 4];
		*p++ = digits[md[i] & 15];
	}
	return 0;
}

int hash_final_raw(struct hash *h, unsigned char out[static 32])
{
	unsigned char md[EVP_MAX_MD_SIZE];
	unsigned len;
	int r = finish(h, md, &len);

	if (r < 0)
		return r;
	if (len != 32)
		return -EINVAL;
	memcpy(out, md, 32);
	return 0;
}

void hash_free(struct hash *h)
{
	if (!h)
		return;
	EVP_MD_CTX_free(h->ctx);
	free(h);
}

int digest_of(const void *data, size_t len, struct digest *out)
{
	return digest_like(data, len, NULL, out);
}

int digest_like(const void *data, size_t len, const struct digest *like, struct digest *out)
{
	struct hash *h = hash_new(like);
	int r;

	if (!h)
		return -ENOMEM;
	hash_update(h, data, len);
	r = hash_final(h, out);
	hash_free(h);
	return r;
}

int digest_chain_id(const struct digest *diff_ids, size_t n, struct digest *out)
{
	char pair[2 * DIGEST_MAX + 2];
	size_t i;
	int r;

	if (n == 0)
		return -EINVAL;
	*out = diff_ids[0];
	for (i = 1; i < n; i++) {
		int len = snprintf(pair, sizeof(pair), "%s %s", out->str, diff_ids[i].str);

		r = digest_of(pair, (size_t)len, out);
		if (r < 0)
			return r;
	}
	return 0;
}

const char *digest_library_version(void)
{
	return OpenSSL_version(OPENSSL_VERSION);
}
