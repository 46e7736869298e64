/* Shared by the formats: layers are checked, small blobs added, and OCI manifests generated. */
#include "store/transfer/load_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "store/disk/blob.h"
#include "store/disk/txn.h"
#include "store/image/image.h"
#include "store/layer/tarlib.h"
#include "store/transfer/load.h"

#define PLAIN_BLOCK (256u << 10)

int load_path(const char *base, const char *path, bool up, char **out)
{
	struct buf b _cleanup_buf_ = BUF_INIT;
	const char *parts[] = { base, path };
	size_t i;

	for (i = 0; i < 2; i++) {
		const char *p = parts[i];

		while (*(p += strspn(p, "/"))) {
			size_t n = strcspn(p, "/");

			if (n == 2 && p[0] == '.' && p[1] == '.') {
				char *slash;

				if (!up || !b.len)
					return -EINVAL;
				slash = strrchr(b.data, '/');
				b.len = slash ? (size_t)(slash - b.data) : 0;
				b.data[b.len] = '\0';
			} else if (n != 1 || p[0] != '.') {
				if ((b.len && buf_putc(&b, '/') < 0) || buf_append(&b, p, n) < 0)
					return -ENOMEM;
			}
			p += n;
		}
	}
	if (!b.len)
		return -EINVAL;
	*out = buf_take(&b);
	return 0;
}

int load_layer(struct load *l, const char *path, const struct digest *like, const char *where,
	       struct ingest_result *out, struct err *err)
{
	int r = l->src->ops->layer(l->src, path, like, out, err);

	if (r < 0)
		return err_wrap(err, r, "%s", where);
	if (out->layer_error < 0)
		return err_set(err, -out->layer_error, "%s: %s", where, out->layer_message);
	return 0;
}

/* Ingest the blob at fd again, decompressed by libarchive. */
static int ingest_plain(struct txn *t, int fd, struct ingest_result *out, struct err *err)
{
	struct archive *a = archive_read_new();
	struct archive_entry *e;
	struct ingest *in = NULL;
	ssize_t n = 0;
	int r = 0;

	if (!a)
		return err_nomem(err);
	tarlib_begin();
	archive_read_support_format_raw(a);
	archive_read_support_filter_bzip2(a);
	archive_read_support_filter_xz(a);
	if (archive_read_open_fd(a, fd, PLAIN_BLOCK) != ARCHIVE_OK ||
	    archive_read_next_header(a, &e) != ARCHIVE_OK)
		r = tarlib_failed(a, "cannot uncompress", err);
	if (r == 0)
		r = ingest_begin(t, NULL, &in, err);
	while (r == 0) {
		const void *data;
		size_t len;
		la_int64_t off;

		tarlib_begin();
		n = archive_read_data_block(a, &data, &len, &off);
		if (n == ARCHIVE_EOF)
			break;
		if (n != ARCHIVE_OK && n != ARCHIVE_WARN)
			r = tarlib_failed(a, "cannot uncompress", err);
		else
			r = ingest_write(in, data, len, err);
	}
	archive_read_free(a);
	if (r < 0) {
		if (in)
			ingest_abort(in);
		return r;
	}
	return ingest_end(in, out, err);
}

int load_layer_plain(struct load *l, const char *path, const char *where, struct ingest_result *out,
		     struct err *err)
{
	char blob[DIGEST_MAX + 8];
	struct ingest_result packed;
	_cleanup_close_ int fd = -1;
	int r;

	r = load_layer(l, path, NULL, where, &packed, err);
	if (r < 0)
		return r;
	if (packed.codec != CODEC_BZIP2 && packed.codec != CODEC_XZ) {
		*out = packed;
		return 0;
	}
	blob_store_path(&packed.digest, blob);
	fd = txn_open(l->txn, blob);
	if (fd < 0)
		return err_sys(err, -fd, "%s", where);
	r = ingest_plain(l->txn, fd, out, err);
	if (r < 0)
		return err_wrap(err, r, "%s", where);
	if (out->layer_error < 0)
		return err_set(err, -out->layer_error, "%s: %s", where, out->layer_message);
	return 0;
}

