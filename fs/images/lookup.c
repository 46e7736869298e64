/* Each kind of node has its own way to attributes and names. */
#include "fs/images/lookup.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fs/core/fs.h"
#include "store/image/tree.h"
#include "store/layer/layer.h"

/* The entry that has a file's contents and attributes: the first of its hard links. */
static const struct layer_entry *first_link(const struct layer *l, const struct layer_entry *e)
{
	const struct layer_entry *first = layer_entry(l, e->inode);

	return first ? first : e;
}

int lookup_id(struct images *im, fuse_ino_t ino, struct node *n)
{
	uint32_t index;

	memset(n, 0, sizeof(*n));
	n->kind = ino == NODEID_ROOT ? NODE_NS_ENTRY : nodeid_kind(ino);
	n->entry = ino == NODEID_ROOT ? 0 : nodeid_entry(ino);
	pthread_mutex_lock(&im->lock);
	n->obj = ino == NODEID_ROOT ? &im->ns.root->obj
				    : objects_get(&im->objects, n->kind, nodeid_object(ino));
	images_unlock(im);
	if (!n->obj)
		return -ESTALE;
	switch (n->kind) {
	case NODE_LAYER:
		n->layer = ((struct layer_node *)n->obj)->layer;
		n->e = layer_entry(n->layer, n->entry);
		return n->e ? 0 : -ESTALE;
	case NODE_TREE:
		if (n->entry >= tree_size(tree_of(as_tree(n))))
			return -ESTALE;
		n->e = tree_entry(tree_of(as_tree(n)), n->entry, &n->layer, &index);
		/*
		 * A tree also has nodes that are no entries of the layer, as whiteouts of a single
		 * layer.
		 */
		if (n->e && n->e == layer_entry(n->layer, index))
			n->e = first_link(n->layer, n->e);
		return 0;
	default:
		return 0;
	}
}

void lookup_forget(struct images *im, fuse_ino_t ino, uint64_t n)
{
	struct object *o;

	if (ino == NODEID_ROOT)
		return;
	pthread_mutex_lock(&im->lock);
	o = objects_get(&im->objects, nodeid_kind(ino), nodeid_object(ino));
	if (o)
		objects_unref(&im->objects, o, n);
	images_unlock(im);
}

/* Directories and files of the namespace belong to the user who mounted it. */
static void stat_made(const struct images *im, struct stat *st, fuse_ino_t ino, mode_t mode,
		      const struct timespec *t)
{
	memset(st, 0, sizeof(*st));
	st->st_ino = ino;
	st->st_mode = mode;
	st->st_nlink = S_ISDIR(mode) ? 2 : 1;
	st->st_uid = getuid();
	st->st_gid = getgid();
	st->st_blksize = 4096;
	st->st_mtim = st->st_ctim = st->st_atim = *t;
	fs_show_owner(im->fs, st);
}

void lookup_stat_entry(const struct images *im, const struct ns_entry *entry, struct stat *st)
{
	stat_made(im, st, namespace_id(&im->ns, entry), S_IFDIR | 0555, &entry->changed);
	st->st_nlink += entry->children.n + (entry->has_image ? 2 : 0);
}

static void stat_image(const struct images *im, const struct image_node *img, uint32_t which,
		       struct stat *st)
{
	const struct buf *text = which == IMAGE_CONFIG ? &img->config : &img->manifest;
	fuse_ino_t ino = nodeid_make(NODE_IMAGE, img->obj.number, which);

	if (which == IMAGE_LAYERS) {
		stat_made(im, st, ino, S_IFDIR | 0555, &img->created);
		st->st_nlink += img->n_layers;
		return;
	}
	stat_made(im, st, ino, S_IFREG | 0444, &img->created);
	st->st_size = (off_t)text->len;
	st->st_blocks = ((blkcnt_t)text->len + 511) / 512;
}

/*
 * The node ID and attributes of a node of a tree. If the node belongs to a layer, *l is
 * that layer, and the kernel's reference is to it.
 */
static fuse_ino_t stat_in_tree(const struct images *im, const struct tree_node *tn, uint32_t node,
			       struct stat *st, struct layer **l)
{
	const struct tree *t = tree_of(tn);
	const struct layer_entry *e = NULL;
	uint32_t index;

	tree_stat(t, node, st);
	st->st_blksize = 4096;
	fs_show_owner(im->fs, st);
	*l = NULL;
	if (S_ISDIR(st->st_mode)) {
		st->st_ino = nodeid_make(NODE_TREE, tn->obj.number, node);
		return st->st_ino;
	}
	e = tree_entry(t, node, l, &index);
	if (!e || e->type < ENTRY_FILE || e->type > ENTRY_FIFO || !tree_natural_nlink(t, node))
		*l = NULL;
	/* Of a layer's node only the entry: the caller adds the number of the layer's object. */
	st->st_ino =
		*l ? e->inode : nodeid_make(NODE_TREE, tn->obj.number, (uint32_t)st->st_ino - 1);
	return st->st_ino;
}

int lookup_enter(struct images *im, struct tree_node *tn, uint32_t node, bool count,
		 struct fuse_entry_param *e)
{
	struct layer_node *ln;
	struct layer *l;

