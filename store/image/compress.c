/*
 * Layers are compressed in parallel. Each is hashed while it is read, so that a damaged one does
 * not become a valid blob.
 */
#include "store/image/compress.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/file.h"
#include "base/log.h"
#include "base/progress.h"
#include "base/workers.h"
#include "store/disk/blob.h"
#include "store/disk/refs.h"
#include "store/disk/store.h"
#include "store/disk/store_lock.h"
#include "store/disk/txn.h"
#include "store/image/image.h"
#include "store/layer/encode.h"
#include "store/layer/layer.h"

#define READ_BLOCK (256u * 1024)
#define THREADS_MAX 4

DEFINE_CLEANUP_PTR(struct txn, txn_free);
DEFINE_CLEANUP_PTR(struct encoder, encoder_free);
DEFINE_CLEANUP_PTR(struct hash, hash_free);

/* State of compressing one image. */
struct work {
	struct txn *txn;
	const struct image *image;
	struct descriptor *layers; /* for the push; no digest: still to be compressed */
	struct progress *progress;
};

static bool is_plain(const struct descriptor *d)
{
	return d->media_type && strcmp(d->media_type, MEDIA_OCI_LAYER) == 0;
}

static bool is_gzip(const struct descriptor *d)
{
	return d->media_type && (strcmp(d->media_type, MEDIA_OCI_LAYER_GZIP) == 0 ||
				 strcmp(d->media_type, MEDIA_DOCKER_LAYER_GZIP) == 0);
}

static bool has_plain(const struct image *image)
{
	size_t i;

	for (i = 0; i < image->manifest.n_layers; i++)
		if (is_plain(&image->manifest.layers[i]))
			return true;
	return false;
}

/* A manifest that a registry knows by its digest must not change. */
static bool is_at_registry(const struct refs *refs, const struct digest *manifest)
{
	size_t i;

	for (i = 0; i < refs->n; i++)
		if (digest_eq(&refs->v[i].repo_digest, manifest))
			return true;
	return false;
}

/* True if we generated the manifest. 1, 0 or -errno. */
static int is_ours(struct store *s, const struct image *image, struct err *err)
{
	struct buf text _cleanup_buf_ = BUF_INIT;
	int r = blob_get(s, NULL, &image->desc.digest, BLOB_JSON_MAX, &text, err);

	if (r < 0)
		return r;
	if (image->desc.media_type && strcmp(image->desc.media_type, MEDIA_OCI_MANIFEST) != 0)
		return 0;
	r = manifest_is_ours(&image->manifest, buf_str(&text), text.len);
	return r < 0 ? err_nomem(err) : r;
}

static struct image *open_noted(struct store *s, const struct digest *manifest)
{
	struct descriptor d = { .media_type = (char *)MEDIA_OCI_MANIFEST, .digest = *manifest };
	struct image *out = NULL;
	_cleanup_close_ int fd = -1;
	struct err err = ERR_INIT;
	uint64_t size = 0;

	if (!digest_is_set(manifest))
		return NULL;
	fd = blob_open(s, manifest, &size, &err);
	d.size = (int64_t)size;
	if (fd < 0 || image_open(s, NULL, &d, &out, &err) < 0)
		log_debug("compressed before, but: %s", err.msg);
	return out;
}

static bool is_whole(struct store *s, const struct image *image)
{
	size_t i;

	for (i = 0; i < image->manifest.n_layers; i++)
		if (!blob_exists(s, &image->manifest.layers[i].digest,
				 image->manifest.layers[i].size))
			return false;
	return true;
}

/* Find the image compressed for an earlier push, if it is complete. */
static struct image *find_compressed(struct store *s, const struct refs *refs,
				     const struct image *image)
{
	_cleanup_image_ struct image *compressed = NULL;
	size_t i;

	for (i = 0; i < refs->n; i++)
		if (digest_eq(&refs->v[i].desc.digest, &image->desc.digest) &&
		    digest_is_set(&refs->v[i].compressed))
			break;
	if (i < refs->n)
		compressed = open_noted(s, &refs->v[i].compressed);
	if (!compressed || !digest_eq(&compressed->id, &image->id) || !is_whole(s, compressed))
		return NULL;
	return TAKE_PTR(compressed);
}

