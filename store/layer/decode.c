/*
 * All codecs share one cursor over the input blocks. It hashes consumed bytes into the open span.
 */
#include "store/layer/decode.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <zstd.h>
#include <zstd_errors.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "store/layer/checksum.h"
#include "store/layer/inflater.h"
#include "store/layer/tarlib.h"
#include "store/oci/digest.h"

#define WINDOW_SIZE INFLATER_WINDOW
_Static_assert(WINDOW_SIZE == LAYER_WINDOW_MAX, "an index has windows of this size");

/* State shared by all codecs: the current block, positions, the open span. */
struct decoder {
	const struct decode_io *io;
	struct spans *spans;
	struct err *err;
	const unsigned char *block; /* the current block */
	size_t len, used;	    /* its length and the consumed part */
	uint64_t base;		    /* blob offset of block[0] */
	uint64_t plain;		    /* output bytes so far */
	struct hash *hash;	    /* of the open span's input */
	size_t hashed;		    /* length of the hashed part of block */
	unsigned char last;	    /* the last byte of the previous block */
	ZSTD_CCtx *cctx;	    /* compresses windows */
	int pull_error;		    /* of archive_pull(), -errno */
};

void spans_fini(struct spans *s)
{
	free(s->v);
	buf_fini(&s->windows);
	memset(s, 0, sizeof(*s));
}

static uint64_t blob_pos(const struct decoder *d)
{
	return d->base + d->used;
}

static void hash_up_to_here(struct decoder *d)
{
	if (d->hash && d->used > d->hashed)
		hash_update(d->hash, d->block + d->hashed, d->used - d->hashed);
	d->hashed = d->used;
}

/* Ensure that there is input: 1; 0 at the end of the stream; -errno. */
static int refill(struct decoder *d)
{
	const void *data;
	ssize_t n;

	if (d->used < d->len)
		return 1;
	hash_up_to_here(d);
	if (d->len)
		d->last = d->block[d->len - 1];
	d->base += d->len;
	d->len = d->used = d->hashed = 0;
	n = d->io->pull(d->io->ctx, &data);
	if (n < 0)
		return err_sys(d->err, (int)-n, "cannot read");
	d->block = data;
	d->len = (size_t)n;
	return n > 0;
}

static int space(struct decoder *d, void **data, size_t *cap)
{
	int r = d->io->space(d->io->ctx, data, cap);

	return r < 0 ? err_sys(d->err, -r, "cannot decode") : 0;
}

static void push(struct decoder *d, size_t n)
{
	d->plain += n;
	d->io->push(d->io->ctx, n);
}

/* Finish the open span at the current position. */
static int span_close(struct decoder *d)
{
	struct layer_span *s;

	if (!d->spans || !d->spans->n)
		return 0;
	s = &d->spans->v[d->spans->n - 1];
	s->blob_end = blob_pos(d);
	/*
	 * Input without output, such as NULs and empty members, is limited, too: span_decode()
	 * reads a span as a whole.
	 */
	if (d->plain - s->plain > SPAN_MAX || s->blob_end - s->blob >= SPAN_BLOB_MAX)
		d->spans->unseekable = true;
	hash_up_to_here(d);
	return hash_final_raw(d->hash, s->sha256) < 0 ? err_nomem(d->err) : 0;
}

static int put_window(struct decoder *d, struct layer_span *s, const void *window, size_t len)
{
	struct buf *w = &d->spans->windows;
	size_t bound = ZSTD_compressBound(len), n;

	if (buf_reserve(w, bound) < 0)
		return -ENOMEM;
	n = ZSTD_compress2(d->cctx, w->data + w->len, bound, window, len);
	if (ZSTD_isError(n))
		return -ENOMEM;
	s->window = w->len;
	s->window_len = (uint32_t)n;
	s->window_crc = checksum_crc32(0, w->data + w->len, n);
	s->window_plain = (uint16_t)(len % WINDOW_SIZE);
	w->len += n;
	return 0;
}

/*
 * Close the open span and begin a new one.
 * bits    bits of the previous byte that belong to the new span
 * window  the preceding output; NULL at a restart point
 */
