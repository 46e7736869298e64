/*
 * The data that layer_build.c collects and layer_build_out.c writes.
 *
 * A node is a name in a directory; an inode is the object that it names. Hard links are several
 * nodes with one inode. An entry that occurs twice gives its node a new inode.
 */
#ifndef STORE_LAYER_LAYER_BUILD_PRIVATE_H
#define STORE_LAYER_LAYER_BUILD_PRIVATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/map.h"
#include "store/layer/layer_format.h"
#include "store/layer/link_walk.h"

struct build_node {
	uint32_t name; /* in strings */
	uint16_t name_len;
	uint8_t flags;
	bool dead; /* replaced, with everything below it */
	uint32_t parent;
	uint32_t inode;
};

struct build_inode {
	enum entry_type type;
	uint32_t mode, uid, gid;
	int64_t mtime;
	uint32_t mtime_nsec;
	uint32_t target; /* symlink, link: in strings, size bytes */
	uint64_t size;
	uint32_t extent, n_extents;
	uint32_t xattr, n_xattr;
	uint32_t first_node, nlink; /* filled in by layer_build_finish() */
};

struct layer_build {
	struct build_node *nodes; /* 0 is the root */
	size_t n_nodes, cap_nodes;
	struct build_inode *inodes;
	size_t n_inodes, cap_inodes;
	struct layer_extent *extents;
	size_t n_extents, cap_extents;
	struct buf strings, xattrs;
	size_t n_implicit;	/* implied parent directories without an entry */
	struct link_walk walk;	/* resolves paths in it */
	struct map names;	/* directory, kind, name -> node + 1 */
	struct map xattr_names; /* names of the attributes of xattr_inode */
	uint32_t xattr_inode;
};

#endif
