/*
 * A tree: the merged layers of an image, as an unpacker would apply them. It is in memory and
 * immutable. Nodes are numbers; 0 is the root.
 * spec    OCI image-spec layer.md, "Applying Changesets"
 */
#ifndef STORE_IMAGE_TREE_H
#define STORE_IMAGE_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "base/err.h"
#include "store/layer/layer.h"

struct manifest;

#define TREE_ROOT 0u
#define TREE_NONE UINT32_MAX

struct tree;

/*
 * tree_open - merge all layers of a manifest. Release with tree_free().
 * threads any thread may read an open tree
 */
int tree_open(struct layers *ls, const struct manifest *m, struct tree **out,
	      struct err *err) MUST_CHECK;

/*
 * tree_open_layer - a single raw layer: whiteouts appear as empty regular files .wh.NAME and
 * .wh..wh..opq, as in the tar.
 */
int tree_open_layer(struct layers *ls, const struct digest *blob, struct tree **out,
		    struct err *err) MUST_CHECK;
void tree_free(struct tree *t);

/*
 * tree_is_removed - true if one of its layers is no longer in the store, as in
 * layer_is_removed().
 */
bool tree_is_removed(const struct tree *t);

uint32_t tree_size(const struct tree *t); /* number of nodes, including hidden ones */

/* tree_lookup - find a name in a directory; TREE_NONE: not found, or dir is not a directory. */
uint32_t tree_lookup(const struct tree *t, uint32_t dir, const char *name, size_t len);

/* tree_walk - find a relative path without ".."; links are not followed. TREE_NONE: not found. */
uint32_t tree_walk(const struct tree *t, const char *path);

/*
 * tree_children - the nodes in a directory, sorted by name (memcmp); *n is 0 for other types.
 * Borrowed.
 */
const uint32_t *tree_children(const struct tree *t, uint32_t dir, uint32_t *n);

uint32_t tree_parent(const struct tree *t, uint32_t node); /* the root is its own parent */
const char *tree_name(const struct tree *t, uint32_t node);
bool tree_is_dir(const struct tree *t, uint32_t node);

/*
 * tree_entry - the layer and entry of a node. *l is borrowed from the tree. NULL: a directory
 * without an entry in any layer.
 */
const struct layer_entry *tree_entry(const struct tree *t, uint32_t node, struct layer **l,
				     uint32_t *index);

/*
 * tree_stat - metadata in the merged tree: st_nlink counts the visible names, st_ino is 1 + the
 * first node of the hard-link group.
 */
void tree_stat(const struct tree *t, uint32_t node, struct stat *st);

/* tree_natural_nlink - true if st_nlink is the same in every image with this layer. */
bool tree_natural_nlink(const struct tree *t, uint32_t node);

/*
 * tree_chain - the nodes from node up to the root, which is excluded: *n nodes, node itself
 * first. The caller frees *out. 0 or -ENOMEM.
 */
int tree_chain(const struct tree *t, uint32_t node, uint32_t **out, size_t *n) MUST_CHECK;

/*
 * tree_path - the path of a node without a leading '/'; "" for the root. Caller frees; NULL: out
 * of memory.
 */
char *tree_path(const struct tree *t, uint32_t node);

#endif
