/*
 * Finding a layer by any of its IDs, and its images. Layers are found through the images that
 * have them.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/log.h"
#include "store/disk/refs.h"
#include "store/image/image.h"
#include "store/layer/layer.h"
#include "store/oci/codec.h"
#include "store/oci/reference.h"
#include "store/show/inspect_private.h"

/* A layer of an image. */
struct use {
	struct digest blob, diff_id, chain_id;
	char *media_type;
	int64_t size;
	const struct ref *image;
};

struct uses {
	struct use *v;
	size_t n, cap;
};

static void uses_fini(struct uses *u)
{
	while (u->n)
		free(u->v[--u->n].media_type);
	free(u->v);
}

static int add_use(struct uses *u, const struct image *i, size_t n, const struct ref *ref)
{
	const struct descriptor *d = &i->manifest.layers[n];
	struct use *use;

	if (u->n == u->cap) {
		size_t cap = u->cap ? u->cap * 2 : 64;
		struct use *v = realloc(u->v, cap * sizeof(*v));

		if (!v)
			return -ENOMEM;
		u->v = v;
		u->cap = cap;
	}
	use = &u->v[u->n];
	use->blob = d->digest;
	use->diff_id = i->diff_ids[n];
	use->size = d->size;
	use->image = ref;
	if (digest_chain_id(i->diff_ids, n + 1, &use->chain_id) < 0)
		return -ENOMEM;
	use->media_type = strdup(d->media_type);
	if (!use->media_type)
		return -ENOMEM;
	u->n++;
	return 0;
}

static bool goes_by(const struct digest *d, const char *name)
{
	return strncmp(strchr(name, ':') ? d->str : digest_hex(d), name, strlen(name)) == 0;
}

static bool is_meant(const struct use *u, const char *name)
{
	return goes_by(&u->blob, name) || goes_by(&u->diff_id, name) || goes_by(&u->chain_id, name);
}

/* True for hex digits that may be a prefix of a digest, with or without the algorithm. */
static bool may_be_layer(const char *name)
{
	const char *colon = strchr(name, ':'), *hex = colon ? colon + 1 : name;
	size_t len = strlen(hex);

	if (colon && strncmp(name, "sha256:", 7) != 0 && strncmp(name, "sha512:", 7) != 0)
		return false;
	return len >= 4 && len <= DIGEST_HEX_MAX && strspn(hex, "0123456789abcdef") == len;
}

/* Collect the layers of all readable images. */
static int collect(struct store *s, const struct refs *refs, struct uses *out, struct err *err)
{
	size_t i, n;

	for (i = 0; i < refs->n; i++) {
		_cleanup_image_ struct image *image = NULL;
		struct err why = ERR_INIT;
		int r = image_open(s, NULL, &refs->v[i].desc, &image, &why);

		if (r == -ENOMEM)
			return err_nomem(err);
		if (r < 0) {
			log_warn("%s: %s", refs->v[i].name ? refs->v[i].name : refs->v[i].id.str,
				 why.msg);
			continue;
		}
		for (n = 0; n < image->manifest.n_layers; n++)
			if (add_use(out, image, n, &refs->v[i]) < 0)
				return err_nomem(err);
	}
	return 0;
}

/* Choose the first use of the named layer. */
static int choose(const struct uses *u, const char *name, const struct use **out, struct err *err)
{
	const struct use *found = NULL;
	size_t i;

	for (i = 0; i < u->n; i++) {
		/* A complete blob digest is unambiguous. */
		if (strcmp(u->v[i].blob.str, name) == 0) {
			*out = &u->v[i];
			return 0;
		}
	}
	for (i = 0; i < u->n; i++) {
		if (!is_meant(&u->v[i], name))
			continue;
		if (found && !digest_eq(&found->blob, &u->v[i].blob))
			return err_set(err, EINVAL,
				       "ambiguous ID prefix: %s (the layers %s and %s have it)",
				       name, found->blob.str, u->v[i].blob.str);
		if (!found)
			found = &u->v[i];
	}
	if (!found)
		return err_set(err, ENOENT, "No such layer: %s", name);
	*out = found;
	return 0;
}

/* Append the image's familiar name, or its ID. */
static int append_image(json_t *list, const struct ref *ref)
{
	_cleanup_reference_ struct reference parsed = { 0 };
	_cleanup_free_ char *familiar = NULL;

	if (!ref->name || reference_parse(ref->name, &parsed, NULL) < 0)
		return inspect_append_once(list, ref->id.str);
	familiar = reference_familiar(&parsed);
	return familiar ? inspect_append_once(list, familiar) : -ENOMEM;
}

static int describe(struct store *s, const struct uses *u, const struct use *layer, json_t **out,
		    struct err *err)
{
	_cleanup_json_ json_t *chains = json_array(), *images = json_array();
	struct layer_header h;
	size_t i;
	int r = layer_peek(s, &layer->blob, &h, err);

	if (r < 0)
		return r;
	for (i = 0; i < u->n; i++) {
		if (!digest_eq(&u->v[i].blob, &layer->blob))
			continue;
		if (inspect_append_once(chains, u->v[i].chain_id.str) < 0 ||
		    append_image(images, u->v[i].image) < 0)
			return err_nomem(err);
	}
	if (inspect_sorted(chains) < 0 || inspect_sorted(images) < 0)
		return err_nomem(err);
	*out = json_pack("{s:s, s:s, s:O, s:s, s:s, s:I, s:I, s:I, s:I, s:O}", "Digest",
			 layer->blob.str, "DiffID", layer->diff_id.str, "ChainIDs", chains,
			 "MediaType", layer->media_type, "Compression",
			 codec_name((enum codec)h.codec), "Size", (json_int_t)layer->size,
			 "UncompressedSize", (json_int_t)h.plain_size, "ContentSize",
			 (json_int_t)h.content_size, "Entries",
			 (json_int_t)(h.section[SECTION_ENTRIES].size / sizeof(struct layer_entry)),
			 "Images", images);
	return *out ? 0 : err_nomem(err);
}

int inspect_layer(struct store *s, const struct refs *refs, const char *name, struct json_t **out,
		  struct err *err)
{
	_cleanup_(uses_fini) struct uses uses = { 0 };
	const struct use *layer = NULL;
	int r;

	if (!may_be_layer(name))
		return err_set(err, ENOENT, "No such layer: %s", name);
	r = collect(s, refs, &uses, err);
	if (r == 0)
		r = choose(&uses, name, &layer, err);
	return r < 0 ? r : describe(s, &uses, layer, out, err);
}
