/*
 * Reading a layer's tar stream into an index under construction.
 */
#ifndef STORE_LAYER_LAYER_TAR_H
#define STORE_LAYER_LAYER_TAR_H

#include <stddef.h>
#include <sys/types.h>

struct err;
struct layer_build;

/*
 * layer_tar_read - entries and where their data lies.
 * pull    the next block of plain bytes, lent until the next call; 0 at the end, or -errno
 * errors  -EINVAL no tar, or a damaged one; and those of layer_build_add(). The message names the entry.
 * What follows the tar's end is left to the caller to drain.
 */
int layer_tar_read(ssize_t (*pull)(void *ctx, const void **data), void *ctx, struct layer_build *b,
		   struct err *err);

#endif
