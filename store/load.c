/*
 * Load from begin to publish: open the source, see what it means, and let
 * every image of it appear at once.
 */
#include "store/load.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/map.h"
#include "base/progress.h"
#include "store/image.h"
#include "store/json.h"
#include "store/load_part.h"
#include "store/mounts.h"
#include "store/refs.h"
#include "store/txn.h"

static void image_fini(struct load_image *i)
{
	free(i->name);
	descriptor_fini(&i->desc);
}

void load_result_fini(struct load_result *r)
{
	size_t i;

	for (i = 0; i < r->n; i++)
		image_fini(&r->v[i]);
	free(r->v);
	memset(r, 0, sizeof(*r));
}

/* True where this image needs no line of its own: it is there by this name, or it needs none. */
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

/* A name makes the nameless entry of the same image superfluous. */
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

int load_add(struct load *l, const char *name, const struct descriptor *manifest,
	     const struct digest *id, struct err *err)
{
	struct load_result *r = l->result;
	struct load_image *v, *i;

	if (added(r, name, id))
		return 0;
	if (r->n == LOAD_IMAGES_MAX)
		return err_set(err, E2BIG, "more than %d images and names", LOAD_IMAGES_MAX);
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
	i->name = name ? strdup(name) : NULL;
	r->n++;
	return name && !i->name ? err_nomem(err) : 0;
}

/*
 * Which of the three it is. Where docker wrote an OCI layout and its own
 * manifest.json side by side the layout is taken: its manifests are to stay
 * as they are, byte for byte.
 */
static int find_images(struct load *l, struct err *err)
{
	const struct load_source_ops *ops = l->src->ops;
	bool docker = ops->has(l->src, "manifest.json");
	int r;

	if (ops->has(l->src, "index.json") && (!docker || ops->has(l->src, "oci-layout")))
		r = load_oci(l, err);
	else if (docker)
		r = load_docker(l, err);
	else
		r = load_v1(l, err);
	if (r == 0 && l->result->n == 0)
		r = err_set(err, EINVAL, "there is no image in it");
	return r;
}

/* What the names meant until now, for the line that docker prints when one moves. */
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

static int need(struct map *needed, const struct digest *d, struct err *err)
{
	return map_put(needed, d->str, needed) < 0 ? err_nomem(err) : 0;
}

/* What came in and no image needs is given up. */
static int forget_others(struct load *l, struct err *err)
{
	struct map needed = MAP_INIT;
	size_t i, k;
	int r = 0;

	for (i = 0; i < l->result->n && r == 0; i++) {
		const struct descriptor *desc = &l->result->v[i].desc;
		_cleanup_image_ struct image *image = NULL;

		if (map_get(&needed, desc->digest.str))
			continue;
		r = image_open(txn_store(l->txn), l->txn, desc, &image, err);
		if (r == 0)
			r = need(&needed, &desc->digest, err);
		if (r == 0)
			r = need(&needed, &image->id, err);
		for (k = 0; r == 0 && k < image->manifest.n_layers; k++)
			r = need(&needed, &image->manifest.layers[k].digest, err);
	}
	if (r == 0)
		l->src->ops->forget(l->src, &needed);
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
	}
	note_displaced(&l->before, l->result);
	r = forget_others(l, err);
	if (r == 0)
		r = image_publish(l->txn, names, result->n, err);
	return r;
}

static int open_source(struct load *l, int fd, struct progress *p, bool quiet, struct err *err)
{
	struct stat st;
	uint64_t total;

	if (fstat(fd, &st) < 0)
		return err_sys(err, errno, "cannot read");
	total = S_ISREG(st.st_mode) ? (uint64_t)st.st_size : 0;
	progress_start(p, "Loading", total, quiet);
	if (S_ISDIR(st.st_mode))
		return load_dir_open(l->txn, fd, p, &l->src, err);
	return load_archive_open(l->txn, fd, p, &l->src, err);
}

int load(struct store *s, int fd, const char *what, bool quiet, struct load_result *out,
	 struct err *err)
{
	_cleanup_load_result_ struct load_result result = { 0 };
	struct load l = { .result = &result };
	struct progress progress;
	int r;

	memset(&progress, 0, sizeof(progress));
	r = txn_begin(s, &l.txn, err);
	if (r < 0)
		return r;
	r = refs_read(s, &l.before, err);
	if (r == 0)
		r = open_source(&l, fd, &progress, quiet, err);
	if (r == 0)
		r = find_images(&l, err);
	if (r == 0)
		r = load_parents(&l, err);
	progress_end(&progress);
	if (r == 0)
		r = publish(&l, err);
	if (r < 0)
		err_wrap(err, r, "%s", what);
	if (l.src)
		l.src->ops->free(l.src);
	json_decref(l.list);
	refs_fini(&l.before);
	txn_free(l.txn);
	if (r < 0)
		return r;
	mounts_refresh(s);
	*out = result;
	memset(&result, 0, sizeof(result));
	return 0;
}
