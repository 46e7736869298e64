/*
 * docker's rule (its image/tarexport/load.go, checkValidParent), plus a comparison of the layers.
 */
#include "store/image/parent.h"

#include "base/json.h"
#include "store/image/image.h"

bool parent_fits(const struct image *child, const struct image *parent)
{
	const json_t *ours = json_object_get(child->config, "history");
	const json_t *theirs = json_object_get(parent->config, "history");
	size_t i, n = json_array_size(theirs);

	if (digest_eq(&child->id, &parent->id) ||
	    parent->manifest.n_layers > child->manifest.n_layers)
		return false;
	for (i = 0; i < parent->manifest.n_layers; i++)
		if (!digest_eq(&parent->diff_ids[i], &child->diff_ids[i]))
			return false;
	if (n || json_array_size(ours)) {
		if (json_array_size(ours) != n + 1)
			return false;
		for (i = 0; i < n; i++)
			if (!json_equal(json_array_get(theirs, i), json_array_get(ours, i)))
				return false;
	}
	return true;
}
