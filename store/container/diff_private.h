/* Shared by the comparisons of two trees (diff.c) and of an upper directory (diff_upper.c). */
#ifndef STORE_CONTAINER_DIFF_PRIVATE_H
#define STORE_CONTAINER_DIFF_PRIVATE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "base/err.h"
#include "store/container/diff.h"

struct tree;

/*
 * diff_add - add a change; takes path, also on failure. A NULL path means out of memory. 0 or
 * -ENOMEM.
 */
int diff_add(struct diff *d, char kind, char *path) MUST_CHECK;

/* diff_path - the path of a node with a leading '/'. Caller frees; NULL: out of memory. */
char *diff_path(const struct tree *t, uint32_t node);

/* diff_sort - by path, in memcmp order. */
void diff_sort(struct diff *d);

/* diff_stat - true if docker considers the two files different. */
bool diff_stat(const struct stat *before, const struct stat *now);

#endif