/* Reuse compressed layers of another image. ours: compressed by this module. */
static void adopt(struct work *w, const struct image *other, bool ours)
{
	struct store *s = txn_store(w->txn);
	struct layer_header h;
	size_t i, k;

	for (i = 0; other && i < w->image->manifest.n_layers; i++) {
		if (digest_is_set(&w->layers[i].digest))
			continue;
		for (k = 0; k < other->manifest.n_layers; k++) {
			const struct descriptor *d = &other->manifest.layers[k];

			if (!digest_eq(&other->diff_ids[k], &w->image->diff_ids[i]) ||
			    !is_gzip(d) || !blob_exists(s, &d->digest, d->size))
				continue;
			/* Its index has the diff ID found when it was added. */
			if (!ours && (layer_peek_in(w->txn, &d->digest, &h, NULL) < 0 ||
				      h.codec != CODEC_GZIP ||
				      strcmp(h.diff_id, w->image->diff_ids[i].str) != 0))
				continue;
			if (blob_keep(w->txn, &d->digest, NULL) < 0)
				continue;
			w->layers[i].digest = d->digest;
			w->layers[i].size = d->size;
			w->layers[i].media_type = (char *)MEDIA_OCI_LAYER_GZIP;
			break;
		}
	}
}

static void adopt_known(struct work *w, const struct refs *refs)
{
	struct store *s = txn_store(w->txn);
	size_t i;

	for (i = 0; i < refs->n; i++) {
		_cleanup_image_ struct image *compressed = open_noted(s, &refs->v[i].compressed);
		_cleanup_image_ struct image *other = NULL;

		adopt(w, compressed, true);
		if (image_open(s, NULL, &refs->v[i].desc, &other, NULL) == 0)
			adopt(w, other, false);
	}
}

/* Output of the compression: a file and its digest. */
struct packed {
	int fd;
	struct hash *hash;
	uint64_t size;
};

static int packed_write(void *ctx, const void *data, size_t len, struct err *err)
{
	struct packed *p = ctx;
	int r = file_write_all(p->fd, data, len);

	if (r < 0)
		return err_sys(err, -r, "cannot write");
	hash_update(p->hash, data, len);
	p->size += len;
	return 0;
}

static int pack_stream(struct work *w, struct workers *workers, int in, struct hash *plain,
		       struct encoder *e, struct err *err)
{
	_cleanup_free_ char *block = malloc(READ_BLOCK);
	ssize_t n;
	int r = block ? 0 : err_nomem(err);

	while (r == 0) {
		n = read(in, block, READ_BLOCK);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(err, errno, "cannot read");
		if (n == 0)
			return encoder_end(e, err);
		hash_update(plain, block, (size_t)n);
		r = encoder_write(e, block, (size_t)n, err);
		progress_add(w->progress, (uint64_t)n);
		if (r == 0 && workers_stopped(workers))
			return -ECANCELED;
	}
	return r;
}

static int pack(struct work *w, struct workers *workers, const struct digest *blob,
		struct descriptor *out, struct err *err)
{
	char name[16], path[DIGEST_MAX + 8];
	_cleanup_(cleanup_hash_free) struct hash *plain = hash_new(blob), *hash = hash_new(NULL);
	_cleanup_(cleanup_encoder_free) struct encoder *e = NULL;
	_cleanup_close_ int in = -1, fd = -1;
	struct packed p = { .hash = hash };
	struct sink sink = { packed_write, &p };
	struct digest got;
	int r;

	e = encoder_new(CODEC_GZIP, &sink);
	if (!plain || !hash || !e)
		return err_nomem(err);
	blob_store_path(blob, path);
	in = txn_open(w->txn, path);
	if (in < 0)
		return err_sys(err, -in, "cannot open");
	posix_fadvise(in, 0, 0, POSIX_FADV_SEQUENTIAL);
	r = fd = p.fd = txn_create(w->txn, name, err);
	if (r >= 0)
		r = pack_stream(w, workers, in, plain, e, err);
	if (r == 0 && (hash_final(plain, &got) < 0 || hash_final(hash, &out->digest) < 0))
		r = err_nomem(err);
	if (r == 0 && !digest_eq(&got, blob))
		r = err_set(err, EBADMSG, "it is damaged: its content has the digest %s", got.str);
	if (r < 0)
		return r;
	out->size = (int64_t)p.size;
	out->media_type = (char *)MEDIA_OCI_LAYER_GZIP;
	blob_store_path(&out->digest, path);
	return txn_add(w->txn, name, path, err);
}

