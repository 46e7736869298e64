/*
 * Decoding a layer's stream, and recording spans: ranges that can be decoded again independently.
 */
#ifndef STORE_LAYER_DECODE_H
#define STORE_LAYER_DECODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"
#include "store/layer/layer_format.h"
#include "store/oci/codec.h"

/*
 * Minimum of uncompressed bytes in a span; spans are longer if the stream has no restart point.
 */
#define SPAN_SIZE (1u << 20)
/* If a span would be longer, the layer is read from a seekable copy instead. */
#define SPAN_MAX (16u << 20)
/* Maximum of compressed bytes in a span, including a byte shared with the previous span. */
#define SPAN_BLOB_MAX (2 * (uint64_t)SPAN_MAX)
/* Maximum window accepted, as in zstd's own tools (ZSTD_d_windowLogMax 27). */
#define ZSTD_WINDOW_LOG_MAX 27

/* Input and output of the decoder. */
struct decode_io {
	/* The next block, borrowed until the next call; 0 at the end, or -errno. */
	ssize_t (*pull)(void *ctx, const void **data);
	/* space() returns room for output, push() tells how much of it was used; 0 or -errno. */
	int (*space)(void *ctx, void **data, size_t *cap);
	void (*push)(void *ctx, size_t len);
	void *ctx;
};

struct spans {
	struct layer_span *v;
	size_t n, cap;
	struct buf windows; /* SECTION_WINDOWS */
	bool unseekable;    /* no usable spans: v is empty */
};

void spans_fini(struct spans *s);

/*
 * decode - decode the whole stream.
 * codec       receives the detected compression
 * spans       filled; may be NULL
 * blob_size, plain_size   bytes of input and output
 * errors      -EINVAL truncated, wrong checksum, trailing garbage; -ENOTSUP a zstd window over
 *             128 MiB. NULs after the last gzip member are accepted
 */
int decode(const struct decode_io *io, enum codec *codec, struct spans *spans, uint64_t *blob_size,
	   uint64_t *plain_size, struct err *err) MUST_CHECK;

/*
 * span_decode - decode one span from the blob.
 * fd       the blob
 * window   the preceding output, for a gzip span without SPAN_START; window_len bytes
 * out      cap bytes: the uncompressed size of the span
 * returns  0; -EBADMSG the blob has changed; -EUCLEAN the blob is intact and the index is wrong;
 *          -errno
 */
int span_decode(int fd, enum codec codec, const struct layer_span *span, const void *window,
		size_t window_len, void *out, size_t cap) MUST_CHECK;

/* decode_zstd_error - map libzstd's error code: -ENOMEM, or -EBADMSG for damaged data. */
int decode_zstd_error(size_t code) MUST_CHECK;

#endif
