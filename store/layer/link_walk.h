/*
 * Resolving a path with symbolic links in a tree in memory, as if the tree's root were "/". Nodes
 * are numbers; 0 is the root, which is its own parent.
 */
#ifndef STORE_LAYER_LINK_WALK_H
#define STORE_LAYER_LINK_WALK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* A tree. Names are not terminated. ctx is the first argument of each function. */
struct link_walk {
	void *ctx;
	uint32_t (*parent)(void *ctx, uint32_t node);
	/* 0; -ENOENT; -ENOTDIR dir is not a directory; another error ends the walk */
	int (*lookup)(void *ctx, uint32_t dir, const char *name, size_t len, uint32_t *node,
		      struct err *err);
	/* Create a directory. */
	int (*make)(void *ctx, uint32_t dir, const char *name, size_t len, uint32_t *node,
		    struct err *err);
	/* The target of a symbolic link, at most PATH_MAX bytes; NULL: a node of another type. */
	const char *(*target)(void *ctx, uint32_t node);
	uint64_t link_bytes; /* total length of paths behind symbolic links, of all walks */
};

#define LINK_WALK_FOLLOW 1u /* follow a symbolic link in the last component, too */
#define LINK_WALK_MAKE 2u   /* create missing directories, as an unpacker does */

/*
 * link_walk - resolve the first len bytes of path, from dir or, if it begins with '/', the root.
 * out     the node, of any type; unchanged after an error
 * errors  -ELOOP; -E2BIG link_bytes exceeds LAYER_LINK_BYTES_MAX; -ENOMEM; those of the functions.
 *         err is set, except that -ENOENT and -ENOTDIR leave this to lookup()
 */
int link_walk(struct link_walk *w, uint32_t dir, const char *path, size_t len, unsigned flags,
	      uint32_t *out, struct err *err) MUST_CHECK;

#endif
