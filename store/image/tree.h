/*
 * A tree: the layers of an image applied one after the other, as an unpacker
 * would, in memory and never changed afterwards. Nodes are numbers; 0 is the root.
 * spec    OCI image-spec layer.md, "Applying Changesets"
 */
#ifndef STORE_IMAGE_TREE_H
#define STORE_IMAGE_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "store/layer/layer.h"

struct err;
struct manifest;

#define TREE_ROOT 0u
#define TREE_NONE UINT32_MAX

struct tree;

/* tree_open - merge all layers of a manifest. Released with tree_free(). Immutable: any thread may
 * read it. */
int tree_open(struct layers *ls, const struct manifest *m, struct tree **out, struct err *err);

/*
 * tree_open_layer - one layer alone, raw: whiteouts stand as empty regular
 * files named .wh.NAME and .wh..wh..opq, as in the tar.
 */
int tree_open_layer(struct layers *ls, const struct digest *blob, struct tree **out,
		    struct err *err);
void tree_free(struct tree *t);

/* tree_is_removed - a layer of it is no longer in the store, as layer_is_removed() has it. */
bool tree_is_removed(const struct tree *t);

uint32_t tree_size(const struct tree *t); /* nodes, those that are no longer reachable too */

/* tree_lookup - a name in a directory; TREE_NONE where it is not there or dir is no directory. */
uint32_t tree_lookup(const struct tree *t, uint32_t dir, const char *name, size_t len);

/* tree_walk - a relative path, no link followed, no "..": TREE_NONE where it is not there. */
uint32_t tree_walk(const struct tree *t, const char *path);

/* tree_children - node numbers of a directory's entries, sorted by name (memcmp); *n 0 for others.
 */
const uint32_t *tree_children(const struct tree *t, uint32_t dir, uint32_t *n);

uint32_t tree_parent(const struct tree *t, uint32_t node); /* the root is its own parent */
const char *tree_name(const struct tree *t, uint32_t node);
bool tree_is_dir(const struct tree *t, uint32_t node);

/*
 * tree_entry - where a node comes from. *l is borrowed (the tree holds it);
 * NULL for a directory that no layer has an entry for.
 */
const struct layer_entry *tree_entry(const struct tree *t, uint32_t node, struct layer **l,
				     uint32_t *index);

/*
 * tree_stat - as the merged tree has it: st_nlink counts the names that are
 * left, st_ino is 1 + the first node of the hard-link group.
 */
void tree_stat(const struct tree *t, uint32_t node, struct stat *st);

/* tree_natural_nlink - true where st_nlink is the same in every image that has the layer. */
bool tree_natural_nlink(const struct tree *t, uint32_t node);

/*
 * tree_chain - the nodes on the way from the root, which is left out, down to node: *n of them in an
 * array that the caller frees, node itself first. 0 or -ENOMEM.
 */
int tree_chain(const struct tree *t, uint32_t node, uint32_t **out, size_t *n);

/* tree_path - the path of a node, without a leading '/', "" for the root. Caller frees; NULL: no
 * memory. */
char *tree_path(const struct tree *t, uint32_t node);

#endif
