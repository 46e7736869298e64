/* The path of an index. */
#include "store/layer/layer_format.h"

#include <stdio.h>

void layer_index_path(const struct digest *blob, char out[static LAYER_PATH_MAX])
{
	char path[DIGEST_MAX];

	digest_path(blob, path);
	snprintf(out, LAYER_PATH_MAX, "imagefs/layers/%s.idx", path);
}
