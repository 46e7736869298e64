/* A traversal with a work list of JSON blobs: untrusted nesting does not recurse. */
#include "store/upkeep/reachable.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/beneath.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/file.h"
#include "base/json.h"
#include "base/map.h"
#include "base/text.h"
#include "store/container/container.h"
#include "store/disk/blob.h"
#include "store/disk/refs.h"
#include "store/disk/store.h"
#include "store/oci/manifest.h"

/*
 * Limit of nesting within a blob: descriptors in a manifest are at depth 2, their annotations at
 * 3.
 */
#define DEPTH_MAX 16

struct reachable {
	struct store *store;
	struct map blobs;    /* digest -> the root, in roots, from which it is reachable */
	struct map roots;    /* "image NAME", "container NAME" -> an allocated copy */
	const char *root;    /* the current root */
	struct map parsed;   /* the blobs that were read: digest -> this */
	struct digest *todo; /* blobs still to be read */
	size_t n_todo, cap_todo;
	struct buf uncertain;
};

bool reachable_has(const struct reachable *r, const struct digest *blob)
{
	return map_get(&r->blobs, blob->str) != NULL;
}

const char *reachable_from(const struct reachable *r, const struct digest *blob)
{
	return map_get(&r->blobs, blob->str);
}

const char *reachable_uncertain(const struct reachable *r)
{
	return r->uncertain.len ? r->uncertain.data : NULL;
}

const struct map *reachable_blobs(const struct reachable *r)
{
	return &r->blobs;
}

void reachable_free(struct reachable *r)
{
	if (!r)
		return;
	map_fini(&r->blobs, NULL);
	map_fini(&r->roots, free);
	map_fini(&r->parsed, NULL);
	free(r->todo);
	buf_fini(&r->uncertain);
	free(r);
}
DEFINE_CLEANUP_PTR(struct reachable, reachable_free);

static struct reachable *make(struct store *s)
{
	struct reachable *r = calloc(1, sizeof(*r));

	if (r)
		r->store = s;
	return r;
}

/* Record why the result is uncertain; the first reason is kept. 0 or -ENOMEM. */
static int uncertain(struct reachable *r, const char *what, const char *why)
{
	if (r->uncertain.len)
		return 0;
	if (text_escape(&r->uncertain, what) < 0 || buf_puts(&r->uncertain, ": ") < 0 ||
	    text_escape(&r->uncertain, why) < 0)
		return -ENOMEM;
	return 0;
}

/* Set the root for what is read next. 0 or -ENOMEM. */
static int set_root(struct reachable *r, const char *kind, const char *name)
{
	struct buf text _cleanup_buf_ = BUF_INIT;
	char *root;

	if (buf_printf(&text, "%s %s", kind, name) < 0)
		return -ENOMEM;
	r->root = map_get(&r->roots, buf_str(&text));
	if (r->root)
		return 0;
	root = strdup(buf_str(&text));
	if (!root || map_put(&r->roots, root, root) < 0) {
		free(root);
		return -ENOMEM;
	}
	r->root = root;
	return 0;
}

static int set_image_root(struct reachable *r, const struct ref *ref)
{
	return set_root(r, "image",
			ref->name		  ? ref->name
			: digest_is_set(&ref->id) ? ref->id.str
						  : ref->desc.digest.str);
}

static int to_read(struct reachable *r, const struct digest *d)
{
	if (map_get(&r->parsed, d->str))
		return 0;
	if (r->n_todo == r->cap_todo) {
		size_t cap = r->cap_todo ? r->cap_todo * 2 : 64;
		struct digest *v = realloc(r->todo, cap * sizeof(*v));

		if (!v)
			return -ENOMEM;
		r->todo = v;
		r->cap_todo = cap;
	}
	r->todo[r->n_todo++] = *d;
	return map_put(&r->parsed, d->str, r) < 0 ? -ENOMEM : 0;
}

static int reached(struct reachable *r, const struct digest *d)
{
	if (map_get(&r->blobs, d->str))
		return 0;
	return map_put(&r->blobs, d->str, (char *)r->root) < 0 ? -ENOMEM : 0;
}

/*
 * True if the blob of this descriptor may reference others. A manifest or an index does. A small
 * blob of an unknown type is read, since it may belong to an artifact.
 */
static bool leads_further(const struct reachable *r, const json_t *j, const struct digest *d)
{
	static const char *const ends[] = { "application/vnd.oci.image.layer.",
					    "application/vnd.oci.image.config.",
					    "application/vnd.docker.image.rootfs.",
					    "application/vnd.docker.container.image." };
	const char *media = json_str(j, "mediaType");
	char path[DIGEST_MAX + 8];
	struct stat st;
	size_t i;

	if (manifest_media_is_index(media) || manifest_media_is_manifest(media))
		return true;
	for (i = 0; media && i < ARRAY_SIZE(ends); i++)
		if (strncmp(media, ends[i], strlen(ends[i])) == 0)
			return false;
	blob_store_path(d, path);
	return beneath_stat(r->store->fd, path, &st) == 0 && st.st_size <= (off_t)BLOB_JSON_MAX;
}

