/*
 * Docker's keys from a config, in docker's order.
 */
#include "store/inspect.h"

#include <errno.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/text.h"
#include "store/container.h"
#include "store/image.h"
#include "store/json.h"
#include "store/reference.h"
#include "store/refs.h"

#define INDENT 4

/* The familiar names of an image. New reference; NULL: no memory. */
static json_t *tags_of(const struct refs *refs, const struct digest *id)
{
	json_t *tags = json_array();
	size_t i;

	for (i = 0; tags && i < refs->n; i++) {
		_cleanup_reference_ struct reference ref = { 0 };
		_cleanup_free_ char *familiar = NULL;

		if (!refs->v[i].name || !digest_eq(&refs->v[i].id, id) ||
		    reference_parse(refs->v[i].name, &ref, NULL) < 0)
			continue;
		familiar = reference_familiar(&ref);
		if (!familiar || json_array_append_new(tags, json_string(familiar)) < 0) {
			json_decref(tags);
			return NULL;
		}
	}
	return tags;
}

static void copy_str(json_t *to, const char *key, const char *value)
{
	json_object_set_new(to, key, json_string(value ? value : ""));
}

/* Docker falls back to the last history entry for what the config itself does not say. */
static const char *comment_of(const json_t *config)
{
	const json_t *history = json_object_get(config, "history");
	const char *s = json_str(config, "comment");
	size_t n = json_array_size(history);

	if (!s && n)
		s = json_str(json_array_get(history, n - 1), "comment");
	return s;
}

static json_t *rootfs_of(const struct image *i)
{
	json_t *layers = json_array();
	size_t n;

	for (n = 0; n < i->manifest.n_layers; n++)
		json_array_append_new(layers, json_string(i->diff_ids[n].str));
	return json_pack("{s:s, s:o}", "Type", "layers", "Layers", layers);
}

/* Append an object, every line after the first one indented once more. */
static int put_object(const json_t *j, struct buf *out, struct err *err)
{
	char *text = json_dumps(j, JSON_INDENT(INDENT));
	const char *p;
	int r = text ? buf_puts(out, "    ") : -ENOMEM;

	for (p = text; r == 0 && *p; p++) {
		r = buf_putc(out, *p);
		if (r == 0 && *p == '\n')
			r = buf_puts(out, "    ");
	}
	free(text);
	return r < 0 ? err_nomem(err) : 0;
}

int inspect_image(struct store *s, const struct image *i, const struct refs *refs, struct buf *out,
		  struct err *err)
{
	const json_t *config = i->config;
	_cleanup_json_ json_t *j = json_object(), *tags = tags_of(refs, &i->id);
	json_t *run = json_object_get(config, "config");
	uint64_t size;
	int r;

	if (!j || !tags)
		return err_nomem(err);
	r = image_size(s, i, &size, err);
	if (r < 0)
		return r;
	copy_str(j, "Id", i->id.str);
	json_object_set(j, "RepoTags", tags);
	json_object_set_new(j, "RepoDigests", json_array());
	copy_str(j, "Parent", NULL);
	copy_str(j, "Comment", comment_of(config));
	copy_str(j, "Created", json_str(config, "created"));
	copy_str(j, "DockerVersion", json_str(config, "docker_version"));
	copy_str(j, "Author", json_str(config, "author"));
	json_object_set_new(j, "Config", run ? json_incref(run) : json_null());
	copy_str(j, "Architecture", json_str(config, "architecture"));
	if (json_str(config, "variant"))
		copy_str(j, "Variant", json_str(config, "variant"));
	copy_str(j, "Os", json_str(config, "os"));
	if (json_str(config, "os.version"))
		copy_str(j, "OsVersion", json_str(config, "os.version"));
	json_object_set_new(j, "Size", json_integer((json_int_t)size));
	json_object_set_new(j, "RootFS", rootfs_of(i));
	return put_object(j, out, err);
}

int inspect_container(struct store *s, const struct container *c, struct buf *out, struct err *err)
{
	_cleanup_image_ struct image *image = NULL;
	_cleanup_json_ json_t *j = json_object();
	struct buf name _cleanup_buf_ = BUF_INIT;
	json_t *run = NULL;
	char created[48];
	uint64_t size;
	int r;

	if (!j || buf_printf(&name, "/%s", c->name) < 0)
		return err_nomem(err);
	r = container_changed_size(c, &size, err);
	if (r < 0)
		return r;
	if (image_open(s, NULL, &c->manifest, &image, NULL) == 0)
		run = json_object_get(image->config, "config");
	text_time(c->created, created);
	copy_str(j, "Id", c->name);
	copy_str(j, "Created", created);
	copy_str(j, "Image", c->image_id.str);
	copy_str(j, "Name", name.data);
	json_object_set_new(j, "Config", run ? json_deep_copy(run) : json_object());
	copy_str(json_object_get(j, "Config"), "Image",
		 c->image_name ? c->image_name : c->image_id.str);
	json_object_set_new(j, "SizeRw", json_integer((json_int_t)size));
	return put_object(j, out, err);
}
