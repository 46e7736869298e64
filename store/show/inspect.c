/* docker's keys, from a config and index.json, in docker's order. */
#include "store/show/inspect.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/text.h"
#include "store/container/container.h"
#include "store/disk/refs.h"
#include "store/disk/store.h"
#include "store/image/image.h"
#include "store/oci/reference.h"
#include "store/show/inspect_private.h"

#define INDENT 4
/* Go's zero time. */
#define NO_TIME "0001-01-01T00:00:00Z"

void inspect_free(struct json_t *j)
{
	json_decref(j);
}

/* Add the names of an entry of index.json. */
static int add_names(const struct ref *entry, json_t *tags, json_t *digests)
{
	_cleanup_reference_ struct reference ref = { 0 };
	struct buf pinned _cleanup_buf_ = BUF_INIT;
	_cleanup_free_ char *familiar = NULL, *repo = NULL;

	if (!entry->name || reference_parse(entry->name, &ref, NULL) < 0)
		return 0;
	familiar = reference_familiar(&ref);
	repo = reference_repo(&ref);
	if (!familiar || !repo || (ref_has_tag(entry) && inspect_append_once(tags, familiar) < 0))
		return -ENOMEM;
	if (!digest_is_set(&entry->repo_digest))
		return 0;
	return buf_printf(&pinned, "%s@%s", repo, entry->repo_digest.str) < 0 ||
			       inspect_append_once(digests, pinned.data) < 0
		       ? -ENOMEM
		       : 0;
}

/* Add RepoTags, RepoDigests and the time of the last tag. */
static int add_references(json_t *j, const struct refs *refs, const struct digest *id,
			  struct timespec *tagged)
{
	json_t *tags = json_array(), *digests = json_array();
	size_t i;
	int r = 0;

	if (json_object_set_new(j, "RepoTags", tags) < 0 ||
	    json_object_set_new(j, "RepoDigests", digests) < 0)
		return -ENOMEM;
	for (i = 0; i < refs->n && r == 0; i++) {
		const struct ref *entry = &refs->v[i];

		if (!digest_eq(&entry->id, id))
			continue;
		if (entry->tagged.tv_sec > tagged->tv_sec ||
		    (entry->tagged.tv_sec == tagged->tv_sec &&
		     entry->tagged.tv_nsec > tagged->tv_nsec))
			*tagged = entry->tagged;
		r = add_names(entry, tags, digests);
	}
	if (r == 0)
		r = inspect_sorted(tags);
	return r < 0 ? r : inspect_sorted(digests);
}

static void set_str(json_t *to, const char *key, const char *value)
{
	json_object_set_new(to, key, json_string(value ? value : ""));
}

static void set_int(json_t *to, const char *key, uint64_t value)
{
	json_object_set_new(to, key, json_integer((json_int_t)value));
}

/* docker falls back to the last history entry if the config has no comment. */
static const char *comment_of(const json_t *config)
{
	const json_t *history = json_object_get(config, "history");
	const char *s = json_str(config, "comment");
	size_t n = json_array_size(history);

	if ((!s || !*s) && n)
		s = json_str(json_array_get(history, n - 1), "comment");
	return s;
}

/* Format the time as Go does: the zone is kept, trailing zeros of the fraction are removed. */
static void set_created(json_t *j, const json_t *config)
{
	const char *s = json_str(config, "created");
	struct timespec t;
	char text[48];

	if (s && *s && s[strlen(s) - 1] == 'Z' && text_parse_time(s, &t) == 0) {
		text_time(t, text);
		s = text;
	}
	set_str(j, "Created", s && *s ? s : NO_TIME);
}

static void set_rootfs(json_t *j, const struct image *i)
{
	json_t *rootfs = json_object(), *layers = json_array();
	size_t n;

	for (n = 0; n < i->manifest.n_layers; n++)
		json_array_append_new(layers, json_string(i->diff_ids[n].str));
	set_str(rootfs, "Type", "layers");
	if (n)
		json_object_set(rootfs, "Layers", layers);
	json_decref(layers);
	json_object_set_new(j, "RootFS", rootfs);
}

static void set_metadata(json_t *j, struct timespec tagged)
{
	json_t *metadata = json_object();
	char text[48] = NO_TIME;

	if (tagged.tv_sec)
		text_time(tagged, text);
	set_str(metadata, "LastTagTime", text);
	json_object_set_new(j, "Metadata", metadata);
}

static int set_config(json_t *j, const char *key, const json_t *config)
{
	return json_object_set_new(j, key, inspect_config(config));
}

int inspect_image(struct store *s, const struct image *i, const struct refs *refs,
		  struct json_t **out, struct err *err)
{
	const struct digest *parent = refs_parent(refs, &i->id);
	_cleanup_json_ json_t *j = json_object();
	const json_t *config = i->config;
	struct timespec tagged = { 0 };
	const char *os = json_str(config, "os");
	uint64_t size;
	int r;

	if (!j)
		return err_nomem(err);
	r = image_size(s, i, &size, err);
	if (r < 0)
		return r;
	set_str(j, "Id", i->id.str);
	if (add_references(j, refs, &i->id, &tagged) < 0)
		return err_nomem(err);
	set_str(j, "Parent", parent ? parent->str : NULL);
	set_str(j, "Comment", comment_of(config));
	set_created(j, config);
	set_str(j, "Container", json_str(config, "container"));
	if (set_config(j, "ContainerConfig", json_object_get(config, "container_config")) < 0)
		return err_nomem(err);
	set_str(j, "DockerVersion", json_str(config, "docker_version"));
	set_str(j, "Author", json_str(config, "author"));
	if (json_is_object(json_object_get(config, "config"))) {
		if (set_config(j, "Config", json_object_get(config, "config")) < 0)
			return err_nomem(err);
	} else {
		json_object_set_new(j, "Config", json_null());
	}
	set_str(j, "Architecture", json_str(config, "architecture"));
	if (json_str(config, "variant") && *json_str(config, "variant"))
		set_str(j, "Variant", json_str(config, "variant"));
	set_str(j, "Os", os && *os ? os : "linux");
	if (json_str(config, "os.version") && *json_str(config, "os.version"))
		set_str(j, "OsVersion", json_str(config, "os.version"));
	set_int(j, "Size", size);
	set_int(j, "VirtualSize", size);
	set_rootfs(j, i);
	set_metadata(j, tagged);
	*out = TAKE_PTR(j);
	return 0;
}

