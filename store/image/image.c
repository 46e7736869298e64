/* Finding the image that a user names, and publishing images with names. */
#include "store/image/image.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/json.h"
#include "base/log.h"
#include "base/map.h"
#include "base/text.h"
#include "store/disk/blob.h"
#include "store/disk/store.h"
#include "store/disk/store_lock.h"
#include "store/disk/txn.h"
#include "store/image/tree.h"
#include "store/layer/layer.h"
#include "store/oci/image_config.h"
#include "store/oci/reference.h"

void image_free(struct image *i)
{
	if (!i)
		return;
	free(i->name);
	free(i->typed);
	descriptor_fini(&i->desc);
	manifest_fini(&i->manifest);
	free(i->diff_ids);
	json_decref(i->config);
	free(i);
}

static int read_config(struct store *s, struct txn *t, struct image *i, struct err *err)
{
	struct buf text _cleanup_buf_ = BUF_INIT;
	const char *created;
	int r;

	r = blob_get(s, t, &i->manifest.config.digest, BLOB_JSON_MAX, &text, err);
	if (r < 0)
		return err_wrap(err, r, "image config");
	r = json_parse(buf_str(&text), text.len, "image config", &i->config, err);
	if (r < 0)
		return r;
	r = image_config_check(i->config, i->manifest.n_layers, &i->diff_ids, err);
	if (r < 0)
		return r;
	created = json_str(i->config, "created");
	if (created && text_parse_time(created, &i->created) < 0)
		memset(&i->created, 0, sizeof(i->created));
	i->id = i->manifest.config.digest;
	return 0;
}

int image_open(struct store *s, struct txn *t, const struct descriptor *manifest,
	       struct image **out, struct err *err)
{
	struct buf text _cleanup_buf_ = BUF_INIT;
	_cleanup_image_ struct image *i = calloc(1, sizeof(*i));
	int r;

	if (!i || descriptor_copy(manifest, &i->desc) < 0)
		return err_nomem(err);
	r = refs_resolve(s, t, &i->desc, err);
	if (r < 0)
		return r;
	r = blob_get(s, t, &i->desc.digest, BLOB_JSON_MAX, &text, err);
	if (r < 0)
		return err_wrap(err, r, "manifest");
	r = manifest_parse(buf_str(&text), text.len, &i->manifest, err);
	if (r < 0)
		return err_wrap(err, r, "%s", i->desc.digest.str);
	r = read_config(s, t, i, err);
	if (r < 0)
		return r;
	*out = TAKE_PTR(i);
	return 0;
}

int image_keep(struct txn *t, const struct image *i, struct err *err)
{
	size_t k;
	int r = blob_keep(t, &i->desc.digest, err);

	if (r == 0)
		r = blob_keep(t, &i->id, err);
	for (k = 0; k < i->manifest.n_layers && r == 0; k++)
		r = layer_keep(t, &i->manifest.layers[k].digest, err);
	return r;
}

static int find_by_id(const struct refs *refs, const char *name, size_t *pos, struct err *err)
{
	const char *hex = strncmp(name, "sha256:", 7) == 0 ? name + 7 : name;
	const struct ref *found = NULL;
	size_t i;

	if (!reference_is_id(name))
		return -ENOENT;
	for (i = 0; i < refs->n; i++) {
		const struct ref *ref = &refs->v[i];

		if (strncmp(digest_hex(&ref->id), hex, strlen(hex)) != 0)
			continue;
		if (found && !digest_eq(&found->id, &ref->id))
			return err_set(err, EINVAL, "ambiguous ID prefix: %s", name);
		if (!found) {
			found = ref;
			*pos = i;
		}
	}
	return found ? 0 : -ENOENT;
}

int image_find(struct store *s, const struct refs *refs, const char *name, size_t *pos,
	       struct err *err)
{
	_cleanup_reference_ struct reference ref = { 0 };
	_cleanup_free_ char *full = NULL;
	size_t i;
	int r;

	(void)s;
	if (reference_parse(name, &ref, NULL) == 0) {
		if (digest_is_set(&ref.digest)) {
			const struct ref *found;

			full = reference_full(&ref);
			if (!full)
				return err_nomem(err);
			found = refs_find_digest(refs, full, &ref.digest);
			if (found) {
				*pos = (size_t)(found - refs->v);
				return 0;
			}
			for (i = 0; i < refs->n; i++) {
				if (digest_eq(&refs->v[i].desc.digest, &ref.digest)) {
					*pos = i;
					return 0;
				}
			}
		} else {
			const struct ref *found;

			full = reference_full(&ref);
			if (!full)
				return err_nomem(err);
			found = refs_find(refs, full);
			if (found) {
				*pos = (size_t)(found - refs->v);
				return 0;
			}
		}
	}
	r = find_by_id(refs, name, pos, err);
	if (r == -ENOENT)
		return err_set(err, ENOENT, "No such image: %s", name);
	return r;
}

