/*
 * Without privilege a symlink, fifo or socket that changes owner becomes a placeholder
 * (store/container/upper.h): another file on disk, with all names of the first one.
 */
#ifndef FS_LIVE_PLACEHOLDER_H
#define FS_LIVE_PLACEHOLDER_H

#include "base/err.h"

struct live;
struct node;
struct stat;

/*
 * placeholder_become - replace the file of an upper node. st: its new attributes in the image, with
 * the owner. Its inode number stays, by an alias, and so do the times of its directories. ns is
 * held for writing.
 * errors  nothing has changed
 */
int placeholder_become(struct node *n, const struct stat *st) MUST_CHECK;

/*
 * placeholder_finish - a name in work/ that a dead daemon left: if it is a placeholder that has
 * some of its names, it gets the others. As copyup_finish() (fs/live/copyup.h).
 */
int placeholder_finish(struct live *live, const char *name) MUST_CHECK;

#endif
