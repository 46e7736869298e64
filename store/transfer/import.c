/* The tar is ingested like any layer; config and manifest are generated. */
#include "store/transfer/import.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/json.h"
#include "base/log.h"
#include "base/progress.h"
#include "base/text.h"
#include "store/disk/blob.h"
#include "store/disk/txn.h"
#include "store/image/image.h"
#include "store/layer/decode.h"
#include "store/layer/ingest.h"
#include "store/layer/layer.h"
#include "store/oci/instruction.h"
#include "store/oci/platform.h"

#define BLOCK (256u * 1024)
#define FROM_STDIN "Imported from -"

static int parse_platform(const char *text, struct platform *out, struct err *err)
{
	if (!text || !*text) {
		platform_host(out);
		return 0;
	}
	if (platform_parse(text, out) < 0)
		return err_set(err, EINVAL, "--platform %.100s: it is OS[/ARCH[/VARIANT]] or ARCH",
			       text);
	if (strcmp(out->os, "linux") != 0)
		return err_set(err, EINVAL, "--platform %.100s: operating system is not supported",
			       text);
	return 0;
}

/* The input and its destination. */
struct feed {
	int fd;
	struct progress *progress;
	struct ingest *in;
	struct err *err; /* of the first failure */
	int error;
	unsigned char *block, *plain;
	size_t have; /* bytes read into block for detection */
};

static ssize_t read_block(struct feed *f, void *data, size_t len)
{
	ssize_t n;

	do
		n = read(f->fd, data, len);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return f->error = err_sys(f->err, errno, "cannot read");
	progress_add(f->progress, (uint64_t)n);
	return n;
}

static ssize_t pull(void *ctx, const void **data)
{
	struct feed *f = ctx;
	size_t n = f->have;

	*data = f->block;
	f->have = 0;
	return n ? (ssize_t)n : read_block(f, f->block, BLOCK);
}

static int space(void *ctx, void **data, size_t *cap)
{
	struct feed *f = ctx;

	*data = f->plain;
	*cap = BLOCK;
	return f->error;
}

static void push(void *ctx, size_t len)
{
	struct feed *f = ctx;

	if (len && !f->error)
		f->error = ingest_write(f->in, f->plain, len, f->err);
}

/* Decompress a stream whose compression has no media type. */
static int feed_plain(struct feed *f)
{
	const struct decode_io io = { pull, space, push, f };
	uint64_t blob_size, plain_size;
	enum codec codec;
	struct err why = ERR_INIT;
	int r;

	f->plain = malloc(BLOCK);
	if (!f->plain)
		return err_nomem(f->err);
	r = decode(&io, &codec, NULL, &blob_size, &plain_size, &why);
	if (f->error)
		return f->error;
	return r < 0 ? err_set(f->err, -r, "%s", why.msg) : 0;
}

static int feed_as_it_is(struct feed *f)
{
	const void *data;
	ssize_t n;
	int r;

	while ((n = pull(f, &data)) > 0) {
		r = ingest_write(f->in, data, (size_t)n, f->err);
		if (r < 0)
			return r;
	}
	return (int)n;
}

static int feed(struct feed *f)
{
	const char *no_tar;
	enum codec codec;

	f->block = malloc(BLOCK);
	if (!f->block)
		return err_nomem(f->err);
	while (f->have < CODEC_SNIFF_MAX) {
		ssize_t n = read_block(f, f->block + f->have, BLOCK - f->have);

		if (n < 0)
			return (int)n;
		if (n == 0)
			break;
		f->have += (size_t)n;
	}
	no_tar = codec_no_tar(f->block, f->have);
	if (no_tar)
		return err_set(f->err, EINVAL, "it is %s, not a tar", no_tar);
	codec = codec_sniff(f->block, f->have);
	return codec == CODEC_BZIP2 || codec == CODEC_XZ ? feed_plain(f) : feed_as_it_is(f);
}

static int read_layer(struct txn *t, int fd, bool quiet, struct ingest_result *out, struct err *err)
{
	struct feed f = { .fd = fd, .err = err };
	struct stat st;
	int r;

	if (fstat(fd, &st) < 0)
		return err_sys(err, errno, "cannot read");
	if (S_ISDIR(st.st_mode))
		return err_set(err, EISDIR,
			       "it is a directory; import takes a tar: tar -C DIR -c . "
			       "| imagefs import -");
	r = ingest_begin(t, NULL, &f.in, err);
	if (r < 0)
		return r;
	f.progress =
		progress_bar("Importing", S_ISREG(st.st_mode) ? (uint64_t)st.st_size : 0, quiet);
	r = feed(&f);
	progress_end(f.progress);
	free(f.block);
	free(f.plain);
	if (r < 0) {
		ingest_abort(f.in);
		return r;
	}
	r = ingest_end(f.in, out, err);
	if (r == 0 && out->layer_error)
		r = err_set(err, -out->layer_error, "%s", out->layer_message);
	return r;
}

/*
 * The config that docker writes for an import: the message in the history and as comment; no
 * author, no command.
 */