/* Every object with a digest, at any level, is taken as a descriptor. */
static int walk(struct reachable *r, const json_t *j, unsigned depth)
{
	const json_t *value;
	struct digest d;
	const char *key, *s;
	size_t i;
	int e = 0;

	if (depth > DEPTH_MAX)
		return uncertain(r, "a manifest", "nested too deep");
	if (json_is_array(j)) {
		json_array_foreach(j, i, value)
			if ((e = walk(r, value, depth + 1)) < 0)
				return e;
		return 0;
	}
	if (!json_is_object(j))
		return 0;
	s = json_str(j, "digest");
	if (s && digest_parse(s, &d, NULL) == 0) {
		e = reached(r, &d);
		if (e == 0 && leads_further(r, j, &d))
			e = to_read(r, &d);
	}
	json_object_foreach((json_t *)j, key, value)
		if (e == 0)
			e = walk(r, value, depth + 1);
	return e;
}

/*
 * Read one blob. sure: it must be a manifest or an index, otherwise the result is uncertain. Else
 * it may be anything, or missing, as images of other platforms often are.
 */
static int read_text(struct reachable *r, const struct digest *d, bool sure)
{
	struct buf text _cleanup_buf_ = BUF_INIT;
	_cleanup_json_ json_t *j = NULL;
	struct err err = ERR_INIT;
	int e = blob_get(r->store, NULL, d, BLOB_JSON_MAX, &text, &err);

	if (e == -ENOMEM)
		return e;
	if (e == -ENOENT && !sure)
		return 0;
	if (e < 0)
		return uncertain(r, "cannot tell what an image needs", err.msg);
	e = json_parse(buf_str(&text), text.len, d->str, &j, &err);
	if (e == -ENOMEM)
		return e;
	if (e < 0)
		return sure ? uncertain(r, "cannot tell what an image needs", err.msg) : 0;
	return walk(r, j, 0);
}

/* Add a root: the manifest or index itself, and what it references. */
static int add_root(struct reachable *r, const struct descriptor *d)
{
	bool again = map_get(&r->parsed, d->digest.str) != NULL;
	int e = reached(r, &d->digest);

	if (e == 0 && !again) {
		e = map_put(&r->parsed, d->digest.str, r) < 0 ? -ENOMEM : 0;
		if (e == 0)
			e = read_text(r, &d->digest, true);
	}
	while (e == 0 && r->n_todo) {
		struct digest next = r->todo[--r->n_todo];

		e = read_text(r, &next, false);
	}
	return e;
}

/*
 * Add the compressed form of an image. It can be regenerated, so failing to read it does not make
 * the result uncertain.
 */
static int add_compressed(struct reachable *r, const struct digest *manifest)
{
	struct buf text _cleanup_buf_ = BUF_INIT;
	struct descriptor d = { .digest = *manifest };
	int e;

	if (!digest_is_set(manifest))
		return 0;
	e = blob_get(r->store, NULL, manifest, BLOB_JSON_MAX, &text, NULL);
	if (e < 0)
		return e == -ENOMEM ? e : 0;
	return add_root(r, &d);
}

static bool is_directory(struct store *s, const char *container)
{
	_cleanup_free_ char *path = path_join("containers", container);
	struct stat st;

	return !path || (beneath_stat(s->imagefs_fd, path, &st) == 0 && S_ISDIR(st.st_mode));
}

/* Add a container's base image. If the container cannot be read, its image is unknown. */
static int add_container(struct reachable *r, const char *name)
{
	_cleanup_container_ struct container *c = NULL;
	struct err err = ERR_INIT;
	int e = container_open(r->store, name, &c, &err);

	if (e == -ENOMEM)
		return e;
	/*
	 * Removed concurrently, if the caller holds no lock; or a file that is not a container.
	 */
	if (e == -ENOENT && !is_directory(r->store, name))
		return 0;
	if (e < 0)
		return uncertain(r, "cannot tell which image a container needs", err.msg);
	e = set_root(r, "container", name);
	if (e == 0)
		e = reached(r, &c->image_id);
	return e == 0 ? add_root(r, &c->manifest) : e;
}

static int add_all(struct reachable *r, const struct refs *refs, struct err *err)
{
	char **names = NULL;
	size_t i;
	int e = 0;

	for (i = 0; i < refs->n && e == 0; i++)
		if ((e = set_image_root(r, &refs->v[i])) == 0 &&
		    (e = add_root(r, &refs->v[i].desc)) == 0)
			e = add_compressed(r, &refs->v[i].compressed);
	if (e < 0)
		return err_nomem(err);
	e = container_list(r->store, &names, err);
	if (e < 0)
		return e;
	for (i = 0; names[i] && e == 0; i++)
		e = add_container(r, names[i]);
	container_list_free(names);
	return e < 0 ? err_nomem(err) : 0;
}

int reachable_new(struct store *s, const struct refs *refs, struct reachable **out, struct err *err)
{
	_cleanup_(cleanup_reachable_free) struct reachable *r = make(s);
	int e;

	if (!r)
		return err_nomem(err);
	e = add_all(r, refs, err);
	if (e < 0)
		return e;
	*out = TAKE_PTR(r);
	return 0;
}

int reachable_new_of(struct store *s, const struct descriptor *d, struct reachable **out,
		     struct err *err)
{
	_cleanup_(cleanup_reachable_free) struct reachable *r = make(s);

	if (!r || set_root(r, "descriptor", d->digest.str) < 0 || add_root(r, d) < 0)
		return err_nomem(err);
	*out = TAKE_PTR(r);
	return 0;
}
