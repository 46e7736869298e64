/*
 * Decoding a layer's stream, and noting on the way the places from which it
 * can be decoded again later: spans.
 */
#ifndef STORE_LAYER_DECODE_H
#define STORE_LAYER_DECODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "store/layer/layer_format.h"
#include "store/oci/codec.h"

struct err;

/* Plain bytes between two spans, at least; where the stream has no place to start, more. */
#define SPAN_SIZE (1u << 20)
/* A span longer than this is not worth its memory: the layer is read from a seekable copy then. */
#define SPAN_MAX (16u << 20)
/* Blob bytes of a span, one that it shares with the span before included. */
#define SPAN_BLOB_MAX (2 * (uint64_t)SPAN_MAX)
/* zstd's largest window, as its own tools have it (ZSTD_d_windowLogMax 27). */
#define ZSTD_WINDOW_LOG_MAX 27

/* Where the compressed bytes come from and the plain ones go. */
struct decode_io {
	/* The next block, lent until the next call; 0 at the end, or -errno. */
	ssize_t (*pull)(void *ctx, const void **data);
	/* Room for plain bytes, then how many were put there; 0 or -errno. */
	int (*space)(void *ctx, void **data, size_t *cap);
	void (*push)(void *ctx, size_t len);
	void *ctx;
};

struct spans {
	struct layer_span *v;
	size_t n, cap;
	struct buf windows; /* SECTION_WINDOWS */
	bool unseekable;    /* no good spans: v is empty */
};

void spans_fini(struct spans *s);

/*
 * decode - the whole stream.
 * codec       receives what the first bytes said
 * spans       filled; NULL: not wanted
 * blob_size, plain_size   bytes in and out
 * errors      -EINVAL truncated, wrong checksum, garbage behind the end; -ENOTSUP a zstd window over
 *             128 MiB. NULs behind the last gzip member are accepted.
 */
int decode(const struct decode_io *io, enum codec *codec, struct spans *spans, uint64_t *blob_size,
	   uint64_t *plain_size, struct err *err);

/*
 * span_decode - one span again, from the blob.
 * fd       the blob
 * window   what a gzip span without SPAN_START begins with, window_len bytes of it
 * out      cap bytes: as many as the span has plain
 * returns  0; -EBADMSG the bytes of the blob are not what they were; -EUCLEAN they are, and it is the
 *          index that is wrong; -errno
 */
int span_decode(int fd, enum codec codec, const struct layer_span *span, const void *window,
		size_t window_len, void *out, size_t cap);

/* decode_zstd_error - what libzstd returned where it failed: -ENOMEM, or -EBADMSG: the data is damaged. */
int decode_zstd_error(size_t code);

#endif
