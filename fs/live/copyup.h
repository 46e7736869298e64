/*
 * Copy-up: a file of the base image becomes a file of the upper directory,
 * just before it changes.
 */
#ifndef FS_LIVE_COPYUP_H
#define FS_LIVE_COPYUP_H

#include <stdint.h>

struct location;
struct live;
struct node;
struct stat;

/*
 * copyup_file - with owner, mode, times, xattrs, holes, and under every name of it
 * that the container shows. It appears whole. A file that has no name any more is copied
 * without one.
 * size    copy no more contents than that (it is about to be truncated); UINT64_MAX: all
 * locks   none held; of a node that is upper already nothing is done
 */
int copyup_file(struct node *n, uint64_t size);

/*
 * copyup_finish - a name in work/ that a dead daemon left: where it is a file that had got some of its
 * names, it gets the others. The container is the caller's alone; what is in work/ afterwards is nobody's.
 */
int copyup_finish(struct live *live, const char *name);

/*
 * copyup_prepare - the copy of a file from below that is read a lot: whole, in work/, where it waits. Readers are
 * passed through to it (fs/live/passthrough.h), and a copy-up only gives it its names, so that they see what is written.
 * returns  a descriptor to read it by; -ENODATA it is not worth it, or upper by now; -errno
 * copyup_unprepare - it was not needed: the node goes. No lock but that of the nodes is held.
 */
int copyup_prepare(struct node *n);
void copyup_unprepare(struct node *n);

/* copyup_dir - a directory and those above it. The caller holds ns for writing. */
int copyup_dir(struct node *dir);

/* copyup_settle_link - of a new symlink in work/ that is a placeholder: what it leads to is on the disk before its name. */
int copyup_settle_link(struct live *live, const char *temp, const struct stat *st);

/*
 * copyup_find - the upper side of a directory of the base tree, where it exists already: nothing is made.
 * returns  an O_PATH descriptor; -ENOENT, -ENOTDIR: there is none; -errno
 */
int copyup_find(struct live *live, uint32_t lower);

/* copyup - whichever it is; no lock is held. */
int copyup(struct node *n, uint64_t size);

#endif
