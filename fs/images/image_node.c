/* Images, trees and layers of the images tree: opened when looked up, freed when forgotten. */
#include "fs/images/image_node.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/log.h"
#include "fs/core/fs.h"
#include "fs/core/trees.h"
#include "store/disk/blob.h"
#include "store/disk/refs.h"
#include "store/image/image.h"
#include "store/layer/acl.h"
#include "store/layer/layer.h"

/* True if index.json leads to this manifest now. */
static bool is_listed(struct images *im, const struct descriptor *desc)
{
	_cleanup_refs_ struct refs refs = { 0 };
	size_t i;

	if (refs_read(im->fs->store, &refs, NULL) < 0)
		return true;
	for (i = 0; i < refs.n; i++)
		if (digest_eq(&refs.v[i].desc.digest, &desc->digest))
			return true;
	return false;
}

/*
 * Explain why an image could not be read. rmi removes its files shortly before it tells the mount,
 * and a load may bring them back. So an image that is not listed any more is gone, and a listed
 * one is read once more. The reader gets EIO for any other error, and the log says what is wrong.
 * again    true: not read a second time yet
 * returns  -ENOENT; -ESTALE read it again; -EIO, -ENOMEM
 */
static int explain(struct images *im, const struct descriptor *desc, int r,
		   const struct ns_entry *entry, const struct err *err, bool *again)
{
	if (r == -ENOMEM)
		return r;
	if (!is_listed(im, desc))
		return -ENOENT;
	if (*again) {
		*again = false;
		return -ESTALE;
	}
	log_warn("%s: %s", entry->name, err->msg);
	return -EIO;
}

/* Unlink o from all that leads to it, and drop its own references. The lock is held. */
static void detach(struct images *im, struct object *o)
{
	switch (o->kind) {
	case NODE_NS_ENTRY:
		namespace_forget(&im->ns, (struct ns_entry *)o);
		break;
	case NODE_IMAGE: {
		struct image_node *img = (struct image_node *)o;

		if (img->ns_entry->image_node == img)
			img->ns_entry->image_node = NULL;
		objects_unref(&im->objects, &img->ns_entry->obj, 1);
		break;
	}
	case NODE_TREE: {
		struct tree_node *tn = (struct tree_node *)o;

		tn->image_node->tree_nodes[tn->tree_index] = NULL;
		objects_unref(&im->objects, &tn->image_node->obj, 1);
		break;
	}
	case NODE_LAYER:
		im->layers[layer_id(((struct layer_node *)o)->layer)] = NULL;
		break;
	}
}

static void image_node_free(struct image_node *img)
{
	if (!img)
		return;
	descriptor_fini(&img->desc);
	buf_fini(&img->manifest);
	buf_fini(&img->config);
	free(img->layers);
	free(img->tree_nodes);
	free(img);
}
DEFINE_CLEANUP_PTR(struct image_node, image_node_free);

static void object_free(struct images *im, struct object *o)
{
	switch (o->kind) {
	case NODE_NS_ENTRY:
		ns_entry_free((struct ns_entry *)o);
		break;
	case NODE_IMAGE:
		image_node_free((struct image_node *)o);
		break;
	case NODE_TREE:
		trees_put(im->fs->trees, ((struct tree_node *)o)->shared);
		free(o);
		break;
	case NODE_LAYER:
		layer_unref(((struct layer_node *)o)->layer);
		free(o);
		break;
	}
}

void images_unlock(struct images *im)
{
	struct object *dead, *all = NULL;

	/* An object that is detached may drop the last reference to another one. */
	while ((dead = objects_take_dead(&im->objects))) {
		while (dead) {
			struct object *o = dead;

			dead = o->next_dead;
			detach(im, o);
			o->next_dead = all;
			all = o;
		}
	}
	pthread_mutex_unlock(&im->lock);
	while (all) {
		dead = all->next_dead;
		object_free(im, all);
		all = dead;
	}
}

