/*
 * The open merged trees, each opened once, however many names its image has. A few unused trees
 * stay open for the next user.
 */
#ifndef FS_CORE_TREES_H
#define FS_CORE_TREES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "store/oci/digest.h"

struct image;
struct layers;
struct tree;
struct trees;

struct shared_tree {
	struct tree *tree;
	struct digest key; /* manifest, or blob of a single layer */
	bool single;
	unsigned refs;
	struct shared_tree *next; /* of those in use and those kept, the last used first */
};

struct trees *trees_new(struct layers *ls);
void trees_free(struct trees *t);

/*
 * trees_get - the merged tree of an image.
 * trees_get_layer - one layer alone, whiteouts shown.
 * Released with trees_put(). Called by any thread; opens are done one after another.
 */
int trees_get(struct trees *t, const struct image *image, struct shared_tree **out,
	      struct err *err) MUST_CHECK;
int trees_get_layer(struct trees *t, const struct digest *blob, struct shared_tree **out,
		    struct err *err) MUST_CHECK;
/* trees_ref - add a reference to a tree that the caller holds. */
void trees_ref(struct trees *t, struct shared_tree *s);
void trees_put(struct trees *t, struct shared_tree *s);

/*
 * trees_sweep - close unused trees whose layers were removed from the store, so that their space is
 * freed. Used ones are closed by the last trees_put().
 */
void trees_sweep(struct trees *t);

#endif
