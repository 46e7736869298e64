/*
 * Node ids of the images tree: what the kernel calls a node, and what we need
 * to find it again, without a table entry per file.
 *
 * The kernel names every file that it has seen by 64 bits of our choosing,
 * until it forgets it. Here they say what the node is and where it comes from:
 *
 *     63  60 59              32 31                               0
 *     +-----+------------------+----------------------------------+
 *     | kind| object           | entry                            |
 *     +-----+------------------+----------------------------------+
 *
 *     kind           object                         entry
 *     NODE_PLACE     a directory of the name space  0
 *     NODE_SHOWN     an image shown at a place      SHOWN_LAYERS, _CONFIG, _MANIFEST
 *     NODE_VIEW      a tree shown at a place        its node: a directory, or a file that is not
 *                                                   the same in every image that has its layer
 *     NODE_LAYER     an open layer                  the layer's entry: any other file
 *
 * So a file is the same node, with the same pages in the kernel's cache, in
 * all images that share its layer; that is what NODE_LAYER is for. A file of
 * which this image has other hard links than the layer alone would have must
 * show another st_nlink, and is a node of its own: NODE_VIEW. Directories
 * always are: they show other entries in each image, and one directory must
 * not have two places in the kernel's tree, or it would move between them.
 * For that reason an image with two tags has two views of one tree, too.
 *
 * Objects are few (fs/core/objects.h): the kernel's references to all nodes of an
 * object are counted together, and it is freed with the last of them. A number may
 * be used again after that. The root is 1, as FUSE has it; no kind is 0.
 * The same 64 bits are shown as st_ino.
 */
#ifndef FS_CORE_NODEID_H
#define FS_CORE_NODEID_H

#include <stdint.h>

enum node_kind { NODE_PLACE = 1, NODE_SHOWN, NODE_VIEW, NODE_LAYER };

enum { SHOWN_LAYERS, SHOWN_CONFIG, SHOWN_MANIFEST };

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