/* Set Path and Args from the command. */
static void set_command(json_t *j, const json_t *config)
{
	static const char *const keys[] = { "Entrypoint", "Cmd" };
	json_t *args = json_array(), *item, *words;
	const char *path = NULL;
	size_t i, k;

	for (k = 0; k < ARRAY_SIZE(keys); k++) {
		words = json_object_get(config, keys[k]);
		json_array_foreach(words, i, item) {
			if (path)
				json_array_append(args, item);
			else
				path = json_string_value(item);
		}
	}
	set_str(j, "Path", path);
	json_object_set_new(j, "Args", args);
}

/* Set the paths of the upper and work directories. */
static void set_directories(json_t *j, const struct store *s, const struct container *c)
{
	static const struct {
		const char *key, *name;
	} dirs[] = { { "UpperDir", "upper" }, { "WorkDir", "work" } };
	_cleanup_free_ char *store = realpath(s->path, NULL);
	json_t *driver = json_object(), *data = json_object();
	size_t i;

	for (i = 0; i < ARRAY_SIZE(dirs); i++) {
		struct buf path _cleanup_buf_ = BUF_INIT;

		if (buf_printf(&path, "%s/imagefs/containers/%s/%s", store ? store : s->path,
			       c->name, dirs[i].name) == 0)
			set_str(data, dirs[i].key, path.data);
	}
	json_object_set_new(driver, "Data", data);
	set_str(driver, "Name", "imagefs");
	json_object_set_new(j, "GraphDriver", driver);
}

/* The image's config in a container's form. New reference. */
static json_t *container_config(const struct container *c, const json_t *image_config)
{
	json_t *config = inspect_config(image_config);

	if (!config)
		return NULL;
	set_str(config, "Image", c->image_typed ? c->image_typed : c->image_id.str);
	if (json_is_null(json_object_get(config, "Labels")))
		json_object_set_new(config, "Labels", json_object());
	return config;
}

int inspect_container(struct store *s, const struct container *c, bool total, struct json_t **out,
		      struct err *err)
{
	_cleanup_image_ struct image *image = NULL;
	_cleanup_json_ json_t *j = json_object(), *config = NULL;
	struct buf name _cleanup_buf_ = BUF_INIT;
	const char *os = NULL;
	char created[48];
	uint64_t size, below;
	int r;

	if (!j || buf_printf(&name, "/%s", c->name) < 0)
		return err_nomem(err);
	r = container_changed_size(c, &size, err);
	if (r < 0)
		return r;
	/* A container with a damaged image is shown without the image's properties. */
	r = image_open(s, NULL, &c->manifest, &image, total ? err : NULL);
	if (r == 0 && total)
		r = image_size(s, image, &below, err);
	if (r < 0 && total)
		return err_wrap(err, r, "container %s: its image", c->name);
	config = container_config(c, image ? json_object_get(image->config, "config") : NULL);
	if (!config)
		return err_nomem(err);
	if (image)
		os = json_str(image->config, "os");
	text_time(c->created, created);
	set_str(j, "Id", c->name);
	set_str(j, "Created", created);
	set_command(j, config);
	set_str(j, "Image", c->image_id.str);
	set_str(j, "Name", name.data);
	set_str(j, "Driver", "imagefs");
	set_str(j, "Platform", os && *os ? os : "linux");
	set_directories(j, s, c);
	set_int(j, "SizeRw", size);
	if (total)
		set_int(j, "SizeRootFs", size + below);
	json_object_set(j, "Config", config);
	*out = TAKE_PTR(j);
	return 0;
}

/*
 * Append dumped JSON, safe for a terminal: C1 controls and characters that change the direction
 * of text, which jansson does not escape, become \uXXXX. indent precedes each further line.
 */
static int put_json(const char *text, const char *indent, struct buf *out)
{
	const char *s = text, *end = text + strlen(text);
	uint32_t c = 0;
	int r = 0;

	while (s < end && r == 0) {
		size_t n = text_printable(s);

		if (n) {
			r = buf_append(out, s, n);
		} else if (*s == '\n') {
			n = 1;
			r = buf_printf(out, "\n%s", indent);
		} else {
			n = text_decode(s, end, &c);
			r = buf_printf(out, "\\u%04x", (unsigned)c);
		}
		s += n ? n : 1;
	}
	return r;
}

int inspect_text(const struct json_t *j, struct buf *out, struct err *err)
{
	struct buf text _cleanup_buf_ = BUF_INIT;

	if (json_text_indented(j, INDENT, &text) < 0 || buf_puts(out, "    ") < 0 ||
	    put_json(text.data, "    ", out) < 0)
		return err_nomem(err);
	return 0;
}

int inspect_line(const struct json_t *j, struct buf *out, struct err *err)
{
	struct buf text _cleanup_buf_ = BUF_INIT;

	if (json_text(j, &text) < 0 || put_json(text.data, "", out) < 0 || buf_putc(out, '\n') < 0)
		return err_nomem(err);
	return 0;
}
