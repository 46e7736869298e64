/* Shared by export.c (output) and export_walk.c (the walk over the tree). */
#ifndef STORE_TRANSFER_EXPORT_PRIVATE_H
#define STORE_TRANSFER_EXPORT_PRIVATE_H

#include <stdbool.h>

#include "base/err.h"
#include "base/sink.h"

struct tree;
struct upper;

/* export_carries - true for extended attributes of the image; false for those of this machine. */
bool export_carries(const char *xattr);

/*
 * export_walk - write the complete tar of a tree, sorted.
 * u       the upper directory, locked by the caller; NULL: none
 */
int export_walk(struct tree *t, const struct upper *u, const struct sink *out,
		struct err *err) MUST_CHECK;

#endif
