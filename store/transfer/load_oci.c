/*
 * OCI image layouts, in an archive or a directory: index.json references manifests and image
 * indexes, which reference everything else by digest. Manifests, configs and layers are kept
 * unchanged.
 * spec    OCI image-spec image-layout.md, image-index.md
 */
#include "store/transfer/load_private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/json.h"
#include "base/log.h"
#include "base/text.h"
#include "store/disk/blob.h"
#include "store/disk/txn.h"
#include "store/image/image.h"
#include "store/oci/image_config.h"
#include "store/oci/platform.h"
#include "store/oci/reference.h"
#include "store/transfer/load.h"

#define INDEX_DEPTH_MAX 4
#define PLATFORMS_MAX 32

/* An image that was checked and added: several entries of index.json may refer to it. */
struct oci_image {
	struct descriptor desc;
	struct digest id;
};

/* Why a blob is neither an image nor an index with one: several entries may refer to it. */
struct oci_failure {
	int r;
	bool artifact;
	struct err err;
};

struct oci {
	struct load *load;
	struct oci_image *images;
	size_t n_images;
	struct map failures; /* digest -> struct oci_failure */
	bool artifact; /* the failure is a signature or similar, which is allowed next to images */
};

static int check_layout(struct load *l, struct err *err)
{
	struct buf text _cleanup_buf_ = BUF_INIT;
	_cleanup_json_ json_t *j = NULL;
	const char *version;
	int r;

	/* Some tools omit it; index.json suffices. */
	if (!l->src->ops->has(l->src, "oci-layout"))
		return 0;
	r = l->src->ops->text(l->src, "oci-layout", &text, err);
	if (r == 0)
		r = json_parse(buf_str(&text), text.len, "oci-layout", &j, err);
	if (r < 0)
		return r;
	version = json_str(j, "imageLayoutVersion");
	if (!version || strncmp(version, "1.", 2) != 0)
		return err_set(err, ENOTSUP, "oci-layout: version %s is not supported",
			       version ? version : "(none)");
	return 0;
}

/* Read a JSON blob and check its size; its digest is checked when it is added. */
static int blob_text(struct load *l, const struct descriptor *d, struct buf *out, struct err *err)
{
	char path[DIGEST_MAX + 8];
	int r;

	blob_store_path(&d->digest, path);
	r = l->src->ops->text(l->src, path, out, err);
	if (r == -ENOENT)
		return err_set(err, ENOENT, "blob %s is missing", d->digest.str);
	if (r < 0)
		return r;
	if ((uint64_t)d->size != out->len)
		return err_set(err, EBADMSG, "blob %s: has %zu byte%s, its descriptor says %lld",
			       d->digest.str, out->len, TEXT_S(out->len), (long long)d->size);
	return 0;
}

static int check_digest(const struct buf *text, const struct digest *want, struct err *err)
{
	struct digest got;

	if (digest_like(buf_str(text), text->len, want, &got) < 0)
		return err_nomem(err);
	if (!digest_eq(&got, want))
		return err_set(err, EBADMSG, "blob %s is damaged: its content has the digest %s",
			       want->str, got.str);
	return 0;
}

/* True if the archive or the store has the layer. */
static bool has_layer(struct load *l, const struct descriptor *d)
{
	char path[DIGEST_MAX + 8];

	blob_store_path(&d->digest, path);
	return l->src->ops->has(l->src, path) ||
	       blob_exists(txn_store(l->txn), &d->digest, d->size);
}

static int read_layer(struct load *l, const struct descriptor *d, const struct digest *diff_id,
		      struct err *err)
{
	char path[DIGEST_MAX + 8], where[DIGEST_MAX + 16];
	struct ingest_result layer;
	int r;

	blob_store_path(&d->digest, path);
	snprintf(where, sizeof(where), "layer %s", d->digest.str);
	if (l->src->ops->has(l->src, path))
		r = load_layer(l, path, &d->digest, where, &layer, err);
	else
		r = load_known_blob(l, &d->digest, &layer, err);
	if (r < 0)
		return r;
	if ((uint64_t)d->size != layer.size)
		return err_set(err, EBADMSG, "%s: has %llu byte%s, its descriptor says %lld", where,
			       (unsigned long long)layer.size, TEXT_S(layer.size),
			       (long long)d->size);
	return load_check_diff_id(&layer, diff_id, where, err);
}

static int read_layers(struct load *l, const struct manifest *m, const struct digest *diff_ids,
		       struct err *err)
{
	size_t i;
	int r = 0;