static int make_config(const struct ingest_result *layer, const struct import_options *o,
		       struct buf *out, struct err *err)
{
	const char *message = o->message && *o->message ? o->message : FROM_STDIN;
	_cleanup_json_ json_t *config = NULL, *run = json_object();
	struct timespec now = { o->timestamp, 0 };
	struct platform p;
	char created[48];
	int r = parse_platform(o->platform, &p, err);

	if (r < 0)
		return r;
	if (!text_is_utf8(message))
		return err_set(err, EINVAL, "--message: not valid UTF-8");
	if (!run)
		return err_nomem(err);
	r = instructions_apply(run, o->changes, o->n_changes, err);
	if (r < 0)
		return r;
	if (o->timestamp < 0)
		clock_gettime(CLOCK_REALTIME, &now);
	text_time(now, created);
	config = json_pack("{s:s, s:s, s:O, s:s, s:[{s:s, s:s}], s:s, s:{s:s, s:[s]}}",
			   "architecture", p.arch, "comment", message, "config", run, "created",
			   created, "history", "created", created, "comment", message, "os", p.os,
			   "rootfs", "type", "layers", "diff_ids", layer->diff_id.str);
	if (!config ||
	    (p.variant[0] && json_object_set_new(config, "variant", json_string(p.variant)) < 0) ||
	    json_text(config, out) < 0)
		return err_nomem(err);
	return 0;
}

static int make_manifest(const struct ingest_result *layer, const struct digest *id,
			 size_t config_size, struct buf *out, struct err *err)
{
	struct descriptor l = {
		.media_type = (char *)codec_media_type(layer->codec),
		.digest = layer->digest,
		.size = (int64_t)layer->size,
	};
	struct manifest m = {
		.config = { .media_type = (char *)MEDIA_OCI_CONFIG,
			    .digest = *id,
			    .size = (int64_t)config_size },
		.layers = &l,
		.n_layers = 1,
	};

	return manifest_write(&m, out) < 0 ? err_nomem(err) : 0;
}

static bool has_at_root(const struct layer *l, const char *name)
{
	const struct layer_entry *root = layer_entry(l, 0);
	uint32_t i;

	for (i = 0; root && i < root->count; i++) {
		const struct layer_entry *e = layer_entry(l, root->first + i);

		if (e && strcmp(layer_name(l, e), name) == 0)
			return true;
	}
	return false;
}

/* True for an archive from save: it has an archive's members and no root file system. */
static bool is_archive(struct txn *t, const struct digest *blob)
{
	static const char *const tree[] = { "bin", "etc", "usr" };
	struct layers *ls = layers_new(txn_store(t), 0);
	struct layer *l = NULL;
	bool is = false;
	size_t i;

	if (ls)
		layers_look_in(ls, t);
	if (ls && layers_get(ls, blob, &l, NULL) == 0) {
		is = has_at_root(l, "manifest.json") || has_at_root(l, "oci-layout") ||
		     has_at_root(l, "repositories");
		for (i = 0; i < ARRAY_SIZE(tree) && is; i++)
			is = !has_at_root(l, tree[i]);
		layer_unref(l);
	}
	layers_free(ls);
	return is;
}

static int build(struct txn *t, int fd, const char *what, const struct import_options *o,
		 struct image_name *out, struct err *err)
{
	struct buf config _cleanup_buf_ = BUF_INIT;
	struct buf manifest _cleanup_buf_ = BUF_INIT;
	struct ingest_result layer;
	struct digest none = { "" };
	int r;

	/* Detect an invalid instruction or platform before gigabytes are read. */
	memset(&layer, 0, sizeof(layer));
	layer.diff_id = none;
	r = make_config(&layer, o, &config, err);
	if (r < 0)
		return r;
	buf_clear(&config);
	r = read_layer(t, fd, o->quiet, &layer, err);
	if (r < 0)
		return err_wrap(err, r, "%s", what);
	if (is_archive(t, &layer.digest))
		log_warn("%s: this is an archive of images; they are loaded with imagefs load",
			 what);
	r = make_config(&layer, o, &config, err);
	if (r == 0)
		r = blob_put(t, config.data, config.len, &out->id, err);
	if (r == 0)
		r = make_manifest(&layer, &out->id, config.len, &manifest, err);
	if (r == 0)
		r = blob_put(t, manifest.data, manifest.len, &out->desc.digest, err);
	out->name = o->name;
	out->desc.media_type = (char *)MEDIA_OCI_MANIFEST;
	out->desc.size = (int64_t)manifest.len;
	return r;
}

int import(struct store *s, int fd, const char *what, const struct import_options *o,
	   struct digest *id, struct err *err)
{
	struct image_name name = { 0 };
	struct txn *t;
	int r;

	r = txn_begin(s, &t, err);
	if (r < 0)
		return r;
	r = build(t, fd, what, o, &name, err);
	if (r == 0) {
		r = image_publish(t, &name, 1, err);
		if (r < 0)
			err_wrap(err, r, "%s", what);
	}
	txn_free(t);
	if (r < 0)
		return r;
	*id = name.id;
	return 0;
}