static int span_open(struct decoder *d, unsigned bits, const void *window, size_t window_len)
{
	struct spans *list = d->spans;
	struct layer_span *s;
	int r = span_close(d);

	if (r < 0)
		return r;
	if (list->n == list->cap) {
		size_t cap = list->cap ? list->cap * 2 : 64;
		struct layer_span *v = realloc(list->v, cap * sizeof(*v));

		if (!v)
			return err_nomem(d->err);
		list->v = v;
		list->cap = cap;
	}
	s = &list->v[list->n];
	memset(s, 0, sizeof(*s));
	s->plain = d->plain;
	s->blob = blob_pos(d);
	s->bits = (uint8_t)bits;
	s->flags = window ? 0 : SPAN_START;
	if (window && put_window(d, s, window, window_len) < 0)
		return err_nomem(d->err);
	list->n++;
	if (bits)
		hash_update(d->hash, d->used ? &d->block[d->used - 1] : &d->last, 1);
	return 0;
}

/* True if the open span is long enough to be closed. */
static bool span_due(const struct decoder *d)
{
	const struct spans *s = d->spans;

	return s && (!s->n || d->plain - s->v[s->n - 1].plain >= SPAN_SIZE);
}

static int copy_plain(struct decoder *d)
{
	int r;

	while ((r = refill(d)) > 0) {
		size_t cap, n;
		void *out;

		if (span_due(d)) {
			r = span_open(d, 0, NULL, 0);
			if (r < 0)
				return r;
		}
		r = space(d, &out, &cap);
		if (r < 0)
			return r;
		n = MIN(cap, d->len - d->used);
		if (d->spans)
			n = MIN(n, (size_t)(d->spans->v[d->spans->n - 1].plain + SPAN_SIZE -
					    d->plain));
		memcpy(out, d->block + d->used, n);
		d->used += n;
		push(d, n);
	}
	return r;
}

/* After a gzip member: 1 another one follows; 0 the end, possibly after NULs; -EINVAL. */
static int next_member(struct decoder *d)
{
	int r;

	while ((r = refill(d)) > 0) {
		if (d->block[d->used] == 0x1f)
			return 1;
		if (d->block[d->used] != 0)
			return err_set(d->err, EINVAL, "garbage behind the end of the gzip stream");
		d->used++;
	}
	return r;
}

/* Read a byte of a member's header or trailer; -EINVAL at the end. */
static int next_byte(struct decoder *d)
{
	int r = refill(d);

	if (r == 0)
		return err_set(d->err, EINVAL, "the gzip stream is cut short");
	return r < 0 ? r : d->block[d->used++];
}

/* Read an n-byte little-endian number. crc, if not NULL, is updated. */
static int next_number(struct decoder *d, unsigned n, uint32_t *value, uint32_t *crc)
{
	unsigned char byte;
	unsigned i;

	*value = 0;
	for (i = 0; i < n; i++) {
		int c = next_byte(d);

		if (c < 0)
			return c;
		byte = (unsigned char)c;
		*value |= (uint32_t)byte << 8 * i;
		if (crc)
			*crc = checksum_crc32(*crc, &byte, 1);
	}
	return 0;
}

/* Skip a NUL-terminated string. */
static int skip_text(struct decoder *d, uint32_t *crc)
{
	uint32_t c = 1;
	int r = 0;

	while (r == 0 && c)
		r = next_number(d, 1, &c, crc);
	return r;
}

enum { GZIP_HEAD_CRC = 2, GZIP_EXTRA = 4, GZIP_NAME = 8, GZIP_COMMENT = 16, GZIP_RESERVED = 0xe0 };

/* Parse a member's header, RFC 1952 section 2.3. */
static int member_head(struct decoder *d)
{
	uint32_t crc = 0, magic, method, flags, other;
	int r = next_number(d, 2, &magic, &crc);

	if (r == 0 && magic != 0x8b1f)
		return err_set(d->err, EINVAL,
			       "the gzip stream is damaged: incorrect header check");
	if (r == 0)
		r = next_number(d, 1, &method, &crc);
	if (r == 0 && method != 8)
		return err_set(d->err, EINVAL,
			       "the gzip stream is damaged: unknown compression method");
	if (r == 0)
		r = next_number(d, 1, &flags, &crc);
	if (r == 0 && (flags & GZIP_RESERVED))
		return err_set(d->err, EINVAL,
			       "the gzip stream is damaged: unknown header flags set");
	/* MTIME, XFL and OS. */
	if (r == 0)
		r = next_number(d, 4, &other, &crc);
	if (r == 0)
		r = next_number(d, 2, &other, &crc);
	if (r == 0 && (flags & GZIP_EXTRA)) {
		uint32_t n = 0, c;

		r = next_number(d, 2, &n, &crc);
		while (r == 0 && n--)
			r = next_number(d, 1, &c, &crc);
	}
	if (r == 0 && (flags & GZIP_NAME))
		r = skip_text(d, &crc);
	if (r == 0 && (flags & GZIP_COMMENT))
		r = skip_text(d, &crc);
	if (r == 0 && (flags & GZIP_HEAD_CRC)) {
		r = next_number(d, 2, &other, NULL);
		if (r == 0 && other != (crc & 0xffff))
			return err_set(d->err, EINVAL,
				       "the gzip stream is damaged: header crc mismatch");
	}
	return r;
}

