/* Images, trees and layers of the images tree: opened when looked up, freed when forgotten. */
#include "fs/shown.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/log.h"
#include "fs/fs.h"
#include "fs/trees.h"
#include "store/acl.h"
#include "store/blob.h"
#include "store/image.h"
#include "store/layer.h"

/* What is wrong with an image is for the log; who reads the directory gets EIO. */
static int report(int r, const struct place *p, const struct err *err)
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
		namespace_forget(&im->ns, (struct place *)o);
		break;
	case NODE_SHOWN: {
		struct shown *s = (struct shown *)o;

		if (s->place->shown == s)
			s->place->shown = NULL;
		objects_unref(&im->objects, &s->place->obj, 1);
		break;
	}
	case NODE_VIEW: {
		struct view *v = (struct view *)o;

		v->shown->views[v->slot] = NULL;
		objects_unref(&im->objects, &v->shown->obj, 1);
		break;
	}
	case NODE_LAYER:
		im->layers[layer_id(((struct layer_node *)o)->layer)] = NULL;
		break;
	}
}

static void shown_free(struct shown *s)
{
	if (!s)
		return;
	descriptor_fini(&s->desc);
	buf_fini(&s->manifest);
	buf_fini(&s->config);
	free(s->layers);
	free(s->views);
	free(s);
}
DEFINE_CLEANUP_PTR(struct shown, shown_free);

static void object_free(struct images *im, struct object *o)
{
	switch (o->kind) {
	case NODE_PLACE:
		place_free((struct place *)o);
		break;
	case NODE_SHOWN:
		shown_free((struct shown *)o);
		break;
	case NODE_VIEW:
		trees_put(im->fs->trees, ((struct view *)o)->shared);
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
static int shown_read(struct images *im, const struct descriptor *desc, struct shown **out,
		      struct err *err)
{
	_cleanup_image_ struct image *image = NULL;
	_cleanup_(cleanup_shown_free) struct shown *s = calloc(1, sizeof(*s));
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
	s->views = calloc(s->n_layers + 1, sizeof(struct view *));
	if (!s->layers || !s->views || descriptor_copy(desc, &s->desc) < 0)
		return err_nomem(err);
	for (i = 0; i < s->n_layers; i++)
		s->layers[i] = image->manifest.layers[i].digest;
	*out = TAKE_PTR(s);
	return 0;
}

/* The image that is at p already, with a reference more, or else what is to be read for it. */
static int shown_find(struct images *im, struct place *p, struct shown **out,
		      struct descriptor *desc)
{
	int r = 0;

	pthread_mutex_lock(&im->lock);
	*out = p->shown;
	if (p->shown)
		objects_ref(&p->shown->obj);
	else
		r = p->has_image ? descriptor_copy(&p->desc, desc) : -ENOENT;
	images_unlock(im);
	return r;
}

static int shown_publish(struct images *im, struct place *p, struct shown *s)
{
	int r;

	pthread_mutex_lock(&im->lock);
	if (!p->has_image || !digest_eq(&p->desc.digest, &s->desc.digest)) {
		r = -ESTALE;
	} else {
		r = objects_add(&im->objects, &s->obj, NODE_SHOWN, NULL);
		if (r == 0) {
			s->place = p;
			objects_ref(&p->obj);
			p->shown = s;
		}
	}
	images_unlock(im);
	return r;
}

static int shown_make(struct images *im, struct place *p, struct shown **out)
{
	struct descriptor desc = { 0 };
	struct shown *s = NULL;
	struct err err = ERR_INIT;
	int r;

	do {
		r = shown_find(im, p, &s, &desc);
		if (r < 0 || s)
			break;
		r = shown_read(im, &desc, &s, &err);
		descriptor_fini(&desc);
		if (r < 0) {
			r = report(r, p, &err);
			break;
		}
		r = shown_publish(im, p, s);
		if (r < 0) {
			shown_free(s);
			s = NULL;
		}
		/* The place got another image while this one was read. */
	} while (r == -ESTALE);
	if (r == 0)
		*out = s;
	return r;
}

int shown_get(struct images *im, struct place *p, struct shown **out)
{
	int r;

	pthread_mutex_lock(&im->lock);
	if (p->shown) {
		*out = p->shown;
		objects_ref(&p->shown->obj);
		images_unlock(im);
		return 0;
	}
	images_unlock(im);
	pthread_mutex_lock(&im->making);
	r = shown_make(im, p, out);
	pthread_mutex_unlock(&im->making);
	return r;
}

/* The view that is in a slot already, with a reference more; or v becomes it. The lock is held. */
static int view_settle(struct images *im, struct shown *s, size_t slot, struct view *v,
		       struct view **out)
{
	char key[DIGEST_MAX + 32];
	int r;

	if (s->views[slot]) {
		*out = s->views[slot];
		objects_ref(&(*out)->obj);
		return 0;
	}
	*out = NULL;
	if (!v)
		return 0;
	snprintf(key, sizeof(key), "%u %zu %s", s->place->obj.number, slot, s->desc.digest.str);
	r = objects_add(&im->objects, &v->obj, NODE_VIEW, key);
	if (r < 0)
		return r;
	v->shown = s;
	objects_ref(&s->obj);
	s->views[slot] = v;
	*out = v;
	return 0;
}

int view_get(struct images *im, struct shown *s, size_t slot, struct view **out)
{
	_cleanup_image_ struct image *image = NULL;
	struct shared_tree *shared = NULL;
	struct err err = ERR_INIT;
	struct view *v;
	int r;

	pthread_mutex_lock(&im->lock);
	r = view_settle(im, s, slot, NULL, out);
	images_unlock(im);
	if (*out)
		return r;
	if (slot == 0) {
		r = image_open(im->fs->store, NULL, &s->desc, &image, &err);
		if (r == 0)
			r = trees_get(im->fs->trees, image, &shared, &err);
	} else {
		r = trees_get_layer(im->fs->trees, &s->layers[slot - 1], &shared, &err);
	}
	if (r < 0)
		return report(r, s->place, &err);
	v = calloc(1, sizeof(*v));
	if (!v) {
		trees_put(im->fs->trees, shared);
		return -ENOMEM;
	}
	v->slot = slot;
	v->shared = shared;
	pthread_mutex_lock(&im->lock);
	r = view_settle(im, s, slot, v, out);
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
