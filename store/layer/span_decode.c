/* Decoding one span. Its compressed bytes are verified before they are decoded. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <zstd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "store/layer/decode.h"
#include "store/layer/inflater.h"
#include "store/oci/digest.h"

#define GZIP_TRAILER 8

enum { GZIP_HEAD_CRC = 2, GZIP_EXTRA = 4, GZIP_NAME = 8, GZIP_COMMENT = 16 };

/* Read the span's compressed bytes and verify their digest. *len bytes; the caller frees *out. */
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
	if (r == 0) {
		hash_update(h, in, *len);
		r = hash_final_raw(h, md);
	}
	if (r == 0 && memcmp(md, span->sha256, 32) != 0)
		r = -EBADMSG;
	hash_free(h);
	if (r == 0)
		*out = TAKE_PTR(in);
	return r;
}

static int skip(const unsigned char **in, size_t *left, size_t n)
{
	if (*left < n)
		return -EBADMSG;
	*in += n;
	*left -= n;
	return 0;
}

static int skip_text(const unsigned char **in, size_t *left)
{
	const unsigned char *end = memchr(*in, 0, *left);

	return end ? skip(in, left, (size_t)(end - *in) + 1) : -EBADMSG;
}

/* Skip a member's header, RFC 1952 section 2.3. It was validated when the blob was added. */
static int gzip_head_skip(const unsigned char **in, size_t *left)
{
	const unsigned char *head = *in, *extra;
	int r = skip(in, left, 10);

	if (r == 0 && (head[3] & GZIP_EXTRA)) {
		extra = *in;
		r = skip(in, left, 2);
		if (r == 0)
			r = skip(in, left, extra[0] | (size_t)extra[1] << 8);
	}
	if (r == 0 && (head[3] & GZIP_NAME))
		r = skip_text(in, left);
	if (r == 0 && (head[3] & GZIP_COMMENT))
		r = skip_text(in, left);
	if (r == 0 && (head[3] & GZIP_HEAD_CRC))
		r = skip(in, left, 2);
	return r;
}

/* Skip a member's trailer and NULs up to the next member. */
static int to_next_member(const unsigned char **in, size_t *left)
{
	if (*left < GZIP_TRAILER)
		return -EBADMSG;
	*in += GZIP_TRAILER;
	*left -= GZIP_TRAILER;
	while (*left && **in == 0) {
		(*in)++;
		(*left)--;
	}
	return gzip_head_skip(in, left);
}

/* The digest of the compressed bytes matched, so any error is in the index. */
static int decode_gzip_span(const struct layer_span *span, const unsigned char *in, size_t len,
			    const void *window, size_t window_len, void *out, size_t cap)
{
	struct inflater *f = inflater_new();
	size_t left = len, done = 0, got;
	int r = 0;

	if (!f)
		return -ENOMEM;
	inflater_reset(f);
	if (span->flags & SPAN_START)
		r = span->bits ? -EBADMSG : gzip_head_skip(&in, &left);
	else if (span->bits > 7 || len < (span->bits > 0) || window_len > INFLATER_WINDOW)
		r = -EBADMSG;
	else
		inflater_prime(f, span->bits, span->bits ? in[0] >> (8 - span->bits) : 0, window,
			       window_len);
	if (r == 0 && span->bits) {
		in++;
		left--;
	}
	while (r == 0 && done < cap) {
		enum inflater_state state =
			inflater_run(f, &in, &left, (char *)out + done, cap - done, &got, false);

		done += got;
		if (state == INFLATER_END && done < cap) {
			r = to_next_member(&in, &left);
			inflater_reset(f);
		} else if (state == INFLATER_WRONG || (state == INFLATER_MORE && !got && !left)) {
			r = -EBADMSG;
		}
	}
	inflater_free(f);
	return r;
}

static int decode_zstd_span(const unsigned char *in, size_t len, void *out, size_t cap)
{
	size_t n = ZSTD_decompress(out, cap, in, len);

	if (ZSTD_isError(n))
		return decode_zstd_error(n);
	return n == cap ? 0 : -EBADMSG;
}

int span_decode(int fd, enum codec codec, const struct layer_span *span, const void *window,
		size_t window_len, void *out, size_t cap)
{
	_cleanup_free_ unsigned char *in = NULL;
	size_t len;
	int r = read_checked(fd, span, &in, &len);

	if (r < 0)
		return r;
	switch (codec) {
	case CODEC_GZIP:
		r = decode_gzip_span(span, in, len, window, window_len, out, cap);
		break;
	case CODEC_ZSTD:
		r = decode_zstd_span(in, len, out, cap);
		break;
	case CODEC_NONE:
		r = len < cap ? -EBADMSG : 0;
		if (r == 0)
			memcpy(out, in, cap);
		break;
	default:
		r = -EBADMSG;
	}
	return r == -EBADMSG ? -EUCLEAN : r;
}
