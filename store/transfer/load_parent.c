/*
 * Parents of the images in an archive. docker records a parent in manifest.json if it is saved,
 * too. An implausible parent is ignored.
 */
#include "store/transfer/load_private.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/json.h"
#include "base/log.h"
#include "base/map.h"
#include "store/disk/txn.h"
#include "store/image/image.h"
#include "store/image/parent.h"
#include "store/transfer/load.h"

/* Find an image of the archive by its ID. */
static struct load_image *find_image(const struct map *by_id, const char *id)
{
	return map_get(by_id, id);
}

/* Find the image of an entry in manifest.json, by its config's digest. */
static struct load_image *of_entry(const struct map *by_id, const json_t *item)
{
	const char *path = json_str(item, "Config"), *base = strrchr(path, '/');
	char id[DIGEST_MAX];

	snprintf(id, sizeof(id), "sha256:%.64s", base ? base + 1 : path);
	return find_image(by_id, id);
}

static const struct descriptor *manifest_of(const struct load *l, const struct map *by_id,
					    const struct digest *id)
{
	const struct load_image *image = find_image(by_id, id->str);
	size_t i;

	if (image)
		return &image->desc;
	for (i = 0; i < l->before.n; i++)
		if (digest_eq(&l->before.v[i].id, id))
			return &l->before.v[i].desc;
	return NULL;
}

static void link_parent(struct load *l, const struct map *by_id, const json_t *item)
{
	_cleanup_image_ struct image *child = NULL, *parent = NULL;
	const char *text = json_str(item, "Parent");
	const struct descriptor *desc = NULL;
	struct load_image *image = text ? of_entry(by_id, item) : NULL;
	struct digest id;

	if (!image || digest_parse(text, &id, NULL) < 0)
		return;
	desc = manifest_of(l, by_id, &id);
	if (!desc || image_open(txn_store(l->txn), l->txn, &image->desc, &child, NULL) < 0 ||
	    image_open(txn_store(l->txn), l->txn, desc, &parent, NULL) < 0 ||
	    !parent_fits(child, parent)) {
		log_debug("image %s: %s cannot be its parent: ignored", image->id.str, id.str);
		return;
	}
	image->parent = id;
}

int load_parents(struct load *l, struct err *err)
{
	struct map by_id = MAP_INIT;
	size_t i;
	int r = 0;

	/* Next to a layout, manifest.json may be anything. */
	if (!l->src->ops->has(l->src, "manifest.json") || load_docker_list(l, NULL) < 0)
		return 0;
	for (i = 0; i < l->result->n && r == 0; i++)
		r = map_put(&by_id, l->result->v[i].id.str, &l->result->v[i]);
	for (i = 0; r == 0 && i < json_array_size(l->list); i++)
		link_parent(l, &by_id, json_array_get(l->list, i));
	map_fini(&by_id, NULL);
	return r < 0 ? err_nomem(err) : 0;
}