/* An image found by its ID has no name, even if it has tags. */
static bool is_named(const struct ref *ref, const char *name)
{
	_cleanup_reference_ struct reference parsed = { 0 };
	_cleanup_free_ char *full = NULL;

	if (reference_parse(name, &parsed, NULL) < 0)
		return false;
	if (digest_is_set(&parsed.digest))
		return true;
	full = reference_full(&parsed);
	return full && strcmp(full, ref->name) == 0;
}

bool image_is_listed(struct store *s, const struct ref *ref)
{
	_cleanup_refs_ struct refs refs = { 0 };
	size_t i;

	if (refs_read(s, &refs, NULL) < 0)
		return true;
	for (i = 0; i < refs.n; i++)
		if (digest_eq(&refs.v[i].desc.digest, &ref->desc.digest))
			return true;
	return false;
}

int image_get(struct store *s, const char *name, struct image **out, struct err *err)
{
	_cleanup_refs_ struct refs refs = { 0 };
	_cleanup_image_ struct image *i = NULL;
	const struct ref *ref;
	size_t pos;
	int r;

	r = refs_read(s, &refs, err);
	if (r < 0)
		return r;
	r = image_find(s, &refs, name, &pos, err);
	if (r < 0)
		return r;
	ref = &refs.v[pos];
	r = image_open(s, NULL, &ref->desc, &i, err);
	/* Removed between the two steps. */
	if (r == -ENOENT && !image_is_listed(s, ref))
		return err_set(err, ENOENT, "No such image: %s", name);
	if (r < 0)
		return err_wrap(err, r, "%s", name);
	i->typed = strdup(name);
	if (!i->typed)
		return err_nomem(err);
	if (ref->name && is_named(ref, name)) {
		i->name = strdup(ref->name);
		if (!i->name)
			return err_nomem(err);
	}
	*out = TAKE_PTR(i);
	return 0;
}

/* Size of a layer's files; read from the index once per store. */
static int layer_size(struct store *s, const struct digest *blob, uint64_t *out, struct err *err)
{
	uint64_t *known = map_get(&s->layer_sizes, blob->str);
	struct layer_header h;
	int r;

	if (known) {
		*out = *known;
		return 0;
	}
	r = layer_peek(s, blob, &h, err);
	if (r < 0)
		return r;
	*out = h.content_size;
	known = malloc(sizeof(*known));
	if (known)
		*known = *out;
	if (!known || map_put(&s->layer_sizes, blob->str, known) < 0) {
		free(known);
		return err_nomem(err);
	}
	return 0;
}

const char *image_label(const struct image *i, const char *key)
{
	return json_str(json_object_get(json_object_get(i->config, "config"), "Labels"), key);
}

int image_labels(const struct image *i, int (*one)(void *ctx, const char *key, const char *value),
		 void *ctx)
{
	json_t *labels = json_object_get(json_object_get(i->config, "config"), "Labels"), *value;
	const char *key;
	int r;

	json_object_foreach(labels, key, value) {
		r = one(ctx, key, json_string_value(value));
		if (r < 0)
			return r;
	}
	return 0;
}

char *image_command(const struct image *i)
{
	static const char *const members[] = { "Entrypoint", "Cmd" };
	struct buf b _cleanup_buf_ = BUF_INIT;
	size_t k, n;

	for (k = 0; k < ARRAY_SIZE(members); k++) {
		const json_t *list =
			json_object_get(json_object_get(i->config, "config"), members[k]);

		for (n = 0; n < json_array_size(list); n++) {
			const char *word = json_string_value(json_array_get(list, n));

			/* docker quotes words with blanks, except the first. */
			if (word && buf_printf(&b, b.len && strchr(word, ' ') ? "%s'%s'" : "%s%s",
					       b.len ? " " : "", word) < 0)
				return NULL;
		}
	}
	return strdup(buf_str(&b));
}

bool image_is_dated(const struct image *i)
{
	struct timespec t;
	const char *created = json_str(i->config, "created");

	return created && text_parse_time(created, &t) == 0 && t.tv_sec > YEAR_ONE;
}

int image_size(struct store *s, const struct image *i, uint64_t *out, struct err *err)
{
	uint64_t sum = 0, size;
	size_t n;
	int r;

	for (n = 0; n < i->manifest.n_layers; n++) {
		r = layer_size(s, &i->manifest.layers[n].digest, &size, err);
		if (r < 0)
			return r;
		sum += size;
	}
	*out = sum;
	return 0;
}