int load_check_diff_id(const struct ingest_result *layer, const struct digest *want,
		       const char *where, struct err *err)
{
	if (digest_eq(&layer->diff_id, want))
		return 0;
	return err_set(err, EBADMSG, "%s: its DiffID is %s, the image's config says %s", where,
		       layer->diff_id.str, want->str);
}

int load_layer_descriptor(const struct ingest_result *layer, struct descriptor *out)
{
	memset(out, 0, sizeof(*out));
	out->media_type = strdup(codec_media_type(layer->codec));
	out->digest = layer->digest;
	out->size = (int64_t)layer->size;
	return out->media_type ? 0 : -ENOMEM;
}

/* blob_put() uses SHA-256; ingest supports all algorithms. */
static int put_like(struct txn *t, const void *data, size_t len, const struct digest *like,
		    struct digest *out, struct err *err)
{
	struct ingest_result result;
	struct ingest *in;
	int r;

	r = ingest_begin(t, like, &in, err);
	if (r < 0)
		return r;
	r = ingest_write(in, data, len, err);
	if (r < 0) {
		ingest_abort(in);
		return r;
	}
	r = ingest_end(in, &result, err);
	if (r == 0)
		*out = result.digest;
	return r;
}

int load_put(struct load *l, const void *data, size_t len, const struct digest *like,
	     struct digest *out, struct err *err)
{
	struct digest got;
	int r;

	if (like && strncmp(like->str, "sha256:", 7) != 0)
		r = put_like(l->txn, data, len, like, &got, err);
	else
		r = blob_put(l->txn, data, len, &got, err);
	if (r < 0)
		return r;
	if (like && !digest_eq(like, &got))
		return err_set(err, EBADMSG, "blob %s is damaged: its content has the digest %s",
			       like->str, got.str);
	*out = got;
	return 0;
}

/* True if an image is complete in the store; the transaction keeps it. */
static bool is_whole(struct txn *t, const struct descriptor *manifest)
{
	_cleanup_image_ struct image *i = NULL;
	size_t k;

	if (image_open(txn_store(t), t, manifest, &i, NULL) < 0)
		return false;
	for (k = 0; k < i->manifest.n_layers; k++)
		if (!blob_exists(txn_store(t), &i->manifest.layers[k].digest,
				 i->manifest.layers[k].size))
			return false;
	return image_keep(t, i, NULL) == 0;
}

/*
 * Find the existing manifest of an image, maybe with compressed layers from a registry. A
 * generated one would duplicate the layers.
 */
static int known_manifest(const struct load *l, const struct digest *id, struct descriptor *out)
{
	size_t i;

	for (i = 0; i < l->before.n; i++) {
		const struct ref *ref = &l->before.v[i];

		if (digest_eq(&ref->id, id) && manifest_media_is_manifest(ref->desc.media_type) &&
		    is_whole(l->txn, &ref->desc))
			return descriptor_copy(&ref->desc, out);
	}
	return -ENOENT;
}

int load_put_image(struct load *l, const struct buf *config, const struct descriptor *layers,
		   size_t n_layers, struct descriptor *manifest, struct digest *id, struct err *err)
{
	struct manifest m = { .layers = (struct descriptor *)layers, .n_layers = n_layers };
	struct buf text _cleanup_buf_ = BUF_INIT;
	char media[] = MEDIA_OCI_CONFIG;
	struct descriptor out = { 0 };
	int r;

	r = load_put(l, buf_str(config), config->len, NULL, &m.config.digest, err);
	if (r < 0)
		return r;
	*id = m.config.digest;
	r = known_manifest(l, id, manifest);
	if (r != -ENOENT)
		return r < 0 ? err_nomem(err) : 0;
	m.config.media_type = media;
	m.config.size = (int64_t)config->len;
	if (manifest_write(&m, &text) < 0)
		return err_nomem(err);
	r = load_put(l, text.data, text.len, NULL, &out.digest, err);
	if (r < 0)
		return r;
	out.size = (int64_t)text.len;
	out.media_type = strdup(MEDIA_OCI_MANIFEST);
	if (!out.media_type)
		return err_nomem(err);
	*manifest = out;
	return 0;
}
