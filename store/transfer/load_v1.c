/*
 * The format of docker-archives before 1.10: a directory per layer with "json", which names the
 * parent, and layer.tar; "repositories" names the top layers. Config and history are generated
 * from the chain as in docker's migration, so that the image has docker's ID.
 * spec    Docker image specification v1
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
#include "base/map.h"
#include "store/disk/blob.h"
#include "store/image/image.h"
#include "store/oci/image_config.h"
#include "store/oci/reference.h"
#include "store/transfer/load.h"

#define CHAIN_MAX MANIFEST_LAYERS_MAX
/* Limit of JSON that is parsed in all: each name walks its chain again. */
#define JSON_BYTES_MAX (128u << 20)

/* An image's layers, top first during collection. */
struct chain {
	json_t *json[CHAIN_MAX];
	char *id[CHAIN_MAX];
	struct ingest_result layer[CHAIN_MAX];
	size_t n;
};

static void chain_free(struct chain *c)
{
	size_t i;

	for (i = 0; i < c->n; i++) {
		json_decref(c->json[i]);
		free(c->id[i]);
	}
	free(c);
}
DEFINE_CLEANUP_PTR(struct chain, chain_free);

/* An ID becomes a part of a path; docker's IDs are 64 hex digits. */
static bool id_valid(const char *id)
{
	return id && strlen(id) == 64 && strspn(id, "0123456789abcdef") == 64;
}

static int read_json(struct load *l, const char *id, json_t **out, struct err *err)
{
	struct buf text _cleanup_buf_ = BUF_INIT;
	_cleanup_json_ json_t *j = NULL;
	char path[80];
	int r;

	snprintf(path, sizeof(path), "%.64s/json", id);
	r = l->src->ops->text(l->src, path, &text, err);
	if (r < 0)
		return r;
	l->json_bytes += text.len;
	if (l->json_bytes > JSON_BYTES_MAX)
		return err_set(err, EOVERFLOW, "%s: more than %u bytes of JSON to read in all",
			       path, JSON_BYTES_MAX);
	r = json_parse(buf_str(&text), text.len, path, &j, err);
	if (r < 0)
		return r;
	if (!json_is_object(j))
		return err_set(err, EINVAL, "%s: not a JSON object", path);
	*out = TAKE_PTR(j);
	return 0;
}

/* Collect the chain from id to the layer without a parent. */
static int collect(struct load *l, const char *id, struct chain *c, struct err *err)
{
	const char *parent = id;

	/* The lowest layer has no parent or an empty one. */
	while (parent && (*parent || !c->n)) {
		char where[80], path[80];
		size_t i;
		int r;

		if (!id_valid(parent))
			return err_set(err, EINVAL, "invalid layer ID \"%s\"", parent);
		if (c->n == CHAIN_MAX)
			return err_set(err, E2BIG, "layer %s: more than %d below it", id,
				       CHAIN_MAX);
		for (i = 0; i < c->n; i++)
			if (strcmp(c->id[i], parent) == 0)
				return err_set(err, EINVAL, "layer %s: is its own ancestor",
					       parent);
		r = read_json(l, parent, &c->json[c->n], err);
		if (r < 0)
			return r;
		c->id[c->n] = strdup(parent);
		if (!c->id[c->n++])
			return err_nomem(err);
		snprintf(path, sizeof(path), "%.64s/layer.tar", parent);
		snprintf(where, sizeof(where), "layer %.64s", parent);
		r = load_layer_plain(l, path, where, &c->layer[c->n - 1], err);
		if (r < 0)
			return r;
		parent = json_str(c->json[c->n - 1], "parent");
	}
	return 0;
}

static int set_str(json_t *obj, const char *key, const char *value)
{
	return value && *value ? json_object_set_new(obj, key, json_string(value)) : 0;
}

