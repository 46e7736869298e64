/*
 * Node IDs of the images tree. The kernel names every file that it knows by 64 bits
 * that the daemon chooses. Here they say what the node is and where it comes from,
 * so that no table has an entry per file:
 *
 *     63  60 59              32 31                               0
 *     +-----+------------------+----------------------------------+
 *     | kind| object           | entry                            |
 *     +-----+------------------+----------------------------------+
 *
 *     kind           object                         entry
 *     NODE_NS_ENTRY  a namespace entry              0
 *     NODE_IMAGE     the image of a namespace entry IMAGE_LAYERS, _CONFIG, _MANIFEST
 *     NODE_TREE      a tree of an image             the tree's node: a directory, or a file that
 *                                                   differs between images that have its layer
 *     NODE_LAYER     an open layer                  the layer's entry: any other file
 *
 * NODE_LAYER makes a file the same node, with the same pages in the kernel's cache, in
 * all images that share its layer. NODE_TREE is for files whose st_nlink differs from
 * that, because the image has other hard links than the layer alone. It is also for all
 * directories: their entries differ between images, and the kernel moves a directory
 * that it finds at two places. So an image with two tags has two tree nodes for one tree.
 *
 * Objects are few (fs/core/objects.h). The kernel's references to all nodes of an object
 * are counted together, and the object is freed with the last of them. Its number may
 * be used again after that. The root is 1, as in FUSE; no kind is 0.
 * The same 64 bits are shown as st_ino.
 */
#ifndef FS_CORE_NODEID_H
#define FS_CORE_NODEID_H

#include <stdint.h>

enum node_kind { NODE_NS_ENTRY = 1, NODE_IMAGE, NODE_TREE, NODE_LAYER };

enum { IMAGE_LAYERS, IMAGE_CONFIG, IMAGE_MANIFEST };

#define NODEID_ROOT 1u
#define NODEID_OBJECT_MAX ((1u << 28) - 1)

static inline uint64_t nodeid_make(enum node_kind kind, uint32_t object, uint32_t entry)
{
	return (uint64_t)kind << 60 | (uint64_t)object << 32 | entry;
}

static inline unsigned nodeid_kind(uint64_t id)
{
	return (unsigned)(id >> 60);
}

static inline uint32_t nodeid_object(uint64_t id)
{
	return (uint32_t)(id >> 32) & NODEID_OBJECT_MAX;
}

static inline uint32_t nodeid_entry(uint64_t id)
{
	return (uint32_t)id;
}

#endif
