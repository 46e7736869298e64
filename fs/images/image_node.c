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
#include "store/image/image.h"
#include "store/layer/acl.h"
#include "store/layer/layer.h"

/* What is wrong with an image is for the log; who reads the directory gets EIO. */
static int report(int r, const struct ns_entry *p, const struct err *err)
{
	if (r == -ENOMEM)
		return r;
	log_warn("%s: %s", p->name, err->msg);
	return -EIO;
}

/* Nobody finds o any more, and what it refers to has one reference less. The lock is held. */
static void detach(struct images *im, struct object *o)
{
	switch (o->kind) {
	case NODE_PLACE:
		namespace_forget(&im->ns, (struct ns_entry *)o);
		break;
	case NODE_SHOWN: {
		struct image_node *s = (struct image_node *)o;

		if (s->ns_entry->image_node == s)
			s->ns_entry->image_node = NULL;
		objects_unref(&im->objects, &s->ns_entry->obj, 1);
		break;
	}
	case NODE_VIEW: {
		struct tree_node *v = (struct tree_node *)o;

		v->image_node->tree_nodes[v->tree_index] = NULL;
		objects_unref(&im->objects, &v->image_node->obj, 1);
		break;
	}
	case NODE_LAYER:
		im->layers[layer_id(((struct layer_node *)o)->layer)] = NULL;
		break;
	}
}

static void image_node_free(struct image_node *s)
{
	if (!s)
		return;
	descriptor_fini(&s->desc);
	buf_fini(&s->manifest);
	buf_fini(&s->config);
	free(s->layers);
	free(s->tree_nodes);
	free(s);
}
DEFINE_CLEANUP_PTR(struct image_node, image_node_free);

