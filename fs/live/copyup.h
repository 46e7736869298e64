/*
 * Copy-up: before a file of the base image changes, it is copied to the upper directory.
 */
#ifndef FS_LIVE_COPYUP_H
#define FS_LIVE_COPYUP_H

#include <stdint.h>

#include "base/err.h"

struct location;
struct live;
struct node;
struct stat;

/*
 * copyup_file - copy a file with owner, mode, times, xattrs and holes, under every name that the
 * container shows. It appears complete. A file without a name is copied without one. An upper node
 * stays as it is.
 * size    copy only so much of the contents, as the file is about to be truncated; UINT64_MAX: all
 * why     what the copy is needed for, for --debug
 * locks   none held
 */
int copyup_file(struct node *n, uint64_t size, const char *why) MUST_CHECK;

/*
 * copyup_finish - a name in work/ that a dead daemon left: if it is a copy that has some of its
 * names, it gets the others. No other thread or process uses the container; what is still in work/
 * afterwards may be removed. 0 or -errno.
 */
int copyup_finish(struct live *live, const char *name) MUST_CHECK;

/*
 * copyup_prepare - copy a file from below in advance, if it is read a lot. The copy stays in work/.
 * Readers use it by passthrough (fs/live/passthrough.h). A later copy-up only gives it its names,
 * so readers see what is written.
 * returns  a descriptor for reading; -ENODATA: it is not worth a copy, or upper by now; -errno
 * copyup_unprepare - remove an unused copy; the destroy of struct nodes.
 */
int copyup_prepare(struct node *n) MUST_CHECK;
void copyup_unprepare(struct node *n);

/* copyup_dir - copy a directory and those above it. The caller holds ns for writing. */
int copyup_dir(struct node *dir, const char *why) MUST_CHECK;

/*
 * copyup_sync_link - if a new symlink in work/ is a placeholder, sync its contents, which are the
 * target.
 */
int copyup_sync_link(struct live *live, const char *temp, const struct stat *st) MUST_CHECK;

/*
 * copyup_find - the upper directory of a directory of the base tree, if it exists.
 * returns  an O_PATH descriptor; -ENOENT, -ENOTDIR: there is none; -errno
 */
int copyup_find(struct live *live, uint32_t lower) MUST_CHECK;

/* copyup - copyup_file() or copyup_dir(), by the type of the node. No lock is held. */
int copyup(struct node *n, uint64_t size, const char *why) MUST_CHECK;

#endif
