/* The representation of a tree, for building (tree_apply.c) and reading (tree.c). */
#ifndef STORE_IMAGE_TREE_PRIVATE_H
#define STORE_IMAGE_TREE_PRIVATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "store/image/tree.h"

#define NO_LAYER UINT16_MAX

struct tree_entry {
	const char *name; /* from the layer's index or tree.strings */
	uint16_t name_len;
	uint16_t layer; /* NO_LAYER: a directory without an entry */
	bool dead;	/* hidden or replaced by a higher layer */
	bool marker;	/* .wh.NAME in a raw view, without an entry of its own */
	uint32_t entry;
	uint32_t parent;
	uint32_t inode; /* first node of the hard-link group, usually the node itself */
	/* first node of an inode: visible names; directory: 2 + subdirectories */
	uint32_t nlink;
	uint32_t n_children;
	uint32_t *children; /* sorted by name */
};

struct tree_string {
	struct tree_string *next;
	char text[];
};

struct tree {
	struct layer **layers;
	uint32_t n_layers;
	struct tree_entry *nodes; /* parents precede children; grows while layers are applied */
	uint32_t n_nodes, cap_nodes;
	struct tree_string *strings; /* names that are not in an index */
	uint64_t copied; /* children copied while layers were applied: bounded by a test */
};

int tree_compare(const char *a, size_t a_len, const char *b, size_t b_len);

int tree_apply_root(struct tree *t) MUST_CHECK;
/* tree_apply - apply layer i; -EINVAL: a hard link to a missing file. */
int tree_apply(struct tree *t, uint32_t i, struct err *err) MUST_CHECK;
/* tree_apply_raw - apply a single layer with whiteouts as files. */
int tree_apply_raw(struct tree *t, struct err *err) MUST_CHECK;

#endif