static void object_free(struct images *im, struct object *o)
{
	switch (o->kind) {
	case NODE_PLACE:
		ns_entry_free((struct ns_entry *)o);
		break;
	case NODE_SHOWN:
		image_node_free((struct image_node *)o);
		break;
	case NODE_VIEW:
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

	/* What one object lets go of may be the next that nobody holds. */
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

/* Everything about an image but its trees. */
static int image_node_read(struct images *im, const struct descriptor *desc,
			   struct image_node **out, struct err *err)
{
	_cleanup_image_ struct image *image = NULL;
	_cleanup_(cleanup_image_node_free) struct image_node *s = calloc(1, sizeof(*s));
	size_t i;
	int r;

	if (!s)
		return err_nomem(err);
	r = image_open(im->fs->store, NULL, desc, &image, err);
	if (r == 0)
		r = blob_get(im->fs->store, NULL, &image->desc.digest, BLOB_JSON_MAX, &s->manifest,
			     err);
	if (r == 0)
		r = blob_get(im->fs->store, NULL, &image->id, BLOB_JSON_MAX, &s->config, err);
	if (r < 0)
		return r;
	s->created = image->created;
	s->n_layers = image->manifest.n_layers;
	s->layers = calloc(s->n_layers + 1, sizeof(*s->layers));
	s->tree_nodes = calloc(s->n_layers + 1, sizeof(struct tree_node *));
	if (!s->layers || !s->tree_nodes || descriptor_copy(desc, &s->desc) < 0)
		return err_nomem(err);
	for (i = 0; i < s->n_layers; i++)
		s->layers[i] = image->manifest.layers[i].digest;
	*out = TAKE_PTR(s);
	return 0;
}

/* The image that is at p already, with a reference more, or else what is to be read for it. */
static int image_node_find(struct images *im, struct ns_entry *p, struct image_node **out,
			   struct descriptor *desc)
{
	int r = 0;

	pthread_mutex_lock(&im->lock);
	*out = p->image_node;
	if (p->image_node)
		objects_ref(&p->image_node->obj);
	else
		r = p->has_image ? descriptor_copy(&p->desc, desc) : -ENOENT;
	images_unlock(im);
	return r;
}

static int image_node_publish(struct images *im, struct ns_entry *p, struct image_node *s)
{
	int r;

	pthread_mutex_lock(&im->lock);
	if (!p->has_image || !digest_eq(&p->desc.digest, &s->desc.digest)) {
		r = -ESTALE;
	} else {
		r = objects_add(&im->objects, &s->obj, NODE_SHOWN, NULL);
		if (r == 0) {
			s->ns_entry = p;
			objects_ref(&p->obj);
			p->image_node = s;
		}
	}
	images_unlock(im);
	return r;
}

static int image_node_make(struct images *im, struct ns_entry *p, struct image_node **out)
{
	struct descriptor desc = { 0 };
	struct image_node *s = NULL;
	struct err err = ERR_INIT;
	int r;

	do {
		r = image_node_find(im, p, &s, &desc);
		if (r < 0 || s)
			break;
		r = image_node_read(im, &desc, &s, &err);
		descriptor_fini(&desc);
		if (r < 0) {
			r = report(r, p, &err);
			break;
		}
		r = image_node_publish(im, p, s);
		if (r < 0) {
			image_node_free(s);
			s = NULL;
		}
		/* The place got another image while this one was read. */
	} while (r == -ESTALE);
	if (r == 0)
		*out = s;
	return r;
}

int image_node_get(struct images *im, struct ns_entry *p, struct image_node **out)
{
	int r;

	pthread_mutex_lock(&im->lock);
	if (p->image_node) {
		*out = p->image_node;
		objects_ref(&p->image_node->obj);
		images_unlock(im);
		return 0;
	}
	images_unlock(im);
	pthread_mutex_lock(&im->making);
	r = image_node_make(im, p, out);
	pthread_mutex_unlock(&im->making);
	return r;
}

/* The view that is in a slot already, with a reference more; or v becomes it. The lock is held. */
static int tree_node_settle(struct images *im, struct image_node *s, size_t tree_index,
			    struct tree_node *v, struct tree_node **out)
{
	char key[DIGEST_MAX + 32];
	int r;

	if (s->tree_nodes[tree_index]) {
		*out = s->tree_nodes[tree_index];
		objects_ref(&(*out)->obj);
		return 0;
	}
	*out = NULL;
	if (!v)
		return 0;
	snprintf(key, sizeof(key), "%u %zu %s", s->ns_entry->obj.number, tree_index,
		 s->desc.digest.str);
	r = objects_add(&im->objects, &v->obj, NODE_VIEW, key);
	if (r < 0)
		return r;
	v->image_node = s;
	objects_ref(&s->obj);
	s->tree_nodes[tree_index] = v;
	*out = v;
	return 0;
}

int tree_node_get(struct images *im, struct image_node *s, size_t tree_index,
		  struct tree_node **out)
{
	_cleanup_image_ struct image *image = NULL;
	struct shared_tree *shared = NULL;
	struct err err = ERR_INIT;
	struct tree_node *v;
	int r;

	pthread_mutex_lock(&im->lock);
	r = tree_node_settle(im, s, tree_index, NULL, out);
	images_unlock(im);
	if (*out)
		return r;
	if (tree_index == 0) {
		r = image_open(im->fs->store, NULL, &s->desc, &image, &err);
		if (r == 0)
			r = trees_get(im->fs->trees, image, &shared, &err);
	} else {
		r = trees_get_layer(im->fs->trees, &s->layers[tree_index - 1], &shared, &err);
	}
	if (r < 0)
		return report(r, s->ns_entry, &err);
	v = calloc(1, sizeof(*v));
	if (!v) {
		trees_put(im->fs->trees, shared);
		return -ENOMEM;
	}
	v->tree_index = tree_index;
	v->shared = shared;
	pthread_mutex_lock(&im->lock);
	r = tree_node_settle(im, s, tree_index, v, out);
	images_unlock(im);
	if (r < 0 || *out != v) {
		trees_put(im->fs->trees, shared);
		free(v);
	}
	return r;
}

static bool layer_has_acl(const struct layer *l)
{
	const struct layer_entry *e;
	uint32_t i, pos;
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
