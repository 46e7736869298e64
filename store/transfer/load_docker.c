/*
 * The format of docker-archives since 1.10: manifest.json lists configs, tags and the paths of
 * layers. Layers may be links to each other.
 * spec    Docker image specification v1.1, v1.2, "Combined Image JSON + Filesystem Changeset
 *         Format"
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
#include "store/image/image.h"
#include "store/oci/image_config.h"
#include "store/oci/reference.h"

/*
 * Read manifest.json and check that it is a list of objects with the members that docker
 * requires.
 */
static int read_list(struct load *l, json_t **out, struct err *err)
{
	struct buf text _cleanup_buf_ = BUF_INIT;
	static const char *const keys[] = { "Config", "RepoTags", "Layers", "Parent", NULL };
	_cleanup_json_ json_t *list = NULL;
	size_t i;
	int r;

	r = l->src->ops->text(l->src, "manifest.json", &text, err);
	if (r == 0)
		r = json_parse(buf_str(&text), text.len, "manifest.json", &list, err);
	if (r < 0)
		return r;
	if (json_object_get(list, "schemaVersion") && l->src->ops->has(l->src, "version"))
		return err_set(
			err, EINVAL,
			"it is a directory of skopeo's dir: transport, no image layout; make "
			"one: skopeo copy dir:DIR oci:LAYOUT");
	if (!json_is_array(list))
		return err_set(err, EINVAL, "manifest.json: not a list of images");
	if (!json_array_size(list))
		return err_set(err, EINVAL, "manifest.json: it contains no images");
	if (json_array_size(list) > LOAD_IMAGES_MAX)
		return err_set(err, E2BIG, "manifest.json: more than %d images", LOAD_IMAGES_MAX);
	for (i = 0; i < json_array_size(list); i++) {
		json_t *item = json_array_get(list, i);
		const json_t *layers;

		r = json_fold(item, keys, err);
		if (r < 0)
			return err_wrap(err, r, "manifest.json: image %zu", i);
		layers = json_object_get(item, "Layers");
		if (!json_str(item, "Config"))
			return err_set(err, EINVAL, "manifest.json: image %zu has no Config", i);
		/* Go writes an empty list as null. */
		if (layers && !json_is_null(layers) && !json_is_array(layers))
			return err_set(err, EINVAL,
				       "manifest.json: image %zu: Layers is not a list", i);
		if (json_array_size(layers) > MANIFEST_LAYERS_MAX)
			return err_set(err, E2BIG, "manifest.json: image %zu: more than %d layers",
				       i, MANIFEST_LAYERS_MAX);
	}
	*out = TAKE_PTR(list);
	return 0;
}

static int member_path(const json_t *j, char **out, struct err *err)
{
	const char *s = json_string_value(j);
	int r = s ? load_path("", s, false, out) : -EINVAL;

	if (r == -ENOMEM)
		return err_nomem(err);
	if (r < 0)
		return err_set(err, EINVAL,
			       "manifest.json: \"%s\" is not a path inside the archive",
			       s ? s : "(not a string)");
	return 0;
}

/*
 * docker names a config by its digest, which is the only protection of a config in such an
 * archive. So a name of that form is verified.
 */
static int check_config_name(const char *path, const struct buf *config, struct err *err)
{
	const char *base = strrchr(path, '/');
	struct digest got;
	size_t n;

	base = base ? base + 1 : path;
	n = strspn(base, "0123456789abcdef");
	if (n != 64 || (base[n] && strcmp(base + n, ".json") != 0))
		return 0;
	if (digest_of(buf_str(config), config->len, &got) < 0)
		return err_nomem(err);
	if (strncmp(digest_hex(&got), base, 64) == 0)
		return 0;
	return err_set(err, EBADMSG, "image config %s is damaged: its content has the digest %s",
		       path, got.str);
}

static int read_config(struct load *l, const json_t *item, struct buf *config,
		       struct digest **diff_ids, struct err *err)
{
	_cleanup_free_ char *path = NULL;
	_cleanup_json_ json_t *j = NULL;
	int r;

	r = member_path(json_object_get(item, "Config"), &path, err);
	if (r < 0)
		return r;
	r = l->src->ops->text(l->src, path, config, err);
	if (r < 0)
		return err_wrap(err, r, "image config");
	r = check_config_name(path, config, err);
	if (r == 0)
		r = json_parse(buf_str(config), config->len, path, &j, err);
	if (r == 0)
		r = image_config_check(j, json_array_size(json_object_get(item, "Layers")),
				       diff_ids, err);
	return r;
}

/*
 * Find a layer in the archive or, if it is missing there, in the store. Buildpacks give it the
 * name "" then.
 */
static int find_layer(struct load *l, const json_t *name, const struct digest *diff_id,
		      struct ingest_result *out, struct err *err)
{
	const char *s = json_string_value(name);
	_cleanup_free_ char *path = NULL;
	char where[256];
	int r;

