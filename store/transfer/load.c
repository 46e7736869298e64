/* The steps of a load: open the source, detect the format, publish the images. */
#include "store/transfer/load.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/json.h"
#include "base/map.h"
#include "base/progress.h"
#include "store/disk/blob.h"
#include "store/disk/refs.h"
#include "store/disk/txn.h"
#include "store/image/image.h"
#include "store/layer/layer_copy.h"
#include "store/layer/layer_index.h"
#include "store/oci/image_config.h"
#include "store/transfer/load_private.h"

static void image_fini(struct load_image *i)
{
	free(i->name);
	free(i->platform);
	descriptor_fini(&i->desc);
}

static void forget_left(struct load_result *r)
{
	while (r->n_left)
		free(r->left[--r->n_left].text);
}

void load_result_fini(struct load_result *r)
{
	size_t i;

	for (i = 0; i < r->n; i++)
		image_fini(&r->v[i]);
	free(r->v);
	forget_left(r);
	free(r->left);
	memset(r, 0, sizeof(*r));
}

/* True if this image was added with this name or, without a name, at all. */
static bool added(const struct load_result *r, const char *name, const struct digest *id)
{
	size_t i;

	for (i = 0; i < r->n; i++) {
		if (!digest_eq(&r->v[i].id, id))
			continue;
		if (!name || (r->v[i].name && strcmp(r->v[i].name, name) == 0))
			return true;
	}
	return false;
}

/* A name replaces the nameless entry of the same image. */
static void drop_nameless(struct load_result *r, const struct digest *id)
{
	size_t i;

	for (i = 0; i < r->n; i++) {
		if (r->v[i].name || !digest_eq(&r->v[i].id, id))
			continue;
		image_fini(&r->v[i]);
		memmove(&r->v[i], &r->v[i + 1], (r->n - i - 1) * sizeof(*r->v));
		r->n--;
		return;
	}
}

static const struct load_image *same_manifest(const struct load_result *r,
					      const struct digest *manifest)
{
	size_t i;

	for (i = 0; i < r->n; i++)
		if (digest_eq(&r->v[i].desc.digest, manifest))
			return &r->v[i];
	return NULL;
}

/*
 * Check the platform in the index's descriptor or, without one, in the config. *platform: heap,
 * to be shown, or NULL.
 */
static int check_platform(const struct load *l, const struct descriptor *manifest,
			  const struct image *image, char **platform, struct err *err)
{
	const struct descriptor d = image_config_platform(image->config);
	const char *wanted = l->options->platform;
	char text[PLATFORM_MAX];

	if (!manifest_platform_text(&d, text))
		return 0;
	if (wanted && !manifest_platform_fits(&d, wanted) &&
	    !manifest_platform_fits(manifest, wanted))
		return err_set(err, ENOTSUP, "no image for %s in it (available: %s)", wanted, text);
	if (wanted || manifest_platform_runs(&d))
		return 0;
	*platform = strdup(text);
	return *platform ? 0 : err_nomem(err);
}

static int check_image(struct load *l, const struct descriptor *manifest, char **platform,
		       struct err *err)
{
	const struct load_image *before = same_manifest(l->result, &manifest->digest);
	_cleanup_image_ struct image *image = NULL;
	int r;

	if (before) {
		*platform = before->platform ? strdup(before->platform) : NULL;
		return before->platform && !*platform ? err_nomem(err) : 0;
	}
	r = image_open(txn_store(l->txn), l->txn, manifest, &image, err);
	if (r == 0)
		r = check_platform(l, manifest, image, platform, err);
	return r == 0 ? image_check(l->txn, manifest, err) : r;
}

