/*
 * Down a directory tree of files and up again: names sorted, one descriptor however deep it is,
 * no link followed, nothing on the C stack.
 *
 *     while ((r = walk_next(&w, &name)) > 0)
 *             if (name is a directory to go into)
 *                     r = walk_enter(&w, fd of it);
 */
#ifndef BASE_WALK_H
#define BASE_WALK_H

#include <stddef.h>
#include <sys/types.h>

#include "base/buf.h"

struct walk_level;

struct walk {
	int fd; /* the directory at hand */
	struct walk_level *levels;
	size_t depth, cap; /* directories from the top to the one at hand */
	struct buf path;   /* of the name at hand, from the top, without a leading '/' */
};

#define WALK_INIT        \
	{                \
		.fd = -1 \
	}
#define _cleanup_walk_ __attribute__((cleanup(walk_fini)))

/* walk_enter - go into a directory, the top one first; fd is taken. 0 or -errno. */
int walk_enter(struct walk *w, int fd);

/*
 * walk_next - the next name, in memcmp order, of the directory at hand, which is
 * the one above where that has ended.
 * name    borrowed until the walk goes on
 * returns 1, 0 at the end of the tree, -errno; -ESTALE where a directory was moved meanwhile
 */
int walk_next(struct walk *w, const char **name);

/* walk_dir_len - bytes of path that name the directory at hand. */
size_t walk_dir_len(const struct walk *w);

void walk_fini(struct walk *w);

#endif
