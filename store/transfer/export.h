/*
 * Export: the merged tree of an image or of a container as one tar. What is
 * configuration (command, environment, history) has no place in it.
 */
#ifndef STORE_TRANSFER_EXPORT_H
#define STORE_TRANSFER_EXPORT_H

#include <stdbool.h>

struct err;
struct store;

/*
 * export - write the tree of name, a container's or, where there is none, an image's.
 * output  a file that appears when it is whole; NULL: standard output
 * quiet   no progress bar
 * errors  -ENOENT neither is there; -EINVAL an attribute that a tar cannot say
 * A container in use is held still meanwhile. The same tree gives the same bytes.
 */
int export(struct store *s, const char *name, const char *output, bool quiet, struct err *err);

#endif