int load_add(struct load *l, const char *name, const struct descriptor *manifest,
	     const struct digest *id, struct err *err)
{
	_cleanup_free_ char *platform = NULL;
	struct load_result *r = l->result;
	struct load_image *v, *i;
	int e;

	if (added(r, name, id))
		return 0;
	if (r->n == LOAD_IMAGES_MAX)
		return err_set(err, EOVERFLOW, "more than %d images and names", LOAD_IMAGES_MAX);
	e = check_image(l, manifest, &platform, err);
	if (e < 0)
		return e;
	if (name)
		drop_nameless(r, id);
	v = realloc(r->v, (r->n + 1) * sizeof(*v));
	if (!v)
		return err_nomem(err);
	r->v = v;
	i = &v[r->n];
	memset(i, 0, sizeof(*i));
	if (descriptor_copy(manifest, &i->desc) < 0)
		return err_nomem(err);
	i->id = *id;
	i->platform = TAKE_PTR(platform);
	i->name = name ? strdup(name) : NULL;
	r->n++;
	return name && !i->name ? err_nomem(err) : 0;
}

/*
 * True for errors of a single image. Others concern memory, the disk, the store, or a limit of
 * the whole archive.
 */
static bool is_its_fault(int r)
{
	return !err_is_machine(r) && r != -EOVERFLOW;
}

int load_leave(struct load *l, const char *name, bool no_image, int r, struct err *err)
{
	struct load_result *result = l->result;
	struct buf text _cleanup_buf_ = BUF_INIT;
	struct load_left *v;

	if (!is_its_fault(r) || result->n_left == LOAD_IMAGES_MAX)
		return r;
	v = realloc(result->left, (result->n_left + 1) * sizeof(*v));
	if (!v)
		return err_nomem(err);
	result->left = v;
	/* Shorten the name, so that the reason is not cut off. */
	if (buf_printf(&text, "%.255s%s%s", name ? name : "", name ? ": " : "", err->msg) < 0)
		return err_nomem(err);
	v[result->n_left].text = buf_take(&text);
	v[result->n_left++].no_image = no_image;
	return 0;
}

/* No image is usable: report the first reason and the number of others. */
static int nothing(const struct load_result *result, struct err *err)
{
	const struct load_left *first = result->left;
	size_t i, more = 0;

	if (!result->n_left)
		return err_set(err, EINVAL, "it contains no images");
	for (i = 0; i < result->n_left; i++)
		if (first->no_image && !result->left[i].no_image)
			first = &result->left[i];
	for (i = 0; i < result->n_left; i++)
		more += &result->left[i] != first && !result->left[i].no_image;
	if (!more)
		return err_set(err, EINVAL, "%s", first->text);
	return err_set(err, EINVAL, "%s (and %zu more that cannot be used)", first->text, more);
}

/*
 * If the layout yields nothing, docker's manifest.json is used. If that fails, too, the layout's
 * error is reported.
 */
static int fall_back(struct load *l, struct err *err)
{
	struct load_result *result = l->result;
	struct load_result layout = { .left = result->left, .n_left = result->n_left };
	struct err why = ERR_INIT;
	int r;

	result->left = NULL;
	result->n_left = 0;
	r = load_docker(l, &why);
	if (r == 0 && result->n) {
		load_result_fini(&layout);
		return 0;
	}
	forget_left(result);
	free(result->left);
	result->left = layout.left;
	result->n_left = layout.n_left;
	return is_its_fault(r) || r == 0 ? 0 : err_set(err, -r, "%s", why.msg);
}

/*
 * Detect the format. If docker wrote both a layout and manifest.json, the layout is used, because
 * its manifests must be kept unchanged.
 */
static int find_images(struct load *l, struct err *err)
{
	const struct load_source_ops *ops = l->src->ops;
	bool docker = ops->has(l->src, "manifest.json");
	bool layout = ops->has(l->src, "index.json") && (!docker || ops->has(l->src, "oci-layout"));
	int r;

	if (layout)
		r = load_oci(l, err);
	else if (docker)
		r = load_docker(l, err);
	else
		r = load_v1(l, err);
	if (layout && docker && (r == 0 || is_its_fault(r)) && !l->result->n) {
		/* Report an error of the whole archive like that of an image. */
		if (r < 0)
			r = load_leave(l, NULL, false, r, err);
		if (r == 0)
			r = fall_back(l, err);
	}
	return r == 0 && l->result->n == 0 ? nothing(l->result, err) : r;
}