	e->ino = stat_in_tree(im, tn, node, &e->attr, &l);
	if (!l) {
		if (count)
			objects_ref(&tn->obj);
		return 0;
	}
	ln = layer_node_get(im, l);
	if (!ln)
		return -ENOMEM;
	e->ino = nodeid_make(NODE_LAYER, ln->obj.number, (uint32_t)e->ino);
	e->attr.st_ino = e->ino;
	if (!count)
		objects_unref(&im->objects, &ln->obj, 1);
	return 0;
}

int lookup_stat(struct images *im, const struct node *n, struct stat *st)
{
	struct layer *l;

	switch (n->kind) {
	case NODE_NS_ENTRY:
		pthread_mutex_lock(&im->lock);
		lookup_stat_entry(im, as_ns_entry(n), st);
		images_unlock(im);
		return 0;
	case NODE_IMAGE:
		stat_image(im, as_image(n), n->entry, st);
		return 0;
	case NODE_TREE:
		/* A node of this kind stays one, also where its layer's node would do. */
		stat_in_tree(im, as_tree(n), n->entry, st, &l);
		st->st_ino = nodeid_make(NODE_TREE, n->obj->number, n->entry);
		return 0;
	case NODE_LAYER:
		memset(st, 0, sizeof(*st));
		layer_stat(n->layer, n->e, st);
		st->st_nlink = n->e->nlink;
		st->st_ino = nodeid_make(NODE_LAYER, n->obj->number, n->entry);
		st->st_blksize = 4096;
		fs_show_owner(im->fs, st);
		return 0;
	}
	return -ESTALE;
}

/* A name in layers/: "00" to "99", then more digits without a leading zero. */
static int layer_index(const struct image_node *img, const char *name, size_t *tree_index)
{
	char again[16];
	unsigned long i;

	if (strspn(name, "0123456789") != strlen(name) || strlen(name) > 8)
		return -ENOENT;
	i = strtoul(name, NULL, 10);
	snprintf(again, sizeof(again), "%02lu", i);
	if (i >= img->n_layers || strcmp(again, name) != 0)
		return -ENOENT;
	*tree_index = 1 + i;
	return 0;
}

static int enter_tree(struct images *im, struct image_node *img, size_t tree_index,
		      struct fuse_entry_param *e)
{
	struct tree_node *tn;
	struct layer *l;
	int r;

	r = tree_node_get(im, img, tree_index, &tn);
	if (r < 0)
		return r;
	/* The reference that tree_node_get() took is the kernel's. */
	e->ino = stat_in_tree(im, tn, TREE_ROOT, &e->attr, &l);
	return 0;
}

/* One of an image's own names. */
static int enter_own(struct images *im, struct ns_entry *entry, const char *name,
		     struct fuse_entry_param *e)
{
	struct image_node *img;
	uint32_t which;
	int r;

	r = image_node_get(im, entry, &img);
	if (r < 0)
		return r;
	if (strcmp(name, "rootfs") == 0) {
		r = enter_tree(im, img, 0, e);
		lookup_forget(im, nodeid_make(NODE_IMAGE, img->obj.number, 0), 1);
		return r;
	}
	which = strcmp(name, "layers") == 0	   ? IMAGE_LAYERS
		: strcmp(name, "config.json") == 0 ? IMAGE_CONFIG
						   : IMAGE_MANIFEST;
	stat_image(im, img, which, &e->attr);
	e->ino = e->attr.st_ino;
	return 0;
}

static int lookup_in_ns(struct images *im, struct ns_entry *dir, const char *name,
			struct fuse_entry_param *e)
{
	struct ns_entry *entry;
	bool own;

	pthread_mutex_lock(&im->lock);
	own = dir->has_image && namespace_is_own(name);
	entry = own ? NULL : namespace_lookup(dir, name);
	if (entry)
		objects_ref(&entry->obj);
	else if (!own && dir == im->ns.root && name[0] == '@')
		entry = namespace_lookup_id(&im->ns, name, &dir->changed);
	if (entry) {
		lookup_stat_entry(im, entry, &e->attr);
		e->ino = e->attr.st_ino;
	}
	images_unlock(im);
	if (own)
		return enter_own(im, dir, name, e);
	return entry ? 0 : -ENOENT;
}

static int lookup_in_tree(struct images *im, struct tree_node *tn, uint32_t dir, const char *name,
			  struct fuse_entry_param *e)
{
	uint32_t node = tree_lookup(tree_of(tn), dir, name, strlen(name));
	int r;

	if (node == TREE_NONE)
		return -ENOENT;
	pthread_mutex_lock(&im->lock);
	r = lookup_enter(im, tn, node, true, e);
	images_unlock(im);
	return r;
}

int lookup_name(struct images *im, fuse_ino_t parent, const char *name, struct fuse_entry_param *e)
{
	struct node n;
	size_t tree_index;
	int r;

	r = lookup_id(im, parent, &n);
	if (r < 0)
		return r;
	switch (n.kind) {
	case NODE_NS_ENTRY:
		return lookup_in_ns(im, as_ns_entry(&n), name, e);
	case NODE_IMAGE:
		if (n.entry != IMAGE_LAYERS)
			return -ENOTDIR;
		r = layer_index(as_image(&n), name, &tree_index);
		return r < 0 ? r : enter_tree(im, as_image(&n), tree_index, e);
	case NODE_TREE:
		return lookup_in_tree(im, as_tree(&n), n.entry, name, e);
	default:
		return -ENOTDIR;
	}
}
