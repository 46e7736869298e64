/*
 * Walk a directory tree with names sorted and one descriptor at any depth. Links are not
 * followed; there is no recursion.
 *
 *     while ((r = walk_next(&w, &name)) > 0)
 *             if (name is a directory to enter)
 *                     r = walk_enter(&w, fd of it);
 */
#ifndef BASE_WALK_H
#define BASE_WALK_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"

struct walk_level;

struct walk {
	int fd; /* the current directory */
	struct walk_level *levels;
	size_t depth, cap; /* directories from the top to the current one */
	struct buf path;   /* of the current name, relative to the top */
	bool again;	   /* return a directory's name a second time, after leaving it */
};

#define WALK_INIT        \
	{                \
		.fd = -1 \
	}
#define _cleanup_walk_ __attribute__((cleanup(walk_fini)))

/* walk_enter - enter a directory; the top one comes first. Takes fd. 0 or -errno. */
int walk_enter(struct walk *w, int fd) MUST_CHECK;

/*
 * walk_next - the next name of the current directory, in memcmp order. At the end of a directory,
 * the walk continues in its parent; with walk.again, first with the name of that directory.
 * name    borrowed until the next call
 * returns 1; 0 at the end of the tree; -errno; -ESTALE if a directory was moved during the walk
 */
int walk_next(struct walk *w, const char **name) MUST_CHECK;

/* walk_dir_len - length of the part of path that names the current directory. */
size_t walk_dir_len(const struct walk *w);

void walk_fini(struct walk *w);

#endif
