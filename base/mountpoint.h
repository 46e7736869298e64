/*
 * Mount points: lookup, and unmounting with umount2(2) or, for ordinary users, with fusermount3.
 */
#ifndef BASE_MOUNTPOINT_H
#define BASE_MOUNTPOINT_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"

struct mountpoint {
	char *dir, *type, *source;
	char *options; /* of the superblock, separated by commas */
	unsigned dev_major, dev_minor;
};

#define _cleanup_mountpoint_ __attribute__((cleanup(mountpoint_fini)))

/*
 * mountpoint_find - find the topmost mount on a directory.
 * dir     absolute, without links
 * returns 1 and *out; 0 if dir is not a mount point; -errno
 */
int mountpoint_find(const char *dir, struct mountpoint *out, struct err *err) MUST_CHECK;
void mountpoint_fini(struct mountpoint *m);

/* mountpoint_unescape - undo in place the \ooo that the kernel writes in mountinfo for blanks. */
void mountpoint_unescape(char *s);

/*
 * mountpoint_resolve - make path absolute and resolve the links of its parents. The last part may
 * be missing, or a mount that does not respond.
 * out     caller frees
 */
int mountpoint_resolve(const char *path, char **out, struct err *err) MUST_CHECK;

/*
 * mountpoint_unmount - unmount the topmost mount of a directory.
 * lazy    detach it even if it is busy
 * errors  -EBUSY
 */
int mountpoint_unmount(const char *dir, bool lazy, struct err *err) MUST_CHECK;

#endif
