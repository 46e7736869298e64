/*
 * Decoding one span again: its blob bytes are checked against their digest before they
 * are inflated.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <zlib.h>
#include <zstd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "store/decode.h"
#include "store/digest.h"

#define WINDOW_SIZE 32768u
#define GZIP_TRAILER 8

/* The span's bytes of the blob, checked against their digest. *len of them; caller frees *out. */
static int read_checked(int fd, const struct layer_span *span, unsigned char **out, size_t *len)
{
	uint64_t start = span->blob - (span->bits > 0);
	_cleanup_free_ unsigned char *in = NULL;
	unsigned char md[32];
	struct hash *h;
	int r;

	if (span->blob < (span->bits > 0) || span->blob_end < start ||
	    span->blob_end - start > SPAN_BLOB_MAX)
		return -EBADMSG;
	*len = (size_t)(span->blob_end - start);
	in = malloc(*len + 1);
	h = hash_new(NULL);
	if (!in || !h) {
		hash_free(h);
		return -ENOMEM;
	}
	r = file_pread_all(fd, in, *len, start);
	hash_update(h, in, *len);
	if (r == 0 && (hash_final_raw(h, md) < 0 || memcmp(md, span->sha256, 32) != 0))
		r = -EBADMSG;
	hash_free(h);
	if (r == 0)
		*out = TAKE_PTR(in);
	return r;
}

/* Set a raw inflater to where the span begins: the bits that are left over, and the window. */
static int prime(z_stream *z, const struct layer_span *span, const unsigned char *in,
		 const void *windows, uint64_t n_windows)
{
	unsigned char window[WINDOW_SIZE];
	size_t want = span->window_plain ? span->window_plain : WINDOW_SIZE, n;

	if (span->window > n_windows || span->window_len > n_windows - span->window)
		return -EBADMSG;
	n = ZSTD_decompress(window, sizeof(window), (const char *)windows + span->window,
			    span->window_len);
	if (ZSTD_isError(n) || (n != want && !(n == 0 && span->window_plain == 0)))
		return -EBADMSG;
	if (span->bits && inflatePrime(z, span->bits, in[0] >> (8 - span->bits)) != Z_OK)
		return -EBADMSG;
	if (n && inflateSetDictionary(z, window, (unsigned)n) != Z_OK)
		return -EBADMSG;
	return 0;
}

/*
 * Behind a member the next one follows, after NULs for all we know. A raw
 * inflater leaves the member's trailer standing.
 */
static int to_next_member(z_stream *z, bool *raw)
{
	unsigned skip = *raw ? GZIP_TRAILER : 0;

	if (z->avail_in < skip)
		return -EBADMSG;
	z->next_in += skip;
	z->avail_in -= skip;
	while (z->avail_in && *z->next_in == 0) {
		z->next_in++;
		z->avail_in--;
	}
	*raw = false;
	return inflateReset2(z, 15 + 16) == Z_OK ? 0 : -EBADMSG;
}

static int decode_gzip_span(const struct layer_span *span, const unsigned char *in, size_t len,
			    const void *windows, uint64_t n_windows, void *out, size_t cap)
{
	bool raw = !(span->flags & SPAN_START);
	z_stream z = { 0 };
	int r = 0;

	if (inflateInit2(&z, raw ? -15 : 15 + 16) != Z_OK)
		return -ENOMEM;
	if (raw)
		r = prime(&z, span, in, windows, n_windows);
	z.next_in = (unsigned char *)in + (span->bits > 0);
	z.avail_in = (unsigned)(len - (span->bits > 0));
	z.next_out = out;
	z.avail_out = (unsigned)cap;
	while (r == 0 && z.avail_out) {
		int e = inflate(&z, Z_NO_FLUSH);

		if (e == Z_STREAM_END)
			r = z.avail_out ? to_next_member(&z, &raw) : 0;
		else if (e != Z_OK)
			r = -EBADMSG;
	}
	inflateEnd(&z);
	return r;
}

static int decode_zstd_span(const unsigned char *in, size_t len, void *out, size_t cap)
{
	size_t n = ZSTD_decompress(out, cap, in, len);

	return ZSTD_isError(n) || n != cap ? -EBADMSG : 0;
}

int span_decode(int fd, enum codec codec, const struct layer_span *span, const void *windows,
		uint64_t n_windows, void *out, size_t cap)
{
	_cleanup_free_ unsigned char *in = NULL;
	size_t len;
	int r = read_checked(fd, span, &in, &len);

	if (r < 0)
		return r;
	switch (codec) {
	case CODEC_GZIP:
		return decode_gzip_span(span, in, len, windows, n_windows, out, cap);
	case CODEC_ZSTD:
		return decode_zstd_span(in, len, out, cap);
	case CODEC_NONE:
		if (len < cap)
			return -EBADMSG;
		memcpy(out, in, cap);
		return 0;
	default:
		return -EBADMSG;
	}
}
