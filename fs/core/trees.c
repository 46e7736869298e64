/* Shared trees by the digest they were made from. A few unused ones stay open. */
#include "fs/core/trees.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "store/image/image.h"
#include "store/image/tree.h"
#include "store/layer/layer.h"

/* Unused trees that stay open for the next look-up of their image. */
#define TREES_KEPT 4

struct trees {
	struct layers *layers;
	/* Held while a tree is opened, so that it is not opened twice. */
	pthread_mutex_t opening;
	/* Held for the list only; never while a tree is opened or freed. */
	pthread_mutex_t lock;
	struct shared_tree *list;
};

struct trees *trees_new(struct layers *ls)
{
	struct trees *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->layers = ls;
	pthread_mutex_init(&t->opening, NULL);
	pthread_mutex_init(&t->lock, NULL);
	return t;
}

static void free_list(struct shared_tree *s)
{
	while (s) {
		struct shared_tree *next = s->next;

		tree_free(s->tree);
		free(s);
		s = next;
	}
}

void trees_free(struct trees *t)
{
	if (!t)
		return;
	free_list(t->list);
	pthread_mutex_destroy(&t->lock);
	pthread_mutex_destroy(&t->opening);
	free(t);
}

/* Reference an open tree and move it to the front; NULL: it is not open. */
static struct shared_tree *find(struct trees *t, const struct digest *key, bool single)
{
	struct shared_tree **at, *s;

	pthread_mutex_lock(&t->lock);
	for (at = &t->list; (s = *at); at = &s->next)
		if (s->single == single && digest_eq(&s->key, key))
			break;
	if (s) {
		*at = s->next;
		s->next = t->list;
		t->list = s;
		s->refs++;
	}
	pthread_mutex_unlock(&t->lock);
	return s;
}

static int get(struct trees *t, const struct digest *key, const struct image *image,
	       struct shared_tree **out, struct err *err)
{
	struct shared_tree *s = find(t, key, !image);
	int r = 0;

	if (s) {
		*out = s;
		return 0;
	}
	pthread_mutex_lock(&t->opening);
	s = find(t, key, !image);
	if (!s) {
		s = calloc(1, sizeof(*s));
		if (!s)
			r = err_nomem(err);
		else if (image)
			r = tree_open(t->layers, &image->manifest, &s->tree, err);
		else
			r = tree_open_layer(t->layers, key, &s->tree, err);
		if (r < 0) {
			free(s);
		} else {
			s->key = *key;
			s->single = !image;
			s->refs = 1;
			pthread_mutex_lock(&t->lock);
			s->next = t->list;
			t->list = s;
			pthread_mutex_unlock(&t->lock);
		}
	}
	pthread_mutex_unlock(&t->opening);
	if (r == 0)
		*out = s;
	return r;
}

int trees_get(struct trees *t, const struct image *image, struct shared_tree **out, struct err *err)
{
	return get(t, &image->desc.digest, image, out, err);
}

int trees_get_layer(struct trees *t, const struct digest *blob, struct shared_tree **out,
		    struct err *err)
{
	return get(t, blob, NULL, out, err);
}

void trees_ref(struct trees *t, struct shared_tree *s)
{
	pthread_mutex_lock(&t->lock);
	s->refs++;
	pthread_mutex_unlock(&t->lock);
}

/* Take an unused tree off the list if there are too many, or its layers were removed from the
 * store. The lock is held. */
static struct shared_tree *take_unused(struct trees *t)
{
	struct shared_tree **at, *drop = NULL;
	unsigned kept = 0;

	for (at = &t->list; *at;) {
		struct shared_tree *e = *at;

		if (e->refs == 0 && (++kept > TREES_KEPT || tree_is_removed(e->tree))) {
			*at = e->next;
			e->next = drop;
			drop = e;
		} else {
			at = &e->next;
		}
	}
	return drop;
}

void trees_put(struct trees *t, struct shared_tree *s)
{
	struct shared_tree *drop = NULL;

	if (!s)
		return;
	pthread_mutex_lock(&t->lock);
	if (--s->refs == 0)
		drop = take_unused(t);
	pthread_mutex_unlock(&t->lock);
	free_list(drop);
}

void trees_sweep(struct trees *t)
{
	struct shared_tree *drop;

	pthread_mutex_lock(&t->lock);
	drop = take_unused(t);
	pthread_mutex_unlock(&t->lock);
	free_list(drop);
}