	r = s && !*s ? 0 : member_path(name, &path, err);
	if (r < 0)
		return r;
	snprintf(where, sizeof(where), "layer %s", path ? path : diff_id->str);
	if (!path || !l->src->ops->has(l->src, path)) {
		r = load_known_diff_id(l, diff_id, out, err);
		return r == -ENOENT
			       ? err_set(err, ENOENT,
					 "%s is missing, and no image in the store has it", where)
			       : r;
	}
	r = load_layer_plain(l, path, where, out, err);
	return r == 0 ? load_check_diff_id(out, diff_id, where, err) : r;
}

static int read_layer(struct load *l, const json_t *name, const struct digest *diff_id,
		      struct descriptor *out, struct err *err)
{
	struct ingest_result layer;
	int r = find_layer(l, name, diff_id, &layer, err);

	if (r < 0)
		return r;
	return load_layer_descriptor(&layer, out) < 0 ? err_nomem(err) : 0;
}

static int add_tag(struct load *l, const char *tag, const struct descriptor *manifest,
		   const struct digest *id, struct err *err)
{
	_cleanup_reference_ struct reference ref = { 0 };
	_cleanup_free_ char *full = NULL;
	const char *slash = strrchr(tag, '/');
	int r;

	r = reference_parse(tag, &ref, err);
	if (r < 0)
		return err_wrap(err, r, "manifest.json: RepoTags");
	/* A tag must be explicit, as in docker. */
	if (strchr(tag, '@') || !strchr(slash ? slash : tag, ':'))
		return err_set(err, EINVAL, "manifest.json: invalid tag \"%s\"", tag);
	full = reference_full(&ref);
	return full ? load_add(l, full, manifest, id, err) : err_nomem(err);
}

static int add_tags(struct load *l, const json_t *item, const struct descriptor *manifest,
		    const struct digest *id, struct err *err)
{
	const json_t *tags = json_object_get(item, "RepoTags");
	size_t i, n = json_array_size(tags);
	int r = 0;

	if (tags && !json_is_null(tags) && !json_is_array(tags))
		return err_set(err, EINVAL, "manifest.json: RepoTags is not a list");
	if (!n)
		return load_add(l, NULL, manifest, id, err);
	for (i = 0; i < n && r == 0; i++) {
		const char *tag = json_string_value(json_array_get(tags, i));

		if (!tag)
			return err_set(err, EINVAL, "manifest.json: a tag is not a string");
		r = add_tag(l, tag, manifest, id, err);
	}
	return r;
}

static int load_one(struct load *l, const json_t *item, struct err *err)
{
	const json_t *names = json_object_get(item, "Layers");
	struct buf config _cleanup_buf_ = BUF_INIT;
	_cleanup_free_ struct digest *diff_ids = NULL;
	struct descriptor manifest = { 0 }, *layers;
	size_t i, n = json_array_size(names), done = 0;
	struct digest id;
	int r;

	r = read_config(l, item, &config, &diff_ids, err);
	if (r < 0)
		return r;
	layers = calloc(n ? n : 1, sizeof(*layers));
	if (!layers)
		return err_nomem(err);
	for (; done < n && r == 0; done += r == 0)
		r = read_layer(l, json_array_get(names, done), &diff_ids[done], &layers[done], err);
	if (r == 0)
		r = load_put_image(l, &config, layers, n, &manifest, &id, err);
	if (r == 0)
		r = add_tags(l, item, &manifest, &id, err);
	descriptor_fini(&manifest);
	for (i = 0; i < done; i++)
		descriptor_fini(&layers[i]);
	free(layers);
	return r;
}

int load_docker_list(struct load *l, struct err *err)
{
	return l->list ? 0 : read_list(l, &l->list, err);
}

/* The name of an image in messages: its first tag, else its config. */
static const char *name_of(const json_t *item)
{
	const char *tag = json_string_value(json_array_get(json_object_get(item, "RepoTags"), 0));

	return tag ? tag : json_str(item, "Config");
}

int load_docker(struct load *l, struct err *err)
{
	size_t i;
	int r;

	r = load_docker_list(l, err);
	for (i = 0; r == 0 && i < json_array_size(l->list); i++) {
		const json_t *item = json_array_get(l->list, i);

		r = load_one(l, item, err);
		if (r < 0)
			r = load_leave(l, name_of(item), false, r, err);
	}
	return r;
}

int load_docker_tags(struct load *l, const struct digest *config,
		     int (*fn)(void *arg, const char *tag, struct err *err), void *arg,
		     struct err *err)
{
	size_t i, k;
	int r = 0;

	if (!l->src->ops->has(l->src, "manifest.json"))
		return 0;
	r = load_docker_list(l, err);
	for (i = 0; r == 0 && i < json_array_size(l->list); i++) {
		const json_t *item = json_array_get(l->list, i);
		const json_t *tags = json_object_get(item, "RepoTags");

		if (!strstr(json_str(item, "Config"), digest_hex(config)))
			continue;
		for (k = 0; r == 0 && k < json_array_size(tags); k++)
			if (json_is_string(json_array_get(tags, k)))
				r = fn(arg, json_string_value(json_array_get(tags, k)), err);
	}
	return r;
}
