/* The pipeline that adds every blob. */
#include "store/layer/ingest.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/file.h"
#include "base/log.h"
#include "base/progress.h"
#include "store/disk/blob.h"
#include "store/disk/partial.h"
#include "store/disk/txn.h"
#include "store/layer/decode.h"
#include "store/layer/layer_build.h"
#include "store/layer/layer_copy.h"
#include "store/layer/layer_index.h"
#include "store/layer/layer_tar.h"
#include "store/layer/ring.h"

/*
 * Three stages in three threads, connected by rings:
 *
 *     caller   write the blob, SHA-256 of its bytes        -> packed
 *     decoder  decompress, record spans                    -> plain
 *     indexer  SHA-256 of the decompressed bytes, tar entries -> index
 *
 * A stage that fails keeps draining its ring, so that the blob's digest is complete in any case.
 */
#define BLOCK_SIZE (256u * 1024)
#define PACKED_BLOCKS 8
#define PLAIN_BLOCKS 16
#define WRITEBACK_STEP (16u << 20)

struct ingest {
	struct txn *txn;
	int fd;			 /* the blob being written; -1: it is in the store already */
	char name[16];		 /* its name in the transaction */
	struct partial *partial; /* fd is its file, which has no name in the transaction */
	uint64_t size, written_back;
	struct hash *hash;
	struct ring *packed, *plain;
	pthread_t decoder, indexer;

	/* Used by the decoder. */
	enum codec codec;
	struct spans spans;
	uint64_t blob_size, plain_size;
	struct err decode_err;

	/* Used by the indexer. */
	struct hash *plain_hash;
	struct digest diff_id;
	struct layer_build *build;
	struct err index_err;
};

static ssize_t pull_packed(void *ctx, const void **data)
{
	struct ingest *in = ctx;

	return ring_pull(in->packed, data);
}

static int plain_space(void *ctx, void **data, size_t *cap)
{
	struct ingest *in = ctx;

	return ring_space(in->plain, data, cap);
}

static void plain_push(void *ctx, size_t len)
{
	struct ingest *in = ctx;

	if (len)
		ring_push(in->plain, len);
}

static void *run_decoder(void *arg)
{
	struct ingest *in = arg;
	struct decode_io io = { pull_packed, plain_space, plain_push, in };
	const void *data;
	int r;

	r = decode(&io, &in->codec, &in->spans, &in->blob_size, &in->plain_size, &in->decode_err);
	if (r < 0) {
		ring_fail(in->plain, r);
		while (ring_pull(in->packed, &data) > 0)
			;
	} else {
		ring_end(in->plain);
	}
	return NULL;
}

static ssize_t pull_plain(void *ctx, const void **data)
{
	struct ingest *in = ctx;
	ssize_t n = ring_pull(in->plain, data);

	if (n > 0)
		hash_update(in->plain_hash, *data, (size_t)n);
	return n;
}

static void *run_indexer(void *arg)
{
	struct ingest *in = arg;
	const void *data;

	/* The error is in index_err. */
	IGNORE(layer_tar_read(pull_plain, in, in->build, &in->index_err));
	/* Padding and anything else after the archive is part of the diff ID. */
	while (pull_plain(in, &data) > 0)
		;
	if (hash_final(in->plain_hash, &in->diff_id) < 0)
		err_nomem(&in->index_err);
	return NULL;
}

static void ingest_free(struct ingest *in)
{
	if (in->fd >= 0 && !in->partial)
		close(in->fd);
	hash_free(in->hash);
	hash_free(in->plain_hash);
	ring_free(in->packed);
	ring_free(in->plain);
	spans_fini(&in->spans);
	layer_build_free(in->build);
	free(in);
}

static int start_threads(struct ingest *in)
{
	if (pthread_create(&in->decoder, NULL, run_decoder, in) != 0)
		return -EAGAIN;
	if (pthread_create(&in->indexer, NULL, run_indexer, in) != 0) {
		ring_fail(in->plain, -EAGAIN);
		ring_end(in->packed);
		pthread_join(in->decoder, NULL);
		return -EAGAIN;
	}
	return 0;
}

static void stop_threads(struct ingest *in)
{
	ring_end(in->packed);
	pthread_join(in->decoder, NULL);
	pthread_join(in->indexer, NULL);
}