/* The history entry for a v1 layer. NULL: out of memory. */
static json_t *history_entry(const json_t *v1)
{
	const json_t *cmd = json_object_get(json_object_get(v1, "container_config"), "Cmd");
	struct buf by _cleanup_buf_ = BUF_INIT;
	_cleanup_json_ json_t *h = json_object();
	const char *created = json_str(v1, "created");
	size_t i;

	for (i = 0; i < json_array_size(cmd); i++) {
		const char *word = json_string_value(json_array_get(cmd, i));

		if ((i && buf_putc(&by, ' ') < 0) || buf_puts(&by, word ? word : "") < 0)
			return NULL;
	}
	if (set_str(h, "created", created ? created : "0001-01-01T00:00:00Z") < 0 ||
	    set_str(h, "author", json_str(v1, "author")) < 0 ||
	    set_str(h, "created_by", buf_str(&by)) < 0 ||
	    set_str(h, "comment", json_str(v1, "comment")) < 0)
		return NULL;
	return TAKE_PTR(h);
}

/* Compact JSON like Go's encoder, which escapes characters that are special in HTML. */
static int go_text(const json_t *j, struct buf *out)
{
	struct buf text _cleanup_buf_ = BUF_INIT;
	const char *p;
	int r = json_text(j, &text);

	for (p = buf_str(&text); r == 0 && *p; p++) {
		if (strchr("<>&", *p))
			r = buf_printf(out, "\\u%04x", *p);
		else if (strncmp(p, "\u2028", 3) == 0 || strncmp(p, "\u2029", 3) == 0)
			r = buf_printf(out, "\\u%04x", 0x2028 + ((unsigned char)p[2] & 1)), p += 2;
		else
			r = buf_putc(out, *p);
	}
	return r;
}

