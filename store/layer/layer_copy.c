/* The copy is written through the decoder and read with the frame table at its end. */
#include "store/layer/layer_copy.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <zstd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/file.h"
#include "store/disk/blob.h"
#include "store/disk/txn.h"
#include "store/layer/decode.h"
#include "store/oci/codec.h"

#define READ_SIZE (256u * 1024)
#define SKIPPABLE_MAGIC 0x184D2A5Eu
/* The first frame names the blob. Other readers skip it. */
#define BLOB_MAGIC 0x184D2A50u
#define WHOSE_SIZE (8 + DIGEST_MAX)
#define SEEKABLE_MAGIC 0x8F92EAB1u
#define FOOTER_SIZE 9
#define ENTRY_SIZE 8
#define FRAMES_MAX (1u << 22) /* 4 TiB */

struct writer {
	int in, out;
	unsigned char *block, *frame, *packed;
	size_t filled;
	ZSTD_CCtx *ctx;
	struct buf table;
	struct hash *hash; /* of the blob; NULL: verified already */
	int error;
};

struct layer_copy {
	int fd;
	uint64_t *offset; /* n + 1 offsets */
	uint64_t n, plain_size;
};

void layer_copy_path(const struct digest *blob, char out[static DIGEST_MAX + 32])
{
	char path[DIGEST_MAX];

	digest_path(blob, path);
	snprintf(out, DIGEST_MAX + 32, "imagefs/cache/%s.zst", path);
}

static int put_u32(struct buf *b, uint32_t v)
{
	unsigned char le[4] = { (unsigned char)v, (unsigned char)(v >> 8), (unsigned char)(v >> 16),
				(unsigned char)(v >> 24) };

	return buf_append(b, le, sizeof(le));
}