	/* Check that the image is complete before reading layers. */
	for (i = 0; i < m->n_layers; i++)
		if (!has_layer(l, &m->layers[i]))
			return err_set(err, ENOENT, "blob %s is missing", m->layers[i].digest.str);
	for (i = 0; i < m->n_layers && r == 0; i++)
		r = read_layer(l, &m->layers[i], &diff_ids[i], err);
	return r;
}

/* Read and check the config and layers of a manifest, and add all blobs to the transaction. */
static int read_image(struct oci *o, const struct descriptor *d, const struct buf *text,
		      struct digest *id, struct err *err)
{
	struct load *l = o->load;
	_cleanup_free_ struct digest *diff_ids = NULL;
	struct buf config _cleanup_buf_ = BUF_INIT;
	_cleanup_json_ json_t *j = NULL;
	struct manifest m = { 0 };
	struct digest put;
	int r;

	r = manifest_parse(buf_str(text), text->len, &m, err);
	if (r == 0)
		r = manifest_check_layers(&m, err);
	o->artifact = r == -ENOTSUP;
	if (r == 0)
		r = blob_text(l, &m.config, &config, err);
	if (r == 0)
		r = json_parse(buf_str(&config), config.len, "image config", &j, err);
	if (r == 0)
		r = image_config_check(j, m.n_layers, &diff_ids, err);
	if (r == 0)
		r = load_put(l, config.data, config.len, &m.config.digest, id, err);
	if (r == 0)
		r = read_layers(l, &m, diff_ids, err);
	if (r == 0)
		r = load_put(l, text->data, text->len, &d->digest, &put, err);
	manifest_fini(&m);
	return r;
}

static const struct oci_image *find_image(const struct oci *o, const struct digest *manifest)
{
	size_t i;

	for (i = 0; i < o->n_images; i++)
		if (digest_eq(&o->images[i].desc.digest, manifest))
			return &o->images[i];
	return NULL;
}

/* The media type in the blob or, without one, in its descriptor. */
static int real_media_type(const struct buf *text, const struct descriptor *d, bool *is_index,
			   char **out, struct err *err)
{
	_cleanup_json_ json_t *j = NULL;
	const char *media;
	int r;

	r = json_parse(buf_str(text), text->len, d->digest.str, &j, err);
	if (r < 0)
		return r;
	*is_index = json_object_get(j, "manifests") != NULL;
	if (*is_index ? manifest_media_is_manifest(d->media_type)
		      : manifest_media_is_index(d->media_type))
		return err_set(err, EINVAL, "%s: not what its descriptor says (%s)", d->digest.str,
			       d->media_type);
	media = json_str(j, "mediaType");
	if (!manifest_media_is_manifest(media))
		media = manifest_media_is_manifest(d->media_type) ? d->media_type
								  : MEDIA_OCI_MANIFEST;
	*out = strdup(media);
	return *out ? 0 : err_nomem(err);
}

static int add_image(struct oci *o, const struct descriptor *d, const struct buf *text,
		     const char *media_type, const struct oci_image **out, struct err *err)
{
	struct oci_image *v = realloc(o->images, (o->n_images + 1) * sizeof(*v)), *image;
	struct descriptor desc = { .digest = d->digest,
				   .size = d->size,
				   .os = d->os,
				   .architecture = d->architecture,
				   .variant = d->variant };
	int r;

	if (!v)
		return err_nomem(err);
	o->images = v;
	image = &v[o->n_images];
	memset(image, 0, sizeof(*image));
	r = read_image(o, d, text, &image->id, err);
	if (r < 0)
		return r;
	desc.media_type = (char *)media_type;
	if (descriptor_copy(&desc, &image->desc) < 0)
		return err_nomem(err);
	o->n_images++;
	*out = image;
	return 0;
}

static int resolve(struct oci *o, const struct descriptor *d, int depth,
		   const struct oci_image **out, struct err *err);

static int no_image(const struct index *x, const char *platform, struct err *err)
{
	struct buf have _cleanup_buf_ = BUF_INIT;
	char host[64], text[PLATFORM_MAX];
	size_t i;

	platform_host_name(host);
	for (i = 0; i < x->n; i++)
		if (index_rank(&x->entries[i], platform) >= 0 &&
		    manifest_platform_text(&x->entries[i], text) &&
		    buf_printf(&have, "%s%s", have.len ? ", " : "", text) < 0)
			return err_nomem(err);
	return err_set(err, ENOTSUP, "no image for %s in it (available: %s)",
		       platform ? platform : host, have.len ? buf_str(&have) : "none");
}

/*
 * Choose the image for the requested platform. Without a request: this host's if available and
 * complete, else the first one that is. A damaged image is an error and is not replaced by
 * another one.
 */
