/*
 * What the two halves of export share: the walk over a merged tree, and where
 * its tar goes.
 */
#ifndef STORE_TRANSFER_EXPORT_PRIVATE_H
#define STORE_TRANSFER_EXPORT_PRIVATE_H

#include <stdbool.h>

#include "base/sink.h"

struct err;
struct tree;
struct upper;

/* export_carries - true for the extended attributes that are the image's, and not this machine's. */
bool export_carries(const char *xattr);

/*
 * export_walk - the tar of a tree, sorted, to its end.
 * u       what lies over the tree; NULL: nothing. Held still by the caller
 */
int export_walk(struct tree *t, const struct upper *u, const struct sink *out, struct err *err);

#endif