int image_check(struct txn *t, const struct descriptor *manifest, struct err *err)
{
	_cleanup_image_ struct image *i = NULL;
	struct layers *ls;
	struct tree *tree;
	int r;

	r = image_open(txn_store(t), t, manifest, &i, err);
	if (r == 0)
		r = image_keep(t, i, err);
	if (r < 0)
		return r;
	ls = layers_new(txn_store(t), 0);
	if (!ls)
		return err_nomem(err);
	layers_look_in(ls, t);
	r = tree_open(ls, &i->manifest, &tree, err);
	if (r == 0)
		tree_free(tree);
	layers_free(ls);
	return r;
}

/* True if an earlier entry with another name has the same manifest: it was checked then. */
static bool checked(const struct image_name *names, size_t i)
{
	size_t k;

	if (names[i].checked)
		return true;
	for (k = 0; k < i; k++)
		if (digest_eq(&names[k].desc.digest, &names[i].desc.digest))
			return true;
	return false;
}

/* Set the name and its properties in refs. 0 or -ENOMEM. */
static int set_name(struct refs *refs, const struct image_name *name)
{
	struct timespec now;

	if (refs_set(refs, name->name, &name->desc, &name->id) < 0)
		return -ENOMEM;
	if (!name->name)
		return 0;
	if (!strchr(name->name, '@')) {
		clock_gettime(CLOCK_REALTIME, &now);
		refs_set_tagged(refs, &name->id, now);
	}
	if (digest_is_set(&name->repo_digest))
		refs_set_digest(refs, name->name, &name->repo_digest);
	return 0;
}

/* docker's rule: "sha256:..." would be parsed as an ID. */
static int check_name(const char *name, struct err *err)
{
	if (name && strncmp(name, "docker.io/library/sha256:", 25) == 0)
		return err_set(
			err, EINVAL,
			"refusing to create an ambiguous tag using digest algorithm as name");
	return 0;
}

int image_publish(struct txn *t, const struct image_name *names, size_t n, struct err *err)
{
	struct store *s = txn_store(t);
	_cleanup_refs_ struct refs refs = { 0 };
	size_t i;
	int r = 0;

	for (i = 0; i < n && r == 0; i++)
		r = check_name(names[i].name, err);
	if (r < 0)
		return r;
	for (i = 0; i < n; i++) {
		/* The names of an image are adjacent. */
		if (i && digest_eq(&names[i].desc.digest, &names[i - 1].desc.digest))
			continue;
		r = checked(names, i) ? 0 : image_check(t, &names[i].desc, err);
		if (r < 0)
			return r;
	}
	r = store_lock(s, STORE_LOCK_EXCLUSIVE, err);
	if (r < 0)
		return r;
	r = refs_read(s, &refs, err);
	for (i = 0; i < n && r == 0; i++) {
		log_debug("image %s: manifest %s, name %s", names[i].id.str,
			  names[i].desc.digest.str, names[i].name ? names[i].name : "<none>");
		r = set_name(&refs, &names[i]);
	}
	/* Images may be parents of each other, in any order. */
	for (i = 0; i < n && r == 0; i++)
		if (digest_is_set(&names[i].parent))
			r = refs_set_parent(&refs, &names[i].id, &names[i].parent);
	if (r == -ENOMEM)
		err_nomem(err);
	if (r == 0)
		r = refs_stage(t, &refs, err);
	if (r == 0)
		r = txn_publish(t, err);
	store_unlock(s);
	return r;
}

int image_tag(struct store *s, const char *source, const char *name, struct err *err)
{
	_cleanup_refs_ struct refs refs = { 0 };
	struct image_name target = { .name = name };
	struct txn *t = NULL;
	size_t pos;
	int r = check_name(name, err);

	if (r == 0)
		r = store_lock(s, STORE_LOCK_EXCLUSIVE, err);
	if (r < 0)
		return r;
	r = refs_read(s, &refs, err);
	if (r == 0)
		r = image_find(s, &refs, source, &pos, err);
	if (r == 0) {
		target.id = refs.v[pos].id;
		if (descriptor_copy(&refs.v[pos].desc, &target.desc) < 0 ||
		    set_name(&refs, &target) < 0)
			r = err_nomem(err);
		descriptor_fini(&target.desc);
	}
	if (r == 0)
		r = txn_begin(s, &t, err);
	if (r == 0)
		r = refs_stage(t, &refs, err);
	if (r == 0)
		r = txn_publish(t, err);
	txn_free(t);
	store_unlock(s);
	return r;
}