static uint32_t get_u32(const unsigned char *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static ssize_t pull(void *ctx, const void **data)
{
	struct writer *w = ctx;
	ssize_t n;

	do
		n = read(w->in, w->block, READ_SIZE);
	while (n < 0 && errno == EINTR);
	if (n > 0 && w->hash)
		hash_update(w->hash, w->block, (size_t)n);
	*data = w->block;
	return n < 0 ? -errno : n;
}

static int space(void *ctx, void **data, size_t *cap)
{
	struct writer *w = ctx;

	*data = w->frame + w->filled;
	*cap = LAYER_COPY_FRAME - w->filled;
	return w->error;
}

static int flush(struct writer *w)
{
	size_t n;
	int r;

	if (!w->filled)
		return 0;
	if (w->table.len / ENTRY_SIZE == FRAMES_MAX)
		return -EFBIG;
	n = ZSTD_compress2(w->ctx, w->packed, ZSTD_compressBound(LAYER_COPY_FRAME), w->frame,
			   w->filled);
	if (ZSTD_isError(n))
		return -ENOMEM;
	r = file_write_all(w->out, w->packed, n);
	if (r == 0)
		r = put_u32(&w->table, (uint32_t)n);
	if (r == 0)
		r = put_u32(&w->table, (uint32_t)w->filled);
	w->filled = 0;
	return r;
}

static void push(void *ctx, size_t len)
{
	struct writer *w = ctx;

	w->filled += len;
	if (w->filled == LAYER_COPY_FRAME && !w->error)
		w->error = flush(w);
}

static int put_table(struct writer *w)
{
	struct buf b _cleanup_buf_ = BUF_INIT;
	uint32_t n = (uint32_t)(w->table.len / ENTRY_SIZE);

	if (put_u32(&b, SKIPPABLE_MAGIC) < 0 ||
	    put_u32(&b, (uint32_t)w->table.len + FOOTER_SIZE) < 0 ||
	    buf_append(&b, w->table.data, w->table.len) < 0 || put_u32(&b, n) < 0 ||
	    buf_putc(&b, 0) < 0 || put_u32(&b, SEEKABLE_MAGIC) < 0)
		return -ENOMEM;
	return file_write_all(w->out, b.data, b.len);
}

static int whose(const struct digest *blob, struct buf *out)
{
	char text[DIGEST_MAX] = "";

	memcpy(text, blob->str, strlen(blob->str));
	return put_u32(out, BLOB_MAGIC) < 0 || put_u32(out, sizeof(text)) < 0 ||
			       buf_append(out, text, sizeof(text)) < 0
		       ? -ENOMEM
		       : 0;
}

static int put_whose(struct writer *w, const struct digest *blob)
{
	struct buf b _cleanup_buf_ = BUF_INIT;

	if (whose(blob, &b) < 0 || put_u32(&w->table, WHOSE_SIZE) < 0 || put_u32(&w->table, 0) < 0)
		return -ENOMEM;
	return file_write_all(w->out, b.data, b.len);
}

static int write_copy(struct writer *w, const struct digest *blob, struct err *err)
{
	const struct decode_io io = { pull, space, push, w };
	uint64_t blob_size, plain_size;
	enum codec codec;
	int r;

	w->block = malloc(READ_SIZE);
	w->frame = malloc(LAYER_COPY_FRAME);
	w->packed = malloc(ZSTD_compressBound(LAYER_COPY_FRAME));
	w->ctx = ZSTD_createCCtx();
	if (!w->block || !w->frame || !w->packed || !w->ctx)
		return err_nomem(err);
	ZSTD_CCtx_setParameter(w->ctx, ZSTD_c_compressionLevel, 1);
	ZSTD_CCtx_setParameter(w->ctx, ZSTD_c_checksumFlag, 1);
	r = put_whose(w, blob);
	if (r < 0)
		return err_sys(err, -r, "cannot write a seekable copy");
	r = decode(&io, &codec, NULL, &blob_size, &plain_size, err);
	if (r < 0)
		return r;
	r = w->error;
	if (r == 0)
		r = flush(w);
	if (r == 0)
		r = put_table(w);
	return r < 0 ? err_sys(err, -r, "cannot write a seekable copy") : 0;
}

static int check_digest(struct writer *w, const struct digest *blob, struct err *err)
{
	struct digest got;
	int r = hash_final(w->hash, &got);

	if (r < 0)
		return err_sys(err, -r, "blob %s", blob->str);
	return digest_eq(&got, blob)
		       ? 0
		       : err_set(err, EBADMSG, "blob %s: its content does not match its digest",
				 blob->str);
}

int layer_copy_make(struct txn *t, const struct digest *blob, bool checked, struct err *err)
{
	char path[DIGEST_MAX + 32], name[16];
	struct writer w = { .in = -1, .out = -1 };
	int r;

	blob_store_path(blob, path);
	w.in = txn_open(t, path);
	if (w.in < 0)
		return err_sys(err, -w.in, "blob %s", blob->str);
	r = w.out = txn_create(t, name, err);
	if (r >= 0 && !checked && !(w.hash = hash_new(blob)))
		r = err_nomem(err);
	if (r >= 0)
		r = write_copy(&w, blob, err);
	if (r >= 0 && w.hash)
		r = check_digest(&w, blob, err);
	if (r >= 0) {
		layer_copy_path(blob, path);
		r = txn_add(t, name, path, err);
	}
	free(w.block);
	free(w.frame);
	free(w.packed);
	ZSTD_freeCCtx(w.ctx);
	hash_free(w.hash);
	buf_fini(&w.table);
	close(w.in);
	if (w.out >= 0)
		close(w.out);
	return r < 0 ? r : 0;
}

/* Check the name of the blob: a copy of another one is valid otherwise. */
static int check_blob(const struct layer_copy *c, const struct digest *blob)
{
	struct buf want _cleanup_buf_ = BUF_INIT;
	char got[WHOSE_SIZE];
	int r = whose(blob, &want);

	if (r == 0)
		r = file_pread_all(c->fd, got, sizeof(got), 0);
	return r < 0 ? r : memcmp(got, want.data, sizeof(got)) == 0 ? 0 : -EBADMSG;
}

/* Read the table of frame sizes at the end of the file. */
static int read_table(struct layer_copy *c, uint64_t size)
{
	unsigned char footer[FOOTER_SIZE];
	_cleanup_free_ unsigned char *table = NULL;
	uint64_t table_at, n, i;
	int r;

	if (size < FOOTER_SIZE + 8)
		return -EBADMSG;
	r = file_pread_all(c->fd, footer, sizeof(footer), size - FOOTER_SIZE);
	if (r < 0)
		return r;
	n = get_u32(footer);
	if (get_u32(footer + 5) != SEEKABLE_MAGIC || n > FRAMES_MAX || n == 0 ||
	    n - 1 != (c->plain_size + LAYER_COPY_FRAME - 1) / LAYER_COPY_FRAME ||
	    n * ENTRY_SIZE + FOOTER_SIZE + 8 > size)
		return -EBADMSG;
	c->n = n - 1;
	table_at = size - FOOTER_SIZE - n * ENTRY_SIZE;
	table = malloc(n * ENTRY_SIZE);
	c->offset = calloc(c->n + 1, sizeof(*c->offset));
	if (!table || !c->offset)
		return -ENOMEM;
	r = file_pread_all(c->fd, table, n * ENTRY_SIZE, table_at);
	if (r < 0)
		return r;
	c->offset[0] = get_u32(table);
	for (i = 0; i < c->n; i++)
		c->offset[i + 1] = c->offset[i] + get_u32(table + (i + 1) * ENTRY_SIZE);
	if (c->offset[0] != WHOSE_SIZE)
		return -EBADMSG;
	return c->offset[c->n] == table_at - 8 ? 0 : -EBADMSG;
}

int layer_copy_open(int fd, const struct digest *blob, uint64_t plain_size, struct layer_copy **out)
{
	struct layer_copy *c = calloc(1, sizeof(*c));
	struct stat st;
	int r;

	if (!c) {
		close(fd);
		return -ENOMEM;
	}
	c->fd = fd;
	c->plain_size = plain_size;
	r = fstat(fd, &st) < 0 ? -errno : check_blob(c, blob);
	if (r == 0)
		r = read_table(c, (uint64_t)st.st_size);
	if (r < 0) {
		layer_copy_free(c);
		return r;
	}
	*out = c;
	return 0;
}

void layer_copy_free(struct layer_copy *c)
{
	if (!c)
		return;
	close(c->fd);
	free(c->offset);
	free(c);
}

int layer_copy_read(const struct layer_copy *c, uint64_t i, void *out, size_t cap)
{
	_cleanup_free_ void *packed = NULL;
	size_t len, n;
	int r;

	if (i >= c->n)
		return -EBADMSG;
	len = (size_t)(c->offset[i + 1] - c->offset[i]);
	if (len > ZSTD_compressBound(LAYER_COPY_FRAME))
		return -EBADMSG;
	packed = malloc(len + 1);
	if (!packed)
		return -ENOMEM;
	r = file_pread_all(c->fd, packed, len, c->offset[i]);
	if (r < 0)
		return r;
	n = ZSTD_decompress(out, cap, packed, len);
	if (ZSTD_isError(n))
		return decode_zstd_error(n);
	return n == cap ? 0 : -EBADMSG;
}