static int member_tail(struct decoder *d, uint32_t crc, uint64_t size)
{
	uint32_t said_crc, said_size;
	int r = next_number(d, 4, &said_crc, NULL);

	if (r == 0 && said_crc != crc)
		return err_set(d->err, EINVAL, "the gzip stream is damaged: incorrect data check");
	if (r == 0)
		r = next_number(d, 4, &said_size, NULL);
	if (r == 0 && said_size != (uint32_t)size)
		return err_set(d->err, EINVAL,
			       "the gzip stream is damaged: incorrect length check");
	return r;
}

/* Inflate into one block of output; *end: the member's data is complete. */
static int inflate_some(struct decoder *d, struct inflater *f, uint32_t *crc, bool *end)
{
	enum inflater_state state;
	const unsigned char *in;
	size_t cap, got, left;
	void *out;
	int r = refill(d);

	if (r == 0)
		return err_set(d->err, EINVAL, "the gzip stream is cut short");
	if (r > 0)
		r = space(d, &out, &cap);
	if (r < 0)
		return r;
	in = d->block + d->used;
	left = d->len - d->used;
	/*
	 * Stop at the end of a deflate block only if a span is due: output blocks stay full
	 * otherwise.
	 */
	state = inflater_run(f, &in, &left, out, cap, &got, span_due(d));
	d->used = d->len - left;
	*crc = checksum_crc32(*crc, out, got);
	push(d, got);
	if (state == INFLATER_WRONG)
		return err_set(d->err, EINVAL, "the gzip stream is damaged: %s", inflater_why(f));
	*end = state == INFLATER_END;
	if (state == INFLATER_BLOCK && span_due(d)) {
		const void *window = inflater_window(f, &left);

		return span_open(d, inflater_bits(f), window, left);
	}
	return 0;
}

static int member(struct decoder *d, struct inflater *f)
{
	uint64_t start = d->plain;
	uint32_t crc = 0;
	bool end = false;
	int r = 0;

	if (span_due(d))
		r = span_open(d, 0, NULL, 0);
	if (r >= 0)
		r = member_head(d);
	inflater_reset(f);
	while (r >= 0 && !end)
		r = inflate_some(d, f, &crc, &end);
	return r < 0 ? r : member_tail(d, crc, d->plain - start);
}

static int decode_gzip(struct decoder *d)
{
	struct inflater *f = inflater_new();
	int r;

	if (!f)
		return err_nomem(d->err);
	while ((r = next_member(d)) > 0) {
		r = member(d, f);
		if (r < 0)
			break;
	}
	inflater_free(f);
	return r;
}

static int zstd_failed(size_t code, struct err *err)
{
	if (decode_zstd_error(code) == -ENOMEM)
		return err_nomem(err);
	if (ZSTD_getErrorCode(code) == ZSTD_error_frameParameter_windowTooLarge)
		return err_set(err, ENOTSUP,
			       "the zstd stream needs a window of more than %u MiB (zstd --long=%d "
			       "is the most that is supported)",
			       1u << (ZSTD_WINDOW_LOG_MAX - 20), ZSTD_WINDOW_LOG_MAX);
	return err_set(err, EINVAL, "the zstd stream is damaged: %s", ZSTD_getErrorName(code));
}