/* Record the previous images of the names, for docker's message. */
static void note_displaced(const struct refs *before, struct load_result *result)
{
	size_t i;

	for (i = 0; i < result->n; i++) {
		struct load_image *image = &result->v[i];
		const struct ref *old = image->name ? refs_find(before, image->name) : NULL;

		if (old && digest_is_set(&old->id) && !digest_eq(&old->id, &image->id))
			image->displaced = old->id;
	}
}

/* Mark the files of a blob, and of the layer that it may be, as needed. */
static int need(struct map *needed, const struct digest *d, struct err *err)
{
	char path[DIGEST_MAX + 8], index[LAYER_PATH_MAX], copy[DIGEST_MAX + 32];

	blob_store_path(d, path);
	layer_index_path(d, index);
	layer_copy_path(d, copy);
	return map_put(needed, path, needed) < 0 || map_put(needed, index, needed) < 0 ||
			       map_put(needed, copy, needed) < 0
		       ? err_nomem(err)
		       : 0;
}

/* Drop files that no image needs. */
static int forget_others(struct load *l, struct err *err)
{
	struct map needed = MAP_INIT;
	size_t i, k;
	int r = 0;

	for (i = 0; i < l->result->n && r == 0; i++) {
		const struct descriptor *desc = &l->result->v[i].desc;
		_cleanup_image_ struct image *image = NULL;

		r = image_open(txn_store(l->txn), l->txn, desc, &image, err);
		if (r == 0)
			r = need(&needed, &desc->digest, err);
		if (r == 0)
			r = need(&needed, &image->id, err);
		for (k = 0; r == 0 && k < image->manifest.n_layers; k++)
			r = need(&needed, &image->manifest.layers[k].digest, err);
	}
	if (r == 0)
		txn_retain(l->txn, &needed);
	map_fini(&needed, NULL);
	return r;
}

static int publish(struct load *l, struct err *err)
{
	const struct load_result *result = l->result;
	_cleanup_free_ struct image_name *names = calloc(result->n, sizeof(*names));
	size_t i;
	int r;

	if (!names)
		return err_nomem(err);
	for (i = 0; i < result->n; i++) {
		names[i].name = result->v[i].name;
		names[i].desc = result->v[i].desc;
		names[i].id = result->v[i].id;
		names[i].parent = result->v[i].parent;
		names[i].checked = true;
	}
	note_displaced(&l->before, l->result);
	r = forget_others(l, err);
	if (r == 0)
		r = image_publish(l->txn, names, result->n, err);
	return r;
}

static int open_source(struct load *l, int fd, struct progress **p, struct err *err)
{
	struct stat st;
	uint64_t total;

	if (fstat(fd, &st) < 0)
		return err_sys(err, errno, "cannot read");
	total = S_ISREG(st.st_mode) ? (uint64_t)st.st_size : 0;
	*p = progress_bar("Loading", total, l->options->quiet);
	if (S_ISDIR(st.st_mode))
		return load_dir_open(l, fd, *p, &l->src, err);
	return load_archive_open(l->txn, fd, *p, &l->src, err);
}

int load(struct store *s, int fd, const char *what, const struct load_options *o,
	 struct load_result *out, struct err *err)
{
	_cleanup_load_result_ struct load_result result = { 0 };
	struct load l = { .options = o, .result = &result };
	struct err unread = ERR_INIT;
	struct progress *progress = NULL;
	int r;

	/* The reason for a single image is taken from err. */
	if (!err)
		err = &unread;
	r = txn_begin(s, &l.txn, err);
	if (r < 0)
		return r;
	r = refs_read(s, &l.before, err);
	if (r == 0)
		r = open_source(&l, fd, &progress, err);
	if (r == 0)
		r = find_images(&l, err);
	if (r == 0)
		r = load_parents(&l, err);
	progress_end(progress);
	if (r == 0)
		r = publish(&l, err);
	if (r < 0)
		err_wrap(err, r, "%s", what);
	if (l.src)
		l.src->ops->free(l.src);
	json_decref(l.list);
	map_fini(&l.known, free);
	refs_fini(&l.before);
	txn_free(l.txn);
	if (r < 0)
		return r;
	*out = result;
	memset(&result, 0, sizeof(result));
	return 0;
}