static int pack_layer(struct workers *workers, size_t i, void *arg, struct err *err)
{
	struct work *w = arg;
	const struct digest *blob = &w->image->manifest.layers[i].digest;
	struct descriptor compressed = { 0 };
	int r;

	if (digest_is_set(&w->layers[i].digest))
		return 0;
	r = pack(w, workers, blob, &compressed, err);
	if (r < 0)
		return err_wrap(err, r, "blob %s", blob->str);
	w->layers[i] = compressed;
	return 0;
}

static int pack_all(struct work *w, bool quiet, struct err *err)
{
	static const struct workers_ops ops = { .job = pack_layer };
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	uint64_t total = 0;
	size_t i, todo = 0;
	int r;

	for (i = 0; i < w->image->manifest.n_layers; i++) {
		if (digest_is_set(&w->layers[i].digest))
			continue;
		total += (uint64_t)w->image->manifest.layers[i].size;
		todo++;
	}
	w->progress = progress_bar("Compressing", total, quiet);
	r = workers_run(&ops, w->image->manifest.n_layers,
			MIN(todo, (size_t)MAX(1, MIN(cpus, THREADS_MAX))), w, err);
	progress_end(w->progress);
	return r;
}

/* Add the manifest to the transaction, record it in index.json, and publish. */
static int publish(struct work *w, struct err *err)
{
	struct store *s = txn_store(w->txn);
	struct manifest m = { .config = w->image->manifest.config,
			      .layers = w->layers,
			      .n_layers = w->image->manifest.n_layers };
	struct buf text _cleanup_buf_ = BUF_INIT;
	_cleanup_refs_ struct refs refs = { 0 };
	struct digest compressed;
	int r;

	if (manifest_write(&m, &text) < 0)
		return err_nomem(err);
	r = blob_put(w->txn, text.data, text.len, &compressed, err);
	if (r == 0)
		r = store_lock(s, STORE_LOCK_EXCLUSIVE, err);
	if (r < 0)
		return r;
	r = refs_read(s, &refs, err);
	if (r == 0 && !refs_set_compressed(&refs, &w->image->desc.digest, &compressed))
		r = err_set(err, ENOENT, "the image was removed concurrently");
	if (r == 0)
		r = refs_stage(w->txn, &refs, err);
	if (r == 0)
		r = txn_publish(w->txn, err);
	store_unlock(s);
	return r;
}

static int compress_layers(struct work *w, const struct refs *refs, bool quiet, struct err *err)
{
	size_t i;
	int r = image_keep(w->txn, w->image, err);

	for (i = 0; i < w->image->manifest.n_layers; i++)
		if (!is_plain(&w->image->manifest.layers[i]))
			w->layers[i] = w->image->manifest.layers[i];
	if (r < 0)
		return r;
	adopt_known(w, refs);
	r = pack_all(w, quiet, err);
	return r == 0 ? publish(w, err) : r;
}

int compress_image(struct store *s, const struct image *image, bool quiet, struct image **out,
		   struct err *err)
{
	_cleanup_refs_ struct refs refs = { 0 }, after = { 0 };
	_cleanup_(cleanup_txn_free) struct txn *t = NULL;
	_cleanup_free_ struct descriptor *layers = NULL;
	struct work w = { .image = image };
	struct image *compressed;
	int r;

	*out = NULL;
	if (!has_plain(image))
		return 0;
	r = refs_read(s, &refs, err);
	if (r < 0 || is_at_registry(&refs, &image->desc.digest))
		return r;
	r = is_ours(s, image, err);
	if (r <= 0)
		return r;
	compressed = find_compressed(s, &refs, image);
	if (compressed) {
		*out = compressed;
		return 0;
	}
	if (s->read_only) {
		log_warn("read-only store %s: the layers go as they are, uncompressed", s->path);
		return 0;
	}
	r = txn_begin(s, &t, err);
	if (r < 0)
		return r;
	w.txn = t;
	w.layers = layers = calloc(image->manifest.n_layers, sizeof(*layers));
	if (!layers)
		return err_nomem(err);
	r = compress_layers(&w, &refs, quiet, err);
	if (r == 0)
		r = refs_read(s, &after, err);
	if (r < 0)
		return r;
	*out = find_compressed(s, &after, image);
	return *out ? 0 : err_set(err, ENOENT, "the image was removed concurrently");
}
