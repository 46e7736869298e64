/*
 * What both kinds of comparison (diff.c: two trees; diff_upper.c: an upper directory) need.
 */
#ifndef STORE_CONTAINER_DIFF_PRIVATE_H
#define STORE_CONTAINER_DIFF_PRIVATE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "store/container/diff.h"

struct tree;

/* diff_add - path is taken, also on failure; NULL is no memory. 0 or -ENOMEM. */
int diff_add(struct diff *d, char kind, char *path);

/* diff_path - of a node, with a leading '/'. Caller frees; NULL: no memory. */
char *diff_path(const struct tree *t, uint32_t node);

/* diff_sort - by path, in memcmp order. */
void diff_sort(struct diff *d);

/* diff_stat - true where docker calls one of them another file than the other. */
bool diff_stat(const struct stat *before, const struct stat *now);

#endif