void images_drop_all(struct images *im)
{
	uint32_t i;

	for (i = 0; i < im->objects.n; i++)
		if (im->objects.v[i])
			object_free(im, im->objects.v[i]);
	objects_fini(&im->objects);
	free(im->layers);
}

/* All of an image except its trees. */
static int image_node_read(struct images *im, const struct descriptor *desc,
			   struct image_node **out, struct err *err)
{
	_cleanup_image_ struct image *image = NULL;
	_cleanup_(cleanup_image_node_free) struct image_node *img = calloc(1, sizeof(*img));
	size_t i;
	int r;

	if (!img)
		return err_nomem(err);
	r = image_open(im->fs->store, NULL, desc, &image, err);
	if (r == 0)
		r = blob_get(im->fs->store, NULL, &image->desc.digest, BLOB_JSON_MAX,
			     &img->manifest, err);
	if (r == 0)
		r = blob_get(im->fs->store, NULL, &image->id, BLOB_JSON_MAX, &img->config, err);
	if (r < 0)
		return r;
	img->created = image->created;
	img->n_layers = image->manifest.n_layers;
	img->layers = calloc(img->n_layers + 1, sizeof(*img->layers));
	img->tree_nodes = calloc(img->n_layers + 1, sizeof(struct tree_node *));
	if (!img->layers || !img->tree_nodes || descriptor_copy(desc, &img->desc) < 0)
		return err_nomem(err);
	for (i = 0; i < img->n_layers; i++)
		img->layers[i] = image->manifest.layers[i].digest;
	*out = TAKE_PTR(img);
	return 0;
}

/*
 * The image node that the entry has, with one more reference; or else NULL, and the descriptor to
 * read one.
 */
static int image_node_find(struct images *im, struct ns_entry *entry, struct image_node **out,
			   struct descriptor *desc)
{
	int r = 0;

	pthread_mutex_lock(&im->lock);
	*out = entry->image_node;
	if (entry->image_node)
		objects_ref(&entry->image_node->obj);
	else
		r = entry->has_image ? descriptor_copy(&entry->desc, desc) : -ENOENT;
	images_unlock(im);
	return r;
}

static int image_node_publish(struct images *im, struct ns_entry *entry, struct image_node *img)
{
	int r;

	pthread_mutex_lock(&im->lock);
	if (!entry->has_image || !digest_eq(&entry->desc.digest, &img->desc.digest)) {
		r = -ESTALE;
	} else {
		r = objects_add(&im->objects, &img->obj, NODE_IMAGE, NULL);
		if (r == 0) {
			img->ns_entry = entry;
			objects_ref(&entry->obj);
			entry->image_node = img;
		}
	}
	images_unlock(im);
	return r;
}

static int image_node_make(struct images *im, struct ns_entry *entry, struct image_node **out)
{
	struct descriptor desc = { 0 };
	struct image_node *img = NULL;
	struct err err = ERR_INIT;
	bool again = true;
	int r;

	do {
		r = image_node_find(im, entry, &img, &desc);
		if (r < 0 || img)
			break;
		r = image_node_read(im, &desc, &img, &err);
		if (r < 0)
			r = explain(im, &desc, r, entry, &err, &again);
		descriptor_fini(&desc);
		if (r < 0)
			continue;
		r = image_node_publish(im, entry, img);
		if (r < 0) {
			image_node_free(img);
			img = NULL;
		}
		/* The entry got another image while this one was read. */
	} while (r == -ESTALE);
	if (r == 0)
		*out = img;
	return r;
}

int image_node_get(struct images *im, struct ns_entry *entry, struct image_node **out)
{
	int r;

	pthread_mutex_lock(&im->lock);
	if (entry->image_node) {
		*out = entry->image_node;
		objects_ref(&entry->image_node->obj);
		images_unlock(im);
		return 0;
	}
	images_unlock(im);
	pthread_mutex_lock(&im->making);
	r = image_node_make(im, entry, out);
	pthread_mutex_unlock(&im->making);
	return r;
}

