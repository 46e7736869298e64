/*
 * Each file is counted once, by what references it now and what would reference it after a prune.
 */
#include "store/upkeep/df.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/beneath.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/file.h"
#include "base/lock.h"
#include "base/map.h"
#include "store/container/container.h"
#include "store/disk/partial.h"
#include "store/disk/refs.h"
#include "store/disk/store.h"
#include "store/disk/store_lock.h"
#include "store/disk/tmp_sweep.h"
#include "store/image/image.h"
#include "store/layer/layer.h"
#include "store/upkeep/gc.h"
#include "store/upkeep/reachable.h"

struct count {
	struct store *s;
	struct df *out;
	struct refs refs;
	struct reachable *now, *after; /* reachable from index.json now, and after prune -a */
	struct map used;	       /* image IDs of containers */
	struct map active;	       /* blobs of those images */
	struct map times;	       /* layer -> number of images, stored in the pointer */
};

void df_fini(struct df *d)
{
	size_t i;

	for (i = 0; i < d->n_images; i++)
		free(d->v_images[i].name);
	for (i = 0; i < d->n_containers; i++) {
		free(d->v_containers[i].name);
		free(d->v_containers[i].image);
	}
	free(d->v_images);
	free(d->v_containers);
}

static uintptr_t number(const struct map *m, const char *key)
{
	return (uintptr_t)map_get(m, key);
}

static int increase(struct map *m, const char *key)
{
	return map_put(m, key, (void *)(number(m, key) + 1));
}

static int read_containers(struct count *c, struct err *err)
{
	struct df *d = c->out;
	char **names;
	size_t i;
	int r = container_list(c->s, &names, err);

	if (r < 0)
		return r;
	for (i = 0; names[i]; i++)
		;
	d->v_containers = calloc(i + 1, sizeof(*d->v_containers));
	if (!d->v_containers)
		r = err_nomem(err);
	for (i = 0; r == 0 && names[i]; i++) {
		_cleanup_container_ struct container *box = NULL;
		struct df_container *out = &d->v_containers[d->n_containers];

		/* verify reports damaged containers; a container may be removed concurrently. */
		if (container_open(c->s, names[i], &box, NULL) < 0 ||
		    container_changed_size(box, &out->size, NULL) < 0)
			continue;
		out->image_id = box->image_id;
		out->created = box->created;
		out->name = TAKE_PTR(box->name);
		out->image = TAKE_PTR(box->image_typed);
		d->n_containers++;
		d->containers.size += out->size;
		if (increase(&c->used, out->image_id.str) < 0)
			r = err_nomem(err);
	}
	d->containers.n = d->containers.active = d->n_containers;
	container_list_free(names);
	return r;
}

/* True if an earlier entry has the same image. */
static bool seen(const struct refs *refs, size_t i)
{
	size_t k;

	for (k = 0; k < i; k++)
		if (digest_eq(&refs->v[k].id, &refs->v[i].id))
			return true;
	return false;
}

/* True if the layer occurs earlier in the same image: that does not make it shared. */
static bool occurs_before(const struct manifest *m, size_t k)
{
	size_t i;

	for (i = 0; i < k; i++)
		if (digest_eq(&m->layers[i].digest, &m->layers[k].digest))
			return true;
	return false;
}

static int note_layers(struct count *c, const struct ref *ref, bool active, struct err *err)
{
	_cleanup_image_ struct image *image = NULL;
	size_t k;
	int r = 0;

	if (image_open(c->s, NULL, &ref->desc, &image, NULL) < 0)
		return 0;
	if (active)
		r = map_put(&c->active, image->desc.digest.str, c) |
		    map_put(&c->active, image->id.str, c);
	for (k = 0; k < image->manifest.n_layers && r == 0; k++) {
		const char *layer = image->manifest.layers[k].digest.str;

		if (!occurs_before(&image->manifest, k))
			r = increase(&c->times, layer);
		if (r == 0 && active)
			r = map_put(&c->active, layer, c);
	}
	return r < 0 ? err_nomem(err) : 0;
}

