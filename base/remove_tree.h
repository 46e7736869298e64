/*
 * A directory is removed with everything in it.
 */
#ifndef BASE_REMOVE_TREE_H
#define BASE_REMOVE_TREE_H

/*
 * remove_tree - remove name below dirfd and everything in it, on one
 * file system, following no link, without recursion on the C stack. A missing name is fine.
 */
int remove_tree(int dirfd, const char *name);

/* remove_tree_beneath - the same for a path, as base/beneath.h walks it. */
int remove_tree_beneath(int dirfd, const char *path);

#endif
