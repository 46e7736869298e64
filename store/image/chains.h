/*
 * Chains of layers: docker knows a layer by all that lie below it as well, its chain ID. Which
 * chains of images that were removed other images begin with still.
 */
#ifndef STORE_IMAGE_CHAINS_H
#define STORE_IMAGE_CHAINS_H

#include <stdbool.h>
#include <stddef.h>

#include "store/oci/digest.h"

struct store;

struct chain {
	const struct digest *diff_ids; /* the lowest first; borrowed */
	size_t n;
	size_t held; /* so many of the lowest ones some image has in the same order; starts at 0 */
};

/*
 * chains_hold - an image is still there: of each chain what it begins with is held.
 * id      the image's, its config's digest
 * return  0; -ENOMEM; another -errno: its config cannot be read, so that nobody knows
 */
int chains_hold(struct store *s, const struct digest *id, struct chain *v, size_t n);

#endif
