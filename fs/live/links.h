/*
 * The hard-link groups of a base tree, and which of their names a container
 * still shows from below.
 */
#ifndef FS_LIVE_LINKS_H
#define FS_LIVE_LINKS_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct tree;
struct upper;

/* All names of files with several, sorted by inode number: a group stands side by side. */
struct links {
	pthread_mutex_t lock;
	bool made;
	struct link {
		uint64_t ino;
		uint32_t node;
	} * v;
	uint32_t n;
};

void links_init(struct links *l);
void links_fini(struct links *l);

/*
 * links_group - the tree nodes that are names of the same file as node. The first call reads the
 * whole tree.
 * returns how many, *out borrowed; 1 and NULL where node is the only one; -ENOMEM
 */
int links_group(struct links *l, const struct tree *tree, uint32_t node,
		const struct link **out) MUST_CHECK;

/*
 * links_visible - 1 where the container shows this name of the base tree as it
 * is there: nothing in the upper directory hides or replaces it. 0 or -errno.
 */
int links_visible(const struct upper *upper, const struct tree *tree, uint32_t node) MUST_CHECK;

/* links_count - st_nlink of a file from below. */
int links_count(struct links *l, const struct upper *upper, const struct tree *tree,
		uint32_t node) MUST_CHECK;

#endif