static int note_images(struct count *c, struct err *err)
{
	size_t i;
	int r = 0;

	for (i = 0; i < c->refs.n && r == 0; i++) {
		bool active = number(&c->used, c->refs.v[i].id.str) > 0;

		/* An artifact is not an image. */
		if (!digest_is_set(&c->refs.v[i].id) || seen(&c->refs, i))
			continue;
		c->out->images.n++;
		c->out->images.active += active;
		r = note_layers(c, &c->refs.v[i], active, err);
	}
	return r;
}

static int fill_image(struct count *c, const struct ref *ref, struct df_image *out)
{
	_cleanup_image_ struct image *image = NULL;
	struct layer_header h;
	size_t k;

	out->id = ref->id;
	out->containers = (unsigned)number(&c->used, ref->id.str);
	out->name = ref->name ? strdup(ref->name) : NULL;
	if (ref->name && !out->name)
		return -ENOMEM;
	if (image_open(c->s, NULL, &ref->desc, &image, NULL) < 0)
		return 0;
	out->created = image->created;
	for (k = 0; k < image->manifest.n_layers; k++) {
		const struct digest *layer = &image->manifest.layers[k].digest;

		if (layer_peek(c->s, layer, &h, NULL) < 0)
			continue;
		out->size += h.content_size;
		if (number(&c->times, layer->str) > 1)
			out->shared += h.content_size;
	}
	return 0;
}

static int list_images(struct count *c, struct err *err)
{
	struct df *d = c->out;
	size_t i;

	d->v_images = calloc(c->refs.n + 1, sizeof(*d->v_images));
	if (!d->v_images)
		return err_nomem(err);
	for (i = 0; i < c->refs.n; i++) {
		d->n_images++;
		if (fill_image(c, &c->refs.v[i], &d->v_images[i]) < 0)
			return err_nomem(err);
	}
	return 0;
}

static void count_file(struct count *c, const struct digest *d, uint64_t size, struct df_kind *kind)
{
	bool blob = kind == &c->out->images;

	if (!reachable_has(c->now, d)) {
		kind = &c->out->leftovers;
		kind->n++;
		kind->size += size;
		kind->reclaimable += size;
		return;
	}
	kind->size += size;
	if (!reachable_has(c->after, d))
		kind->reclaimable += size;
	if (blob && number(&c->times, d->str) > 1) {
		struct df_kind *shared = &c->out->shared;

		shared->n++;
		shared->active += map_get(&c->active, d->str) != NULL;
		shared->size += size;
		shared->reclaimable += reachable_has(c->after, d) ? 0 : size;
	} else if (!blob) {
		kind->n++;
		kind->active += map_get(&c->active, d->str) != NULL;
	}
}

/* Count the files named DIGEST + suffix in a directory; other files are not ours. */
static int count_dir(struct count *c, const char *dir_path, const char *algorithm,
		     const char *suffix, struct df_kind *kind, struct err *err)
{
	_cleanup_close_ int fd = -1;
	size_t n, i, end = strlen(suffix);
	char **names, path[64];
	int r;

	snprintf(path, sizeof(path), "%s/%s", dir_path, algorithm);
	fd = beneath_dir(c->s->fd, path);
	if (fd < 0)
		return fd == -ENOENT ? 0 : err_sys(err, -fd, "store %s: %s", c->s->path, path);
	r = file_names(fd, &names, &n);
	if (r < 0)
		return err_sys(err, -r, "store %s: %s", c->s->path, path);
	for (i = 0; i < n; i++) {
		char text[DIGEST_MAX + 300];
		size_t len = strlen(names[i]);
		struct digest d;
		struct stat st;

		if (len <= end || strcmp(names[i] + len - end, suffix) != 0)
			continue;
		snprintf(text, sizeof(text), "%s:%.*s", algorithm, (int)(len - end), names[i]);
		if (digest_parse(text, &d, NULL) == 0 &&
		    fstatat(fd, names[i], &st, AT_SYMLINK_NOFOLLOW) == 0)
			count_file(c, &d, (uint64_t)st.st_size, kind);
	}
	file_names_free(names);
	return 0;
}

