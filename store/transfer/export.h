/*
 * Export: the merged tree of an image or container as a tar. Configuration (command, environment,
 * history) is not included.
 */
#ifndef STORE_TRANSFER_EXPORT_H
#define STORE_TRANSFER_EXPORT_H

#include <stdbool.h>

#include "base/err.h"

struct store;

/*
 * export - write the tree of a container or, if there is none of that name, of an image. The same
 * tree gives the same bytes. A container is locked shared during the export.
 * output  a file that appears only when it is complete; NULL: standard output
 * quiet   no progress bar
 * errors  -ENOENT neither exists; -EINVAL an attribute that a tar cannot represent
 */
int export(struct store *s, const char *name, const char *output, bool quiet,
	   struct err *err) MUST_CHECK;

#endif
