/*
 * When a directory's name is taken from the kernel, all below it that is not in use goes with it;
 * what is in use stays and, having its own name still, is cached for as long as memory is left
 * when its user is done. So each name that is left below is taken, from the leaves up.
 */
#include "fs/images/evict.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/map.h"
#include "fs/core/session.h"
#include "fs/core/trees.h"
#include "fs/images/image_node.h"
#include "store/image/tree.h"

static void take(struct images *im, fuse_ino_t dir, const char *name)
{
	fuse_lowlevel_notify_inval_entry(session_fuse(im->session), dir, name, strlen(name));
}

/* Whether the kernel has a directory; that its attributes are asked for once more is the price. */
static bool is_known(struct images *im, fuse_ino_t dir)
{
	return fuse_lowlevel_notify_inval_inode(session_fuse(im->session), dir, -1, 0) == 0;
}

/* A node comes after its directory, so forwards is down and backwards is up. */
static void forget_tree(struct images *im, const struct tree_node *v)
{
	const struct tree *t = v->shared->tree;
	uint32_t i, n = tree_size(t);
	_cleanup_free_ bool *known = NULL;

	if (!is_known(im, nodeid_make(NODE_VIEW, v->obj.number, TREE_ROOT)))
		return;
	known = calloc(n, sizeof(*known));
	if (!known)
		return;
	known[TREE_ROOT] = true;
	for (i = TREE_ROOT + 1; i < n; i++)
		known[i] = tree_is_dir(t, i) && known[tree_parent(t, i)] &&
			   is_known(im, nodeid_make(NODE_VIEW, v->obj.number, i));
	for (i = n; --i > TREE_ROOT;)
		if (known[tree_parent(t, i)])
			take(im, nodeid_make(NODE_VIEW, v->obj.number, tree_parent(t, i)),
			     tree_name(t, i));
}

static void forget_tree_node(struct images *im, const struct tree_node *v)
{
	const struct image_node *s = v->image_node;
	fuse_ino_t ns_entry = namespace_id(&im->ns, s->ns_entry);
	char name[24];

	forget_tree(im, v);
	if (v->tree_index == 0) {
		take(im, ns_entry, "rootfs");
		return;
	}
	snprintf(name, sizeof(name), "%02zu", v->tree_index - 1);
	take(im, nodeid_make(NODE_SHOWN, s->obj.number, SHOWN_LAYERS), name);
	take(im, ns_entry, "layers");
}

/* The lock is held. */
static bool is_stale(const struct images *im, const struct image_node *s)
{
	const struct ns_entry *p = s->ns_entry;

	if (p->image_node != s)
		return true;
	return p->name[0] == '@' && map_get(&im->ns.by_id, p->name) != p;
}

/* Those of images that are at no place any more, each with a reference. The lock is held. */
static struct tree_node **list_stale(struct images *im, size_t *n)
{
	struct tree_node **list = calloc(im->objects.n + 1, sizeof(struct tree_node *));
	uint32_t i;

	*n = 0;
	for (i = 0; list && i < im->objects.n; i++) {
		struct object *o = im->objects.v[i];

		if (!o || o->kind != NODE_VIEW ||
		    !is_stale(im, ((struct tree_node *)o)->image_node))
			continue;
		objects_ref(o);
		list[(*n)++] = (struct tree_node *)o;
	}
	return list;
}

void evict_stale(struct images *im)
{
	_cleanup_free_ struct tree_node **list = NULL;
	size_t i, n;

	pthread_mutex_lock(&im->lock);
	list = list_stale(im, &n);
	images_unlock(im);
	for (i = 0; i < n; i++)
		forget_tree_node(im, list[i]);
	pthread_mutex_lock(&im->lock);
	for (i = 0; i < n; i++)
		objects_unref(&im->objects, &list[i]->obj, 1);
	images_unlock(im);
}
