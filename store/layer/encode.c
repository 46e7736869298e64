/* gzip with zlib, zstd in frames; headers are constant. */
#include "store/layer/encode.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#include <zlib.h>
#include <zstd.h>

#include "base/err.h"
#include "store/layer/decode.h"

#define OUT_SIZE (256u * 1024)
#define GZIP_LEVEL 6
#define ZSTD_LEVEL 3
/* Frames of this size make zstd layers seekable; uncompressed bytes. */
#define ZSTD_FRAME (1u << 20)

struct encoder {
	enum codec codec;
	struct sink out;
	z_stream z;
	ZSTD_CCtx *zstd;
	size_t in_frame;
	unsigned char block[OUT_SIZE];
};

struct encoder *encoder_new(enum codec codec, const struct sink *out)
{
	struct encoder *e = calloc(1, sizeof(*e));

	if (!e)
		return NULL;
	e->codec = codec;
	e->out = *out;
	if (codec == CODEC_GZIP) {
		/*
		 * zlib writes no name and no time by default; "unknown" as OS is the same on
		 * every machine.
		 */
		static gz_header header = { .os = 255 };

		if (deflateInit2(&e->z, GZIP_LEVEL, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) !=
			    Z_OK ||
		    deflateSetHeader(&e->z, &header) != Z_OK) {
			free(e);
			return NULL;
		}
	} else if (codec == CODEC_ZSTD) {
		e->zstd = ZSTD_createCCtx();
		if (!e->zstd) {
			free(e);
			return NULL;
		}
		ZSTD_CCtx_setParameter(e->zstd, ZSTD_c_compressionLevel, ZSTD_LEVEL);
		ZSTD_CCtx_setParameter(e->zstd, ZSTD_c_checksumFlag, 1);
	}
	return e;
}

static int deflate_some(struct encoder *e, const void *data, size_t len, int flush, struct err *err)
{
	int z, r;

	e->z.next_in = (unsigned char *)data;
	e->z.avail_in = (unsigned)len;
	do {
		e->z.next_out = e->block;
		e->z.avail_out = OUT_SIZE;
		z = deflate(&e->z, flush);
		if (z == Z_STREAM_ERROR)
			return err_set(err, EIO, "deflate failed");
		r = sink_write(&e->out, e->block, OUT_SIZE - e->z.avail_out, err);
		if (r < 0)
			return r;
	} while (e->z.avail_out == 0 || (flush == Z_FINISH && z != Z_STREAM_END));
	return 0;
}

static int zstd_some(struct encoder *e, const void *data, size_t len, ZSTD_EndDirective end,
		     struct err *err)
{
	ZSTD_inBuffer in = { data, len, 0 };
	size_t left;
	int r;

	do {
		ZSTD_outBuffer out = { e->block, OUT_SIZE, 0 };

		left = ZSTD_compressStream2(e->zstd, &out, &in, end);
		if (ZSTD_isError(left))
			return decode_zstd_error(left) == -ENOMEM
				       ? err_nomem(err)
				       : err_set(err, EIO, "zstd: %s", ZSTD_getErrorName(left));
		r = sink_write(&e->out, e->block, out.pos, err);
		if (r < 0)
			return r;
	} while (in.pos < in.size || (end == ZSTD_e_end && left));
	return 0;
}

static int zstd_frames(struct encoder *e, const char *p, size_t len, struct err *err)
{
	while (len) {
		size_t n = len < ZSTD_FRAME - e->in_frame ? len : ZSTD_FRAME - e->in_frame;
		bool full = e->in_frame + n == ZSTD_FRAME;
		int r = zstd_some(e, p, n, full ? ZSTD_e_end : ZSTD_e_continue, err);

		if (r < 0)
			return r;
		e->in_frame = full ? 0 : e->in_frame + n;
		p += n;
		len -= n;
	}
	return 0;
}

int encoder_write(void *ctx, const void *data, size_t len, struct err *err)
{
	struct encoder *e = ctx;

	switch (e->codec) {
	case CODEC_GZIP:
		while (len > 1u << 30) {
			int r = deflate_some(e, data, 1u << 30, Z_NO_FLUSH, err);

			if (r < 0)
				return r;
			data = (const char *)data + (1u << 30);
			len -= 1u << 30;
		}
		return deflate_some(e, data, len, Z_NO_FLUSH, err);
	case CODEC_ZSTD:
		return zstd_frames(e, data, len, err);
	default:
		return sink_write(&e->out, data, len, err);
	}
}

int encoder_end(struct encoder *e, struct err *err)
{
	if (e->codec == CODEC_GZIP)
		return deflate_some(e, NULL, 0, Z_FINISH, err);
	if (e->codec == CODEC_ZSTD && e->in_frame)
		return zstd_some(e, NULL, 0, ZSTD_e_end, err);
	return 0;
}

void encoder_free(struct encoder *e)
{
	if (!e)
		return;
	if (e->codec == CODEC_GZIP)
		deflateEnd(&e->z);
	ZSTD_freeCCtx(e->zstd);
	free(e);
}

const char *encode_zlib_version(void)
{
	return zlibVersion();
}

const char *encode_zstd_version(void)
{
	return ZSTD_versionString();
}
