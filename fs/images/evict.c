/*
 * When the kernel drops the name of a directory, it also drops all that is unused below it. What is
 * in use stays. It still has its own name, so it would be cached without limit after its user is
 * done. Therefore each remaining name below is dropped as well, from the leaves up.
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

static void drop_name(struct images *im, fuse_ino_t dir, const char *name)
{
	fuse_lowlevel_notify_inval_entry(session_fuse(im->session), dir, name, strlen(name));
}

/* Whether the kernel knows a directory. The call costs one GETATTR later. */
static bool is_known(struct images *im, fuse_ino_t dir)
{
	return fuse_lowlevel_notify_inval_inode(session_fuse(im->session), dir, -1, 0) == 0;
}

/* A node has a higher number than its directory: forward is down, backward is up. */
static void forget_tree(struct images *im, const struct tree_node *tn)
{
	const struct tree *t = tn->shared->tree;
	uint32_t i, n = tree_size(t);
	_cleanup_free_ bool *known = NULL;

	if (!is_known(im, nodeid_make(NODE_TREE, tn->obj.number, TREE_ROOT)))
		return;
	known = calloc(n, sizeof(*known));
	if (!known)
		return;
	known[TREE_ROOT] = true;
	for (i = TREE_ROOT + 1; i < n; i++)
		known[i] = tree_is_dir(t, i) && known[tree_parent(t, i)] &&
			   is_known(im, nodeid_make(NODE_TREE, tn->obj.number, i));
	for (i = n; --i > TREE_ROOT;)
		if (known[tree_parent(t, i)])
			drop_name(im, nodeid_make(NODE_TREE, tn->obj.number, tree_parent(t, i)),
				  tree_name(t, i));
}

static void forget_tree_node(struct images *im, const struct tree_node *tn)
{
	const struct image_node *img = tn->image_node;
	fuse_ino_t dir = namespace_id(&im->ns, img->ns_entry);
	char name[24];

	forget_tree(im, tn);
	if (tn->tree_index == 0) {
		drop_name(im, dir, "rootfs");
		return;
	}
	snprintf(name, sizeof(name), "%02zu", tn->tree_index - 1);
	drop_name(im, nodeid_make(NODE_IMAGE, img->obj.number, IMAGE_LAYERS), name);
	drop_name(im, dir, "layers");
}

/* True where a name does not lead to this image any more. The lock is held. */
static bool is_stale(const struct images *im, const struct image_node *img)
{
	const struct ns_entry *entry = img->ns_entry;

	if (entry->image_node != img)
		return true;
	return entry->name[0] == '@' && map_get(&im->ns.by_id, entry->name) != entry;
}

/* The tree nodes of stale images, each with a reference. The lock is held. */
static struct tree_node **list_stale(struct images *im, size_t *n)
{
	struct tree_node **list = calloc(im->objects.n + 1, sizeof(struct tree_node *));
	uint32_t i;

	*n = 0;
	for (i = 0; list && i < im->objects.n; i++) {
		struct object *o = im->objects.v[i];

		if (!o || o->kind != NODE_TREE ||
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
