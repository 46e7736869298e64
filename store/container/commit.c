/* The stages are stacked: upper directory, tar, compression, ingest; then config and manifest. */
#include "store/container/commit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/json.h"
#include "base/progress.h"
#include "base/text.h"
#include "store/container/container.h"
#include "store/container/container_lock.h"
#include "store/container/layer_write.h"
#include "store/container/upper.h"
#include "store/disk/blob.h"
#include "store/disk/store.h"
#include "store/disk/txn.h"
#include "store/image/image.h"
#include "store/image/tree.h"
#include "store/layer/encode.h"
#include "store/layer/ingest.h"
#include "store/layer/layer.h"
#include "store/layer/tar_write.h"
#include "store/oci/instruction.h"

/*
 * Keep the base's layers until the commit is done, even if container and image are removed
 * concurrently.
 */
static int keep_base(struct txn *t, const struct image *base, struct err *err)
{
	size_t i;
	int r = 0;

	for (i = 0; i < base->manifest.n_layers && r == 0; i++)
		r = layer_keep(t, &base->manifest.layers[i].digest, err);
	return r;
}

/* The root directory in the lower layers. */
static int base_root(struct txn *txn, const struct image *base, struct layer_root *root,
		     struct err *err)
{
	struct layers *ls = layers_new(txn_store(txn), 0);
	const struct layer_entry *e;
	struct layer *l;
	struct tree *t;
	int r;

	if (!ls)
		return err_nomem(err);
	layers_look_in(ls, txn);
	r = tree_open(ls, &base->manifest, &t, err);
	if (r == 0) {
		tree_stat(t, TREE_ROOT, &root->st);
		e = tree_entry(t, TREE_ROOT, &l, NULL);
		if (e && layer_entry_xattrs(l, e, layer_carries, &root->xattrs) < 0)
			r = err_nomem(err);
		tree_free(t);
	}
	layers_free(ls);
	return r;
}

static int to_ingest(void *ctx, const void *data, size_t len, struct err *err)
{
	return ingest_write(ctx, data, len, err);
}

/* Counts the layer's bytes on the way to the encoder. */
struct counted {
	struct encoder *to;
	struct progress *progress;
};

static int count(void *ctx, const void *data, size_t len, struct err *err)
{
	struct counted *c = ctx;

	progress_add(c->progress, len);
	return encoder_write(c->to, data, len, err);
}

/* Write the layer. empty: there is no change, and no layer. */
static int write_layer(struct txn *t, struct container *c, const struct layer_root *root,
		       const struct commit_options *o, struct ingest_result *res, bool *empty,
		       struct err *err)
{
	struct upper u = { -1, -1, c->unprivileged };
	struct sink blob = { to_ingest, NULL }, plain = { count, NULL };
	struct counted counted = { .to = NULL };
	struct encoder *e = NULL;
	uint64_t total = 0;
	struct ingest *in;
	int r;