/* p: write the blob to the partial file; keep: write it nowhere. */
static int begin(struct txn *t, const struct digest *like, struct partial *p, bool keep,
		 struct ingest **out, struct err *err)
{
	struct ingest *in = calloc(1, sizeof(*in));
	int r = 0;

	if (!in)
		return err_nomem(err);
	in->txn = t;
	in->fd = p ? partial_fd(p) : -1;
	in->partial = p;
	in->hash = hash_new(like);
	in->plain_hash = hash_new(NULL);
	in->packed = ring_new(PACKED_BLOCKS, BLOCK_SIZE);
	in->plain = ring_new(PLAIN_BLOCKS, BLOCK_SIZE);
	in->build = layer_build_new();
	if (!in->hash || !in->plain_hash || !in->packed || !in->plain || !in->build)
		r = err_nomem(err);
	if (r == 0 && !keep && !p) {
		in->fd = txn_create(t, in->name, err);
		r = in->fd < 0 ? in->fd : 0;
	}
	if (r == 0) {
		r = start_threads(in);
		if (r < 0)
			err_sys(err, -r, "cannot start a thread");
	}
	if (r < 0) {
		ingest_free(in);
		return r;
	}
	*out = in;
	return 0;
}

int ingest_begin(struct txn *t, const struct digest *like, struct ingest **out, struct err *err)
{
	return begin(t, like, NULL, false, out, err);
}

/* Pass bytes through the pipeline without writing them. */
static int feed(struct ingest *in, const void *data, size_t len, struct err *err)
{
	int r;

	hash_update(in->hash, data, len);
	in->size += len;
	r = ring_write(in->packed, data, len);
	return r < 0 ? err_sys(err, -r, "cannot read the layer") : 0;
}

int ingest_write(struct ingest *in, const void *data, size_t len, struct err *err)
{
	int r;

	if (in->fd >= 0) {
		r = file_write_all(in->fd, data, len);
		if (r < 0)
			return err_sys(err, -r, "cannot write to the store");
	}
	r = feed(in, data, len, err);
	/* Start writeback early, so that the final sync has little left to write. */
	if (in->fd >= 0 && in->size - in->written_back >= WRITEBACK_STEP) {
		sync_file_range(in->fd, (off_t)in->written_back,
				(off_t)(in->size - in->written_back), SYNC_FILE_RANGE_WRITE);
		in->written_back = in->size;
	}
	return r;
}

/* The first error of the bytes as a layer, or 0. */
static int layer_error(const struct ingest *in, char message[static 512])
{
	const struct err *e = in->decode_err.code ? &in->decode_err : &in->index_err;

	snprintf(message, 512, "%.511s", e->msg);
	return -e->code;
}

/* Append the index. */
static int make_index(struct ingest *in, const struct ingest_result *res, struct buf *file,
		      struct err *err)
{
	struct layer_header h = { 0 };

	h.codec = res->codec;
	h.flags = in->spans.unseekable ? LAYER_COPY : 0;
	h.blob_size = res->size;
	h.plain_size = res->plain_size;
	memcpy(h.blob_digest, res->digest.str, sizeof(res->digest.str));
	memcpy(h.diff_id, res->diff_id.str, sizeof(res->diff_id.str));
	return layer_build_finish(in->build, &h, &in->spans, file, err);
}

static int put_index(struct ingest *in, const struct ingest_result *res, struct err *err)
{
	char name[16], path[LAYER_PATH_MAX];
	struct buf file _cleanup_buf_ = BUF_INIT;
	_cleanup_close_ int fd = -1;
	int r = make_index(in, res, &file, err);

	if (r < 0)
		return r;
	fd = txn_create(in->txn, name, err);
	if (fd < 0)
		return fd;
	r = file_write_all(fd, file.data, file.len);
	if (r < 0)
		return err_sys(err, -r, "cannot write a layer index");
	layer_index_path(&res->digest, path);
	return txn_add(in->txn, name, path, err);
}

