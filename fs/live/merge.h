/*
 * The merged view: what a container's directory shows of its upper directory
 * and of the base tree. The caller holds the container's ns lock.
 */
#ifndef FS_LIVE_MERGE_H
#define FS_LIVE_MERGE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "base/err.h"
#include "store/image/tree.h"

struct layer;
struct layer_entry;
struct listing;
struct live;
struct node;

/* What a name leads to. */
struct lookup_result {
	struct stat st; /* as in the image, except that st_ino is the mount's */
	bool upper;
	uint64_t upper_ino;
	/* The base tree's node of a file from below or of a merged directory; else TREE_NONE. */
	uint32_t lower;
};

/* merge_lookup - a name in a directory. 0, -ENOENT, -errno. */
int merge_lookup(struct node *dir, const char *name, struct lookup_result *out) MUST_CHECK;

/* merge_below - the base tree's node for a name in a directory, hidden or not; TREE_NONE. */
uint32_t merge_below(const struct node *dir, const char *name);

/* merge_stat - a node's attributes. */
int merge_stat(struct node *n, struct stat *st) MUST_CHECK;

/* merge_entry - the entry that has contents and xattrs of a base tree's node; NULL: none. */
const struct layer_entry *merge_entry(const struct live *live, uint32_t lower, struct layer **l);

/* merge_list - the names in a directory, sorted, without "." and "..". */
int merge_list(struct node *dir, struct listing *out) MUST_CHECK;

/* merge_is_empty - 1, 0 or -errno. */
int merge_is_empty(struct node *dir) MUST_CHECK;

#endif