	u.fd = openat(c->fd, "upper", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	u.work_fd = openat(c->fd, "work", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (u.fd < 0 || u.work_fd < 0) {
		/* Removed since it was opened. */
		r = errno == ENOENT ? err_set(err, ENOENT, "No such container: %s", c->name)
				    : err_sys(err, errno, "container %s", c->name);
		goto out;
	}
	r = ingest_begin(t, NULL, &in, err);
	if (r < 0)
		goto out;
	blob.ctx = in;
	counted.to = e = encoder_new(o->codec, &blob);
	plain.ctx = &counted;
	/*
	 * Patterns may exclude something: the bar ends early then. An unknown total shows no bar.
	 */
	IGNORE(container_changed_size(c, &total, NULL));
	counted.progress = progress_bar("Committing", total, o->quiet);
	r = e ? layer_write(&u, root, o->include, o->exclude, &plain, empty, err) : err_nomem(err);
	if (r == 0 && !*empty)
		r = encoder_end(e, err);
	progress_end(counted.progress);
	if (r < 0 || *empty)
		ingest_abort(in);
	else
		r = ingest_end(in, res, err);
	if (r == 0 && !*empty && res->layer_error)
		r = err_set(err, -res->layer_error, "the layer that was written is not valid: %s",
			    res->layer_message);
out:
	encoder_free(e);
	if (u.fd >= 0)
		close(u.fd);
	if (u.work_fd >= 0)
		close(u.work_fd);
	return r;
}

/* The words of the command, joined, for CREATED BY as in docker. Caller frees. */
static char *created_by(const json_t *config)
{
	const json_t *cmd = json_object_get(json_object_get(config, "config"), "Cmd"), *item;
	struct buf out = BUF_INIT;
	size_t i;

	json_array_foreach(cmd, i, item) {
		if ((i && buf_putc(&out, ' ') < 0) ||
		    buf_puts(&out, json_string_value(item) ? json_string_value(item) : "") < 0) {
			buf_fini(&out);
			return NULL;
		}
	}
	return buf_take(&out);
}

/* Takes value; NULL: out of memory. 0 or -1. */
static int set(json_t *to, const char *key, json_t *value)
{
	return json_object_set_new(to, key, value);
}

static int set_text(json_t *to, const char *key, const char *value)
{
	return value && *value ? set(to, key, json_string(value)) : 0;
}

static int add_history(json_t *config, const struct commit_options *o, const char *created,
		       const char *by, bool empty)
{
	_cleanup_json_ json_t *h = json_pack("{s:s, s:s}", "created", created, "created_by", by);

	if (!h || set_text(h, "author", o->author) < 0 || set_text(h, "comment", o->message) < 0 ||
	    (empty && set(h, "empty_layer", json_true()) < 0))
		return -1;
	if (!json_is_array(json_object_get(config, "history")) &&
	    set(config, "history", json_array()) < 0)
		return -1;
	return json_array_append(json_object_get(config, "history"), h);
}

/* Without layers, the list may be missing or null. */
static int add_diff_id(json_t *rootfs, const struct digest *diff_id)
{
	if (!json_is_array(json_object_get(rootfs, "diff_ids")) &&
	    set(rootfs, "diff_ids", json_array()) < 0)
		return -1;
	return json_array_append_new(json_object_get(rootfs, "diff_ids"),
				     json_string(diff_id->str));
}

/*
 * The new image's config: the base's, with docker's rules for what a commit sets, adds and
 * removes.
 */
static int make_config(const struct image *base, const struct commit_options *o,
		       const struct ingest_result *layer, struct buf *out, struct err *err)
{
	static const char *const left_behind[] = { "author",
						   "comment",
						   "container",
						   "container_config",
						   "docker_version",
						   "id",
						   "parent",
						   "moby.buildkit.buildinfo.v1",
						   "moby.buildkit.cache.v0" };
	_cleanup_json_ json_t *config = json_deep_copy(base->config);
	_cleanup_free_ char *by = created_by(base->config);
	struct timespec now = { o->timestamp, 0 };
	char created[48];
	json_t *run;
	size_t i;
	int r;

	if (o->author && !text_is_utf8(o->author))
		return err_set(err, EINVAL, "--author: not valid UTF-8");
	if (o->message && !text_is_utf8(o->message))
		return err_set(err, EINVAL, "--message: not valid UTF-8");
	if (!config || !by)
		return err_nomem(err);
	if (o->timestamp < 0)
		clock_gettime(CLOCK_REALTIME, &now);
	text_time(now, created);
	for (i = 0; i < ARRAY_SIZE(left_behind); i++)
		json_object_del(config, left_behind[i]);
	if (set(config, "created", json_string(created)) < 0 ||
	    set_text(config, "author", o->author) < 0 ||
	    (!json_is_object(json_object_get(config, "config")) &&
	     set(config, "config", json_object()) < 0))
		return err_nomem(err);
	run = json_object_get(config, "config");
	/* OnBuild and Shell only matter to builds; docker's commits drop them. */
	json_object_del(run, "OnBuild");
	json_object_del(run, "Shell");
	r = instructions_apply(run, o->changes, o->n_changes, err);
	if (r == 0 && o->n_changes)
		r = instructions_inherit(run, json_object_get(base->config, "config"), err);
	if (r < 0)
		return r;
	if (layer && add_diff_id(json_object_get(config, "rootfs"), &layer->diff_id) < 0)
		return err_nomem(err);
	if (add_history(config, o, created, by, !layer) < 0 || json_text(config, out) < 0)
		return err_nomem(err);
	return 0;
}

/* An OCI manifest with the base's layers, by their detected media types, and the new layer. */
static int make_manifest(struct txn *t, const struct image *base, const struct digest *id,
			 size_t config_size, const struct ingest_result *layer, struct buf *out,
			 struct err *err)
{
	size_t n = base->manifest.n_layers, i;
	struct manifest m = { 0 };
	int r = 0;

	m.config.media_type = (char *)MEDIA_OCI_CONFIG;
	m.config.digest = *id;
	m.config.size = (int64_t)config_size;
	m.layers = calloc(n + 1, sizeof(*m.layers));
	if (!m.layers)
		return err_nomem(err);
	for (i = 0; i < n && r == 0; i++) {
		struct layer_header h;

		m.layers[i] = base->manifest.layers[i];
		r = layer_peek_in(t, &m.layers[i].digest, &h, err);
		if (r == 0)
			m.layers[i].media_type = (char *)codec_media_type((enum codec)h.codec);
	}
	m.n_layers = n;
	if (layer) {
		m.layers[n].media_type = (char *)codec_media_type(layer->codec);
		m.layers[n].digest = layer->digest;
		m.layers[n].size = (int64_t)layer->size;
		m.n_layers++;
	}
	if (r == 0 && manifest_write(&m, out) < 0)
		r = err_nomem(err);
	free(m.layers);
	return r;
}

static int build(struct txn *t, struct container *c, const struct commit_options *o,
		 const struct image *base, struct image_name *out, struct err *err)
{
	struct buf config _cleanup_buf_ = BUF_INIT;
	struct buf manifest _cleanup_buf_ = BUF_INIT;
	struct ingest_result layer;
	struct layer_root root = { .xattrs = BUF_INIT };
	_cleanup_container_ struct container *again = NULL;
	bool empty = false;
	int r;

	r = keep_base(t, base, err);
	if (r == 0)
		r = base_root(t, base, &root, err);
	if (r == 0)
		r = write_layer(t, c, &root, o, &layer, &empty, err);
	/* Removed while it was read. */
	if (r == -ENOENT && container_open(txn_store(t), c->name, &again, NULL) == -ENOENT)
		r = err_set(err, ENOENT, "No such container: %s", c->name);
	if (r == 0)
		r = make_config(base, o, empty ? NULL : &layer, &config, err);
	if (r == 0)
		r = blob_put(t, config.data, config.len, &out->id, err);
	if (r == 0)
		r = make_manifest(t, base, &out->id, config.len, empty ? NULL : &layer, &manifest,
				  err);
	if (r == 0)
		r = blob_put(t, manifest.data, manifest.len, &out->desc.digest, err);
	out->name = o->name;
	out->parent = base->id;
	out->desc.media_type = (char *)MEDIA_OCI_MANIFEST;
	out->desc.size = (int64_t)manifest.len;
	buf_fini(&root.xattrs);
	return r;
}

int commit(struct store *s, struct container *c, const struct commit_options *o, struct digest *id,
	   struct err *err)
{
	_cleanup_image_ struct image *base = NULL;
	struct image_name name = { 0 };
	struct txn *t;
	int r;

	r = image_open(s, NULL, &c->manifest, &base, err);
	if (r < 0)
		return err_wrap(err, r, "container %s: its image", c->name);
	r = txn_begin(s, &t, err);
	if (r < 0)
		return r;
	r = build(t, c, o, base, &name, err);
	r = container_lock_confirm(s, c, r, err);
	if (r == 0)
		r = image_publish(t, &name, 1, err);
	txn_free(t);
	if (r == 0)
		*id = name.id;
	return r;
}
