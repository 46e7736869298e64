/*
 * From the kernel's node IDs to what they mean, and from names to node IDs (fs/core/nodeid.h).
 */
#ifndef FS_IMAGES_LOOKUP_H
#define FS_IMAGES_LOOKUP_H

#include <fuse_lowlevel.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "fs/core/trees.h"
#include "fs/images/image_node.h"

struct layer;
struct layer_entry;
struct tree;

/* A node that the kernel asks about, found again. It is valid as long as the request. */
struct node {
	enum node_kind kind;
	uint32_t entry;
	struct object *obj;
	/* NODE_LAYER, NODE_TREE: the source of contents and attributes; NULL: none. */
	struct layer *layer;
	const struct layer_entry *e;
};

static inline struct ns_entry *as_ns_entry(const struct node *n)
{
	return (struct ns_entry *)n->obj;
}

static inline struct image_node *as_image(const struct node *n)
{
	return (struct image_node *)n->obj;
}

static inline struct tree_node *as_tree(const struct node *n)
{
	return (struct tree_node *)n->obj;
}

static inline const struct tree *tree_of(const struct tree_node *tn)
{
	return tn->shared->tree;
}

/* lookup_id - the node of an ID; -ESTALE: there is none. */
int lookup_id(struct images *im, fuse_ino_t ino, struct node *n) MUST_CHECK;

/* lookup_stat - its attributes. 0 or -errno. */
int lookup_stat(struct images *im, const struct node *n, struct stat *st) MUST_CHECK;

/*
 * lookup_name - a name in a directory. The kernel gets one reference to what e says.
 * errors  -ENOENT, -ENOTDIR, -ESTALE; -EIO the store's fault, already in the log
 */
int lookup_name(struct images *im, fuse_ino_t parent, const char *name,
		struct fuse_entry_param *e) MUST_CHECK;

/* lookup_forget - the kernel gives n references back. */
void lookup_forget(struct images *im, fuse_ino_t ino, uint64_t n);

/*
 * Both are called with the lock held.
 *
 * lookup_enter       what e says of a node of a tree; count: with one reference for the kernel. 0
 *                    or -ENOMEM
 * lookup_stat_entry  the attributes of a namespace entry
 */
int lookup_enter(struct images *im, struct tree_node *tn, uint32_t node, bool count,
		 struct fuse_entry_param *e) MUST_CHECK;
void lookup_stat_entry(const struct images *im, const struct ns_entry *entry, struct stat *st);

#endif