/* Collect the results. */
static int results(struct ingest *in, struct ingest_result *out, struct err *err)
{
	memset(out, 0, sizeof(*out));
	if (hash_final(in->hash, &out->digest) < 0)
		return err_nomem(err);
	out->size = in->size;
	out->codec = in->codec;
	out->diff_id = in->diff_id;
	out->plain_size = in->plain_size;
	out->layer_error = layer_error(in, out->layer_message);
	/* A failure of the machine says nothing about the blob. */
	if (err_is_machine(out->layer_error))
		return err_set(err, -out->layer_error, "%s", out->layer_message);
	log_debug("blob %s: %s, %llu bytes, %llu plain", out->digest.str, codec_name(out->codec),
		  (unsigned long long)out->size, (unsigned long long)out->plain_size);
	return 0;
}

static int finish(struct ingest *in, struct ingest_result *out, struct err *err)
{
	char path[DIGEST_MAX + 8];
	int r = results(in, out, err);

	if (r < 0)
		return r;
	if (in->partial &&
	    (out->layer_error || !digest_eq(&out->digest, partial_digest(in->partial))))
		return 0;
	if (in->fd >= 0 && fdatasync(in->fd) < 0)
		return err_sys(err, errno, "cannot write to the store");
	if (in->partial) {
		r = partial_add(in->partial, in->txn, err);
		if (r < 0)
			return r;
	} else if (in->fd >= 0) {
		blob_store_path(&out->digest, path);
		r = txn_add(in->txn, in->name, path, err);
		if (r < 0)
			return r;
	}
	if (out->layer_error)
		return 0;
	if (in->spans.unseekable) {
		r = layer_copy_make(in->txn, &out->digest, true, err);
		if (r < 0)
			return r;
	}
	return put_index(in, out, err);
}

int ingest_end(struct ingest *in, struct ingest_result *out, struct err *err)
{
	int r;

	stop_threads(in);
	r = finish(in, out, err);
	ingest_free(in);
	return r;
}

void ingest_abort(struct ingest *in)
{
	ring_fail(in->packed, -ECANCELED);
	stop_threads(in);
	if (in->fd >= 0 && !in->partial)
		txn_discard(in->txn, in->name);
	ingest_free(in);
}

/* Read fd from its offset to the end through put(). progress may be NULL. */
static int read_through(struct ingest *in, int fd, struct progress *progress,
			int (*put)(struct ingest *in, const void *data, size_t len,
				   struct err *err),
			struct err *err)
{
	_cleanup_free_ void *block = malloc(BLOCK_SIZE);
	int r = 0;

	if (!block)
		return err_nomem(err);
	while (r == 0) {
		ssize_t n = read(fd, block, BLOCK_SIZE);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			r = err_sys(err, errno, "cannot read");
		if (n <= 0)
			break;
		r = put(in, block, (size_t)n, err);
		progress_add(progress, (uint64_t)n);
	}
	return r;
}

int ingest_begin_partial(struct txn *t, struct partial *p, struct ingest **out, uint64_t *have,
			 struct err *err)
{
	struct ingest *in;
	int r = begin(t, partial_digest(p), p, false, &in, err);

	if (r < 0)
		return r;
	if (lseek(in->fd, 0, SEEK_SET) < 0)
		r = err_sys(err, errno, "cannot read");
	if (r == 0)
		r = read_through(in, in->fd, NULL, feed, err);
	if (r < 0) {
		ingest_abort(in);
		return r;
	}
	*have = in->written_back = in->size;
	*out = in;
	return 0;
}

int ingest_fd(struct txn *t, int fd, const struct digest *like, bool keep,
	      struct ingest_result *out, struct err *err)
{
	struct ingest *in;
	int r = begin(t, like, NULL, keep, &in, err);

	if (r < 0)
		return r;
	r = read_through(in, fd, NULL, ingest_write, err);
	if (r < 0) {
		ingest_abort(in);
		return r;
	}
	return ingest_end(in, out, err);
}

int ingest_look(int fd, const struct digest *like, struct progress *progress,
		struct ingest_result *out, struct buf *index, struct err *err)
{
	struct ingest *in;
	int r = begin(NULL, like, NULL, true, &in, err);

	if (r < 0)
		return r;
	r = read_through(in, fd, progress, feed, err);
	if (r < 0) {
		ingest_abort(in);
		return r;
	}
	stop_threads(in);
	r = results(in, out, err);
	if (r == 0 && !out->layer_error)
		r = make_index(in, out, index, err);
	ingest_free(in);
	return r;
}