static int choose(struct oci *o, const struct index *x, int depth, const struct oci_image **out,
		  struct err *err)
{
	const char *platform = o->load->options->platform;
	int ranks = platform ? INDEX_RANKS - 1 : INDEX_RANKS, rank, r, first = 0;
	bool artifact = false; /* first is the error of an artifact */
	struct err why = ERR_INIT;
	size_t i;

	for (rank = 0; rank < ranks; rank++) {
		for (i = 0; i < x->n; i++) {
			const struct descriptor *d = &x->entries[i];

			if (index_rank(d, platform) != rank)
				continue;
			r = resolve(o, d, depth, out, &why);
			if (r == 0)
				return 0;
			log_debug("%s: %s: not taken", d->digest.str, why.msg);
			if (r != -ENOENT && r != -ENOTSUP)
				return err_set(err, -r, "%s", why.msg);
			/* An image's error takes precedence over an artifact's. */
			if (first && !(artifact && !o->artifact))
				continue;
			first = err_set(err, -r, "%s", why.msg);
			artifact = o->artifact;
		}
	}
	o->artifact = artifact;
	return first ? first : no_image(x, platform, err);
}

static int resolve_index(struct oci *o, const struct descriptor *d, const struct buf *text,
			 int depth, const struct oci_image **out, struct err *err)
{
	struct index x;
	int r;

	if (depth == INDEX_DEPTH_MAX)
		return err_set(err, EINVAL, "image index %s: nested too deep", d->digest.str);
	r = index_parse(buf_str(text), text->len, &x, err);
	if (r < 0)
		return r;
	r = choose(o, &x, depth + 1, out, err);
	index_fini(&x);
	return r;
}

static int note_failure(struct oci *o, const struct digest *d, int r, const struct err *err)
{
	struct oci_failure *f = malloc(sizeof(*f));

	if (!f)
		return -ENOMEM;
	f->r = r;
	f->artifact = o->artifact;
	f->err = *err;
	if (map_put(&o->failures, d->str, f) == 0)
		return r;
	free(f);
	return -ENOMEM;
}

/*
 * Resolve a descriptor to an image. The depth is bounded; cycles cannot occur, because an index
 * cannot contain its own digest. Failures are remembered, because an index may refer to them
 * repeatedly.
 */
static int resolve(struct oci *o, const struct descriptor *d, int depth,
		   const struct oci_image **out, struct err *err)
{
	const struct oci_failure *before = map_get(&o->failures, d->digest.str);
	struct buf text _cleanup_buf_ = BUF_INIT;
	_cleanup_free_ char *media = NULL;
	bool is_index = false;
	int r;

	o->artifact = before && before->artifact;
	if (before)
		return err_set(err, -before->r, "%s", before->err.msg);
	*out = find_image(o, &d->digest);
	if (*out)
		return 0;
	r = blob_text(o->load, d, &text, err);
	if (r == 0)
		r = check_digest(&text, &d->digest, err);
	if (r == 0)
		r = real_media_type(&text, d, &is_index, &media, err);
	if (r == 0 && is_index)
		r = resolve_index(o, d, &text, depth, out, err);
	else if (r == 0)
		r = add_image(o, d, &text, media, out, err);
	return r < 0 ? note_failure(o, &d->digest, r, err) : 0;
}

/*
 * Parse a full reference. "latest" and "1", as umoci and docker write them to ref.name, lack a
 * repository. A digest in the name must be the manifest's. NULL in *out: not a full reference.
 */
static int whole_name(const char *s, const struct digest *manifest, char **out)
{
	_cleanup_reference_ struct reference ref = { 0 };

	*out = NULL;
	if (!s || (!strchr(s, '/') && !strchr(s, ':')))
		return 0;
	if (reference_parse(s, &ref, NULL) < 0 || !ref.tag ||
	    (digest_is_set(&ref.digest) && !digest_eq(&ref.digest, manifest))) {
		log_debug("the name %s is no reference: ignored", s);
		return 0;
	}
	*out = reference_full(&ref);
	return *out ? 0 : -ENOMEM;
}

/* The name of an entry of index.json; NULL in *out: none. */
static int entry_name(const struct descriptor *d, char **out)
{
	int r = whole_name(d->ref_name, &d->digest, out);

	if (r == 0 && !*out)
		r = whole_name(d->image_name, &d->digest, out);
	return r;
}

struct tag_arg {
	struct load *load;
	const struct oci_image *image;
	size_t n;
};

static int add_tag(void *arg, const char *tag, struct err *err)
{
	struct tag_arg *a = arg;
	_cleanup_free_ char *name = NULL;

	if (whole_name(tag, &a->image->desc.digest, &name) < 0)
		return err_nomem(err);
	if (!name)
		return 0;
	a->n++;
	return load_add(a->load, name, &a->image->desc, &a->image->id, err);
}

