/* Recursive removal of a directory. */
#ifndef BASE_REMOVE_TREE_H
#define BASE_REMOVE_TREE_H

/*
 * remove_tree - remove name below dirfd and everything in it, on one file system, without
 * following links and without recursion. A missing name is not an error.
 */
int remove_tree(int dirfd, const char *name);

/* remove_tree_beneath - the same for a path, resolved as in base/beneath.h. */
int remove_tree_beneath(int dirfd, const char *path);

#endif