/*
 * The tree node that the image has at this index, with one more reference; or else tn becomes it.
 * The lock is held.
 */
static int tree_node_publish(struct images *im, struct image_node *img, size_t tree_index,
			     struct tree_node *tn, struct tree_node **out)
{
	char key[DIGEST_MAX + 32];
	int r;

	if (img->tree_nodes[tree_index]) {
		*out = img->tree_nodes[tree_index];
		objects_ref(&(*out)->obj);
		return 0;
	}
	*out = NULL;
	if (!tn)
		return 0;
	snprintf(key, sizeof(key), "%u %zu %s", img->ns_entry->obj.number, tree_index,
		 img->desc.digest.str);
	r = objects_add(&im->objects, &tn->obj, NODE_TREE, key);
	if (r < 0)
		return r;
	tn->image_node = img;
	objects_ref(&img->obj);
	img->tree_nodes[tree_index] = tn;
	*out = tn;
	return 0;
}

int tree_node_get(struct images *im, struct image_node *img, size_t tree_index,
		  struct tree_node **out)
{
	_cleanup_image_ struct image *image = NULL;
	struct shared_tree *shared = NULL;
	struct err err = ERR_INIT;
	struct tree_node *tn;
	bool again = true;
	int r;

	pthread_mutex_lock(&im->lock);
	r = tree_node_publish(im, img, tree_index, NULL, out);
	images_unlock(im);
	if (*out)
		return r;
	do {
		if (tree_index == 0) {
			r = image ? 0 : image_open(im->fs->store, NULL, &img->desc, &image, &err);
			if (r == 0)
				r = trees_get(im->fs->trees, image, &shared, &err);
		} else {
			r = trees_get_layer(im->fs->trees, &img->layers[tree_index - 1], &shared,
					    &err);
		}
		if (r < 0)
			r = explain(im, &img->desc, r, img->ns_entry, &err, &again);
	} while (r == -ESTALE);
	if (r < 0)
		return r;
	tn = calloc(1, sizeof(*tn));
	if (!tn) {
		trees_put(im->fs->trees, shared);
		return -ENOMEM;
	}
	tn->tree_index = tree_index;
	tn->shared = shared;
	pthread_mutex_lock(&im->lock);
	r = tree_node_publish(im, img, tree_index, tn, out);
	images_unlock(im);
	if (r < 0 || *out != tn) {
		trees_put(im->fs->trees, shared);
		free(tn);
	}
	return r;
}

static bool layer_has_acl(const struct layer *l)
{
	const struct layer_entry *e;
	uint64_t pos;
	uint32_t i;
	const char *name;
	const void *value;
	size_t len;

	for (i = 0; (e = layer_entry(l, i)); i++)
		for (pos = 0; layer_xattr(l, e, &pos, &name, &value, &len) > 0;)
			if (acl_is_name(name))
				return true;
	return false;
}

struct layer_node *layer_node_get(struct images *im, struct layer *l)
{
	uint32_t id = layer_id(l);
	struct layer_node *n;

	if (id >= im->n_layers) {
		uint32_t count = id + 16;
		struct layer_node **v = realloc(im->layers, count * sizeof(struct layer_node *));

		if (!v)
			return NULL;
		memset(v + im->n_layers, 0, (count - im->n_layers) * sizeof(struct layer_node *));
		im->layers = v;
		im->n_layers = count;
	}
	n = im->layers[id];
	if (n) {
		objects_ref(&n->obj);
		return n;
	}
	n = calloc(1, sizeof(*n));
	if (!n ||
	    objects_add(&im->objects, &n->obj, NODE_LAYER, layer_header(l)->blob_digest) < 0) {
		free(n);
		return NULL;
	}
	layer_ref(l);
	n->layer = l;
	im->has_acl = im->has_acl || layer_has_acl(l);
	im->layers[id] = n;
	return n;
}
