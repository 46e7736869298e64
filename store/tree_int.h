/*
 * A tree while it is made (tree_apply.c) and read (tree.c).
 */
#ifndef STORE_TREE_INT_H
#define STORE_TREE_INT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "store/tree.h"

struct err;

#define NO_LAYER UINT16_MAX

struct tree_node {
	const char *name; /* of the layer's index, or of tree.strings */
	uint16_t name_len;
	uint16_t layer; /* NO_LAYER: a directory that no layer has an entry for */
	bool dead;	/* hidden or replaced by a layer above */
	bool marker;	/* a raw view's .wh.NAME that has no entry of its own */
	uint32_t entry;
	uint32_t parent;
	uint32_t inode; /* the first node of the hard-link group, mostly the node itself */
	uint32_t
		nlink; /* of an inode's first node: names that are left; of a directory: 2 + its directories */
	uint32_t n_kids;
	uint32_t *kids; /* sorted by name */
};

struct tree_string {
	struct tree_string *next;
	char text[];
};

struct tree {
	struct layer **layers;
	uint32_t n_layers;
	struct tree_node *nodes; /* a parent before its children; grows while layers are applied */
	uint32_t n_nodes, cap_nodes;
	struct tree_string *strings; /* names that no index has */
	uint64_t copied; /* children copied while layers were applied: what a test bounds */
};

int tree_compare(const char *a, size_t a_len, const char *b, size_t b_len);

int tree_apply_root(struct tree *t);
/* tree_apply - put layer number i on top; -EINVAL a hard link to nothing. */
int tree_apply(struct tree *t, uint32_t i, struct err *err);
/* tree_apply_raw - the only layer, whiteouts shown as files. */
int tree_apply_raw(struct tree *t, struct err *err);

#endif