/*
 * Add an image with the name of its entry or, without one, with the names in docker's
 * manifest.json.
 */
static int name_image(struct oci *o, const struct descriptor *entry, const struct oci_image *image,
		      struct err *err)
{
	struct tag_arg a = { .load = o->load, .image = image };
	_cleanup_free_ char *name = NULL;
	int r;

	if (entry_name(entry, &name) < 0)
		return err_nomem(err);
	if (!name) {
		r = load_docker_tags(o->load, &image->id, add_tag, &a, err);
		if (r < 0 || a.n)
			return r;
	}
	return load_add(o->load, name, &image->desc, &image->id, err);
}

static bool str_eq(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

static bool same_name(const struct descriptor *a, const struct descriptor *b)
{
	return str_eq(a->ref_name, b->ref_name) && str_eq(a->image_name, b->image_name);
}

static bool same_platform(const struct descriptor *a, const struct descriptor *b)
{
	return str_eq(a->os, b->os) && str_eq(a->architecture, b->architecture) &&
	       str_eq(a->variant, b->variant);
}

/*
 * Some tools list the platforms of an image in index.json itself: entries with the same name and
 * different platforms. Then the one for the host is used.
 * group   receives these entries, borrowed, including entry i
 * returns false: entry i is the only one
 */
static bool platform_group(const struct index *x, size_t i, struct index *group)
{
	size_t k, p;

	group->n = 0;
	for (k = 0; k < x->n; k++) {
		const struct descriptor *d = &x->entries[k];

		if (index_rank(d, NULL) < 0 || !same_name(d, &x->entries[i]))
			continue;
		if (!d->os || !d->architecture || group->n == PLATFORMS_MAX)
			return false;
		for (p = 0; p < group->n; p++)
			if (same_platform(d, &group->entries[p]))
				return false;
		group->entries[group->n++] = *d;
	}
	return group->n > 1;
}

/* The name of an entry in messages. NULL: out of memory. */
static char *label(const struct descriptor *d)
{
	_cleanup_reference_ struct reference ref = { 0 };
	_cleanup_free_ char *name = NULL;

	if (entry_name(d, &name) < 0)
		return NULL;
	if (name && reference_parse(name, &ref, NULL) == 0)
		return reference_familiar(&ref);
	return strdup(d->ref_name ? d->ref_name : d->digest.str);
}

/* Load entry i, or the best entry of its group. */
static int load_entry(struct oci *o, const struct index *x, size_t i, struct index *group,
		      struct err *err)
{
	const struct descriptor *d = &x->entries[i];
	const struct oci_image *image = NULL;
	int r;

	o->artifact = false;
	if (!platform_group(x, i, group))
		r = resolve(o, d, 0, &image, err);
	else if (!digest_eq(&group->entries[0].digest, &d->digest))
		return 0;
	else
		r = choose(o, group, 0, &image, err);
	return r == 0 ? name_image(o, d, image, err) : r;
}

static int load_entries(struct oci *o, const struct index *x, struct err *err)
{
	struct index group = { .entries = calloc(x->n ? x->n : 1, sizeof(*group.entries)) };
	int r = 0;
	size_t i;

	if (!group.entries)
		return err_nomem(err);
	for (i = 0; i < x->n && r == 0; i++) {
		_cleanup_free_ char *name = label(&x->entries[i]);

		if (!name)
			r = err_nomem(err);
		else if (index_rank(&x->entries[i], NULL) >= 0)
			r = load_entry(o, x, i, &group, err);
		if (r < 0)
			r = load_leave(o->load, name, o->artifact, r, err);
	}
	free(group.entries);
	return r;
}

int load_oci(struct load *l, struct err *err)
{
	struct buf text _cleanup_buf_ = BUF_INIT;
	struct oci o = { .load = l };
	struct index x = { 0 };
	size_t i;
	int r;

	r = check_layout(l, err);
	if (r == 0)
		r = l->src->ops->text(l->src, "index.json", &text, err);
	if (r == 0)
		r = index_parse(buf_str(&text), text.len, &x, err);
	if (r < 0)
		return r;
	if (x.n > LOAD_IMAGES_MAX)
		r = err_set(err, E2BIG, "index.json: more than %d entries", LOAD_IMAGES_MAX);
	else
		r = load_entries(&o, &x, err);
	index_fini(&x);
	for (i = 0; i < o.n_images; i++)
		descriptor_fini(&o.images[i].desc);
	free(o.images);
	map_fini(&o.failures, free);
	return r;
}
