/*
 * Without privilege a symlink, fifo or socket that gets an owner turns into a placeholder
 * (store/container/upper.h): another file on disk, under all names that the first one has.
 */
#ifndef FS_LIVE_PLACEHOLDER_H
#define FS_LIVE_PLACEHOLDER_H

struct live;
struct node;
struct stat;

/*
 * placeholder_become - of a node that is upper; st: as the image shall see it, the owner too. Its inode number stays,
 * by alias, and the times of the directories. ns is held for writing.
 * errors  on failure it is what it was, under all its names
 */
int placeholder_become(struct node *n, const struct stat *st);

/*
 * placeholder_finish - a name in work/ that a dead daemon left: where it is a placeholder that had got some of the
 * names, it gets the others. The container is the caller's alone; what is in work/ afterwards is nobody's.
 */
int placeholder_finish(struct live *live, const char *name);

#endif
