/*
 * The merged view: what a container's directory shows of its upper directory
 * and of the base tree. The caller holds the container's ns lock.
 */
#ifndef FS_LIVE_MERGE_H
#define FS_LIVE_MERGE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "store/image/tree.h"

struct location;
struct live;
struct layer;
struct layer_entry;
struct node;

/* A name that was found. */
struct lookup_result {
	struct stat st; /* as the image has it; st_ino is that of the mount */
	bool upper;
	uint64_t upper_ino;
	uint32_t lower; /* of a file from below, of a merged directory; else TREE_NONE */
};

/* merge_lookup - 0, -ENOENT, -errno. dir's container is in use. */
int merge_lookup(struct node *dir, const char *name, struct lookup_result *out);

/* merge_below - the base tree's node for a name in a directory, hidden or not; TREE_NONE. */
uint32_t merge_below(const struct node *dir, const char *name);

/* merge_stat - a node's attributes. */
int merge_stat(struct node *n, struct stat *st);

/* merge_entry - the entry that has contents and xattrs of a base tree's node; NULL: none. */
const struct layer_entry *merge_entry(const struct live *live, uint32_t lower, struct layer **l);

/* The names in a directory, sorted. */
struct listing {
	struct buf names;
	struct listed {
		size_t name; /* offset in names */
		uint64_t ino;
		mode_t type;
	} * v;
	size_t n, cap;
};

#define LISTING_INIT                 \
	{                            \
		BUF_INIT, NULL, 0, 0 \
	}
#define _cleanup_listing_ __attribute__((cleanup(listing_fini)))

int listing_add(struct listing *l, const char *name, uint64_t ino, mode_t type);
static inline const char *listing_name(const struct listing *l, size_t i)
{
	return l->names.data + l->v[i].name;
}
void listing_fini(struct listing *l);

/* merge_list - without "." and "..". */
int merge_list(struct node *dir, struct listing *out);

/* merge_is_empty - 1, 0 or -errno. */
int merge_is_empty(struct node *dir);

#endif
