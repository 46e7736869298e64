/*
 * Reads the blobs of the names that the registry is known to have.
 */
#include "registry/mount_sources.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/map.h"
#include "store/disk/refs.h"
#include "store/disk/store.h"
#include "store/image/image.h"
#include "store/oci/reference.h"

/* Maximum number of names that are read for one push: more would cost more than mounts save. */
#define NAMES_MAX 256

struct mount_source {
	const struct ref *ref;
	char *path;
};

static int put(struct map *out, const struct map *wanted, const struct digest *blob,
	       const char *path)
{
	char *copy;

	if (!map_get(wanted, blob->str) || map_get(out, blob->str))
		return 0;
	copy = strdup(path);
	if (copy && map_put(out, blob->str, copy) == 0)
		return 0;
	free(copy);
	return -ENOMEM;
}

/* Add the blobs that a repository has under this name. Unreadable images are skipped. */
static int add(struct store *s, const struct mount_source *o, const struct map *wanted,
	       struct map *out)
{
	struct descriptor made = { .media_type = (char *)MEDIA_OCI_MANIFEST,
				   .digest = o->ref->compressed };
	bool was_compressed =
		digest_is_set(&made.digest) && digest_eq(&made.digest, &o->ref->repo_digest);
	_cleanup_image_ struct image *image = NULL;
	size_t i;
	int r;

	if (image_open(s, NULL, was_compressed ? &made : &o->ref->desc, &image, NULL) < 0)
		return 0;
	r = put(out, wanted, &image->id, o->path);
	for (i = 0; i < image->manifest.n_layers && r == 0; i++)
		r = put(out, wanted, &image->manifest.layers[i].digest, o->path);
	return r;
}

static int newest_first(const void *a, const void *b)
{
	const struct timespec *x = &((const struct mount_source *)a)->ref->tagged;
	const struct timespec *y = &((const struct mount_source *)b)->ref->tagged;

	if (x->tv_sec != y->tv_sec)
		return x->tv_sec < y->tv_sec ? 1 : -1;
	if (x->tv_nsec != y->tv_nsec)
		return x->tv_nsec < y->tv_nsec ? 1 : -1;
	return strcmp(((const struct mount_source *)a)->path,
		      ((const struct mount_source *)b)->path);
}

/* List names of other repositories on the same domain that the registry is known to have. */
static int list(const struct refs *refs, const struct reference *to, struct mount_source *v,
		size_t *n)
{
	size_t i;

	for (i = 0; i < refs->n; i++) {
		_cleanup_reference_ struct reference ref = { 0 };

		if (!refs->v[i].name || !digest_is_set(&refs->v[i].repo_digest) ||
		    reference_parse(refs->v[i].name, &ref, NULL) < 0 ||
		    strcmp(ref.domain, to->domain) != 0 || strcmp(ref.path, to->path) == 0)
			continue;
		v[*n].ref = &refs->v[i];
		v[(*n)++].path = TAKE_PTR(ref.path);
	}
	return 0;
}

int mount_sources_find(struct store *s, const struct reference *to, const struct manifest *m,
		       struct map *out, struct err *err)
{
	_cleanup_refs_ struct refs refs = { 0 };
	struct map wanted = MAP_INIT;
	struct mount_source *v = NULL;
	size_t i, n = 0;
	int r = refs_read(s, &refs, err);

	if (r < 0)
		return r;
	v = calloc(refs.n ? refs.n : 1, sizeof(*v));
	r = v ? map_put(&wanted, m->config.digest.str, s) : -ENOMEM;
	for (i = 0; i < m->n_layers && r == 0; i++)
		r = map_put(&wanted, m->layers[i].digest.str, s);
	if (r == 0)
		r = list(&refs, to, v, &n);
	if (n)
		qsort(v, n, sizeof(*v), newest_first);
	for (i = 0; i < n && i < NAMES_MAX && out->n < wanted.n && r == 0; i++)
		r = add(s, &v[i], &wanted, out);
	for (i = 0; i < n; i++)
		free(v[i].path);
	free(v);
	map_fini(&wanted, NULL);
	return r < 0 ? err_nomem(err) : 0;
}