static int compare_keys(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Sort the members by key, on the top level only: Go keeps the others unchanged. */
static json_t *sorted(json_t *obj)
{
	_cleanup_json_ json_t *out = json_object();
	_cleanup_free_ const char **keys = calloc(json_object_size(obj) + 1, sizeof(*keys));
	size_t i, n = 0;
	const char *key;
	json_t *value;

	if (!out || !keys)
		return NULL;
	json_object_foreach(obj, key, value)
		keys[n++] = key;
	qsort(keys, n, sizeof(*keys), compare_keys);
	for (i = 0; i < n; i++)
		if (json_object_set(out, keys[i], json_object_get(obj, keys[i])) < 0)
			return NULL;
	return TAKE_PTR(out);
}

/* Generate the config of the image with the top layer c->json[0]. NULL: out of memory. */
static json_t *make_config(const struct chain *c)
{
	static const char *const dropped[] = { "id",	    "parent",	"Size",
					       "parent_id", "layer_id", "throwaway" };
	_cleanup_json_ json_t *config = json_copy(c->json[0]);
	_cleanup_json_ json_t *ids = json_array(), *history = json_array();
	size_t i;

	for (i = 0; i < ARRAY_SIZE(dropped); i++)
		json_object_del(config, dropped[i]);
	for (i = c->n; i-- > 0;)
		if (json_array_append_new(ids, json_string(c->layer[i].diff_id.str)) < 0 ||
		    json_array_append_new(history, history_entry(c->json[i])) < 0)
			return NULL;
	if (json_object_set_new(config, "rootfs",
				json_pack("{s:s, s:O}", "type", "layers", "diff_ids", ids)) < 0 ||
	    json_object_set(config, "history", history) < 0)
		return NULL;
	return sorted(config);
}

static int put_image(struct load *l, const struct chain *c, struct descriptor *manifest,
		     struct digest *id, struct err *err)
{
	_cleanup_json_ json_t *config = make_config(c);
	_cleanup_free_ struct digest *diff_ids = NULL;
	struct buf text _cleanup_buf_ = BUF_INIT;
	struct descriptor *layers;
	size_t i, done = 0;
	int r;

	if (!config || go_text(config, &text) < 0)
		return err_nomem(err);
	r = image_config_check(config, c->n, &diff_ids, err);
	if (r < 0)
		return err_wrap(err, r, "layer %s", c->id[0]);
	layers = calloc(c->n, sizeof(*layers));
	if (!layers)
		return err_nomem(err);
	for (; done < c->n && r == 0; done += r == 0)
		if (load_layer_descriptor(&c->layer[c->n - 1 - done], &layers[done]) < 0)
			r = err_nomem(err);
	if (r == 0)
		r = load_put_image(l, &text, layers, c->n, manifest, id, err);
	for (i = 0; i < done; i++)
		descriptor_fini(&layers[i]);
	free(layers);
	return r;
}

/* Add the image with top layer id. name may be NULL. */
static int add_image(struct load *l, const char *id, const char *name, struct err *err)
{
	_cleanup_(cleanup_chain_free) struct chain *c = calloc(1, sizeof(*c));
	struct descriptor manifest = { 0 };
	struct digest image_id;
	int r;

	if (!c)
		return err_nomem(err);
	r = collect(l, id, c, err);
	if (r == 0)
		r = put_image(l, c, &manifest, &image_id, err);
	if (r == 0)
		r = load_add(l, name, &manifest, &image_id, err);
	descriptor_fini(&manifest);
	return r;
}

static int add_named(struct load *l, const char *repo, const char *tag, const char *id,
		     struct err *err)
{
	_cleanup_reference_ struct reference ref = { 0 };
	struct buf name _cleanup_buf_ = BUF_INIT;
	_cleanup_free_ char *full = NULL;
	int r;

	if (!id)
		return err_set(err, EINVAL, "repositories: %s:%s is not a layer ID", repo, tag);
	if (buf_printf(&name, "%s:%s", repo, tag) < 0)
		return err_nomem(err);
	r = reference_parse(buf_str(&name), &ref, err);
	if (r < 0)
		return err_wrap(err, r, "repositories");
	full = reference_full(&ref);
	return full ? add_image(l, id, full, err) : err_nomem(err);
}

static int add_repositories(struct load *l, struct err *err)
{
	struct buf text _cleanup_buf_ = BUF_INIT;
	_cleanup_json_ json_t *j = NULL;
	const char *repo, *tag;
	json_t *tags, *id;
	int r;

	r = l->src->ops->text(l->src, "repositories", &text, err);
	if (r == 0)
		r = json_parse(buf_str(&text), text.len, "repositories", &j, err);
	if (r < 0)
		return r;
	if (!json_is_object(j))
		return err_set(err, EINVAL, "repositories: not a JSON object");
	json_object_foreach(j, repo, tags) {
		if (!json_is_object(tags))
			return err_set(err, EINVAL, "repositories: %s is not an object", repo);
		json_object_foreach(tags, tag, id) {
			char name[512];

			snprintf(name, sizeof(name), "%s:%s", repo, tag);
			r = add_named(l, repo, tag, json_string_value(id), err);
			if (r < 0)
				r = load_leave(l, name, false, r, err);
			if (r < 0)
				return r;
		}
	}
	return 0;
}

/* Get the ID of a member "<id>/json"; false for other members. */
static bool json_member(const char *path, char id[static 65])
{
	if (strlen(path) != 69 || strcmp(path + 64, "/json") != 0)
		return false;
	memcpy(id, path, 64);
	id[64] = '\0';
	return id_valid(id);
}

/* Without "repositories" (`docker save ID`), add the layers that are not a parent. */
static int add_tops(struct load *l, struct err *err)
{
	struct map parents = MAP_INIT;
	const char *path;
	char id[65];
	size_t pos = 0;
	int r = 0;

	while (r == 0 && (path = l->src->ops->next(l->src, &pos))) {
		_cleanup_json_ json_t *j = NULL;
		const char *parent;

		if (!json_member(path, id))
			continue;
		r = read_json(l, id, &j, err);
		parent = r == 0 ? json_str(j, "parent") : NULL;
		if (parent && map_put(&parents, parent, l) < 0)
			r = err_nomem(err);
	}
	pos = 0;
	while (r == 0 && (path = l->src->ops->next(l->src, &pos)))
		if (json_member(path, id) && !map_get(&parents, id)) {
			r = add_image(l, id, NULL, err);
			if (r < 0)
				r = load_leave(l, id, false, r, err);
		}
	map_fini(&parents, NULL);
	return r;
}

int load_v1(struct load *l, struct err *err)
{
	int r = 0;

	if (l->src->ops->has(l->src, "repositories"))
		r = add_repositories(l, err);
	if (r == 0 && l->result->n == 0 && l->result->n_left == 0)
		r = add_tops(l, err);
	if (r == 0 && l->result->n == 0 && l->result->n_left == 0)
		r = err_set(err, EINVAL, "%s", l->src->ops->no_image);
	return r;
}
