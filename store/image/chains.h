/*
 * Chains of layers. docker identifies a layer by its chain ID, which includes the layers below
 * it. When images are removed, this module finds the chains that other images still share.
 */
#ifndef STORE_IMAGE_CHAINS_H
#define STORE_IMAGE_CHAINS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "store/oci/digest.h"

struct store;

struct chain {
	const struct digest *diff_ids; /* lowest first; borrowed */
	size_t n;
	size_t retained; /* number of lowest layers that a remaining image shares; starts at 0 */
};

/*
 * chains_retain - update each chain's retained for an image that remains.
 * id      the image's ID
 * return  0; -ENOMEM; another -errno: its config cannot be read, so its layers are unknown
 */
int chains_retain(struct store *s, const struct digest *id, struct chain *v, size_t n) MUST_CHECK;

#endif