static int count_files(struct count *c, struct err *err)
{
	static const char *const algorithms[] = { "sha256", "sha512" };
	size_t i;
	int r = 0;

	for (i = 0; i < ARRAY_SIZE(algorithms) && r == 0; i++) {
		r = count_dir(c, "blobs", algorithms[i], "", &c->out->images, err);
		if (r == 0)
			r = count_dir(c, "imagefs/layers", algorithms[i], ".idx", &c->out->indexes,
				      err);
		if (r == 0)
			r = count_dir(c, "imagefs/cache", algorithms[i], ".zst", &c->out->cache,
				      err);
	}
	if (r == 0) {
		struct df_kind *left = &c->out->leftovers;
		uint64_t bytes;

		left->n += partial_sweep(c->s, true, NULL, NULL, &bytes);
		left->size += bytes;
		left->reclaimable += bytes;
	}
	return r;
}

/*
 * Remove what prune would remove. all: keep only images of containers; else images with a tag or
 * a child. Repeat, because a removed image may have been the last child of another.
 */
static void prune_refs(struct count *c, struct refs *refs, bool all)
{
	bool again;
	size_t i;

	do {
		again = false;
		for (i = refs->n; i-- > 0;) {
			struct digest id = refs->v[i].id;

			if (number(&c->used, id.str) > 0 ||
			    (!refs->v[i].name &&
			     (!digest_is_set(&id) || (!all && refs->v[i].desc.ref_name))) ||
			    (!all && (refs_has_tag(refs, &id) || refs_has_children(refs, &id))))
				continue;
			refs_drop(refs, i);
			again = true;
		}
	} while (again);
}

static int would_free(struct count *c, bool all, uint64_t *bytes, struct reachable **after,
		      struct err *err)
{
	_cleanup_refs_ struct refs refs = { 0 };
	struct gc_result gone = { 0 };
	int r = refs_read(c->s, &refs, err);

	if (r < 0)
		return r;
	prune_refs(c, &refs, all);
	r = gc_all(c->s, &refs, true, &gone, err);
	*bytes = gone.bytes;
	gc_result_fini(&gone);
	if (r == 0 && after)
		r = reachable_new(c->s, &refs, after, err);
	return r;
}

static int read_all(struct count *c, struct err *err)
{
	int r = refs_read(c->s, &c->refs, err);

	if (r == 0)
		r = read_containers(c, err);
	if (r == 0)
		r = note_images(c, err);
	if (r == 0)
		r = list_images(c, err);
	if (r == 0)
		r = reachable_new(c->s, &c->refs, &c->now, err);
	if (r == 0)
		r = would_free(c, false, &c->out->prune, NULL, err);
	if (r == 0)
		r = would_free(c, true, &c->out->prune_all, &c->after, err);
	if (r == 0)
		r = count_files(c, err);
	return r;
}

/*
 * Count files of killed processes. If another command holds the lock, they may be its own: count
 * nothing.
 */
static void count_dead(struct store *s, struct df *d)
{
	if (lock_try(s->lock_fd, LOCK_MODE_EXCLUSIVE, "store", s->path) < 0)
		return;
	d->leftovers.n = tmp_sweep(s->imagefs_fd, false, &d->dead);
	d->leftovers.size = d->leftovers.reclaimable = d->dead;
	store_unlock(s);
}

int df_read(struct store *s, struct df *out, struct err *err)
{
	struct df d = { .n_images = 0 };
	struct count c = { .s = s, .out = &d };
	int r;

	count_dead(s, &d);
	r = store_lock(s, STORE_LOCK_SHARED, err);
	if (r < 0)
		return r;
	r = read_all(&c, err);
	d.prune += d.dead;
	d.prune_all += d.dead;
	store_unlock(s);
	refs_fini(&c.refs);
	reachable_free(c.now);
	reachable_free(c.after);
	map_fini(&c.used, NULL);
	map_fini(&c.active, NULL);
	map_fini(&c.times, NULL);
	if (r < 0) {
		df_fini(&d);
		return r;
	}
	*out = d;
	return 0;
}