static int decode_zstd(struct decoder *d)
{
	ZSTD_DCtx *ctx = ZSTD_createDCtx();
	bool in_frame = false;
	int r = 0;

	if (!ctx)
		return err_nomem(d->err);
	ZSTD_DCtx_setParameter(ctx, ZSTD_d_windowLogMax, ZSTD_WINDOW_LOG_MAX);
	/* An unfinished frame may have output left after all input is consumed. */
	while (r >= 0 && ((r = refill(d)) > 0 || (r == 0 && in_frame))) {
		ZSTD_inBuffer in = { d->block, d->len, d->used };
		ZSTD_outBuffer out = { NULL, 0, 0 };
		bool eof = r == 0;
		size_t n;

		if (!in_frame && span_due(d)) {
			r = span_open(d, 0, NULL, 0);
			if (r < 0)
				break;
		}
		r = space(d, &out.dst, &out.size);
		if (r < 0)
			break;
		n = ZSTD_decompressStream(ctx, &out, &in);
		d->used = in.pos;
		push(d, out.pos);
		if (ZSTD_isError(n)) {
			r = zstd_failed(n, d->err);
			break;
		}
		in_frame = n != 0;
		if (eof && out.pos == 0) {
			r = err_set(d->err, EINVAL, "the zstd stream is cut short");
			break;
		}
	}
	ZSTD_freeDCtx(ctx);
	return r;
}

static la_ssize_t archive_pull(struct archive *a, void *ctx, const void **block)
{
	struct decoder *d = ctx;
	int r = refill(d);

	if (r < 0) {
		d->pull_error = r;
		archive_set_error(a, -r, "cannot read");
		return -1;
	}
	if (r == 0)
		return 0;
	*block = d->block + d->used;
	d->used = d->len;
	return (la_ssize_t)d->len;
}

/* A read error is already reported. */
static int archive_failed(struct decoder *d, struct archive *a)
{
	return d->pull_error ? d->pull_error
			     : tarlib_failed(a, "the compressed stream is damaged", d->err);
}

/* bzip2 and xz have no spans: libarchive's raw format decompresses them. */
static int decode_archive(struct decoder *d)
{
	struct archive *a = archive_read_new();
	struct archive_entry *e;
	int r = 0;

	if (!a)
		return err_nomem(d->err);
	tarlib_begin();
	archive_read_support_filter_bzip2(a);
	archive_read_support_filter_xz(a);
	archive_read_support_format_raw(a);
	if (archive_read_open(a, d, NULL, archive_pull, NULL) != ARCHIVE_OK ||
	    archive_read_next_header(a, &e) != ARCHIVE_OK)
		r = archive_failed(d, a);
	while (r == 0) {
		size_t cap;
		void *out;
		la_ssize_t n;

		r = space(d, &out, &cap);
		if (r < 0)
			break;
		tarlib_begin();
		n = archive_read_data(a, out, cap);
		if (n == 0)
			break;
		if (n < 0)
			r = archive_failed(d, a);
		else
			push(d, (size_t)n);
	}
	archive_read_free(a);
	return r;
}

/* Input that the codec left unread counts towards the blob's size. */
static int drain(struct decoder *d)
{
	int r;

	while ((r = refill(d)) > 0)
		d->used = d->len;
	return r;
}

static int decode_as(struct decoder *d, enum codec codec)
{
	switch (codec) {
	case CODEC_GZIP:
		return decode_gzip(d);
	case CODEC_ZSTD:
		return decode_zstd(d);
	case CODEC_BZIP2:
	case CODEC_XZ:
		if (d->spans)
			d->spans->unseekable = true;
		return decode_archive(d);
	default:
		return copy_plain(d);
	}
}

int decode(const struct decode_io *io, enum codec *codec, struct spans *spans, uint64_t *blob_size,
	   uint64_t *plain_size, struct err *err)
{
	struct decoder d = { .io = io, .spans = spans, .err = err };
	int r;

	d.hash = spans ? hash_new(NULL) : NULL;
	d.cctx = spans ? ZSTD_createCCtx() : NULL;
	if (spans && (!d.hash || !d.cctx)) {
		r = err_nomem(err);
		goto out;
	}
	if (spans)
		ZSTD_CCtx_setParameter(d.cctx, ZSTD_c_compressionLevel, 1);
	r = refill(&d);
	if (r < 0)
		goto out;
	/* Our own readers never return a first block shorter than the magic numbers. */
	*codec = codec_sniff(d.block, d.len);
	r = decode_as(&d, *codec);
	if (r >= 0)
		r = drain(&d);
	if (r >= 0)
		r = span_close(&d);
	if (r >= 0 && spans && spans->unseekable) {
		spans->n = 0;
		buf_clear(&spans->windows);
	}
	*blob_size = d.base;
	*plain_size = d.plain;
out:
	hash_free(d.hash);
	ZSTD_freeCCtx(d.cctx);
	return r < 0 ? r : 0;
}

int decode_zstd_error(size_t code)
{
	return ZSTD_getErrorCode(code) == ZSTD_error_memory_allocation ? -ENOMEM : -EBADMSG;
}
