/* Reading a layer's tar stream into an index. */
#ifndef STORE_LAYER_LAYER_TAR_H
#define STORE_LAYER_LAYER_TAR_H

#include <stddef.h>
#include <sys/types.h>

#include "base/err.h"

struct layer_build;

/*
 * layer_tar_read - add the entries and the positions of their data.
 * pull    the next block of the decoded stream, borrowed until the next call; 0 at the end, or
 *         -errno
 * errors  -EINVAL not a tar, or a damaged one; those of layer_build_add(). The message names the
 *         entry
 *
 * The caller drains the data after the end of the tar.
 */
int layer_tar_read(ssize_t (*pull)(void *ctx, const void **data), void *ctx, struct layer_build *b,
		   struct err *err) MUST_CHECK;

#endif
