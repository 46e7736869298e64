/*
 * What is mounted where, and unmounting it: by the system call where that is
 * allowed, else by fusermount3, as an ordinary user has to.
 */
#ifndef BASE_MOUNTPOINT_H
#define BASE_MOUNTPOINT_H

#include <stdbool.h>
#include <sys/types.h>

struct err;

struct mountpoint {
	char *dir, *type, *source;
	char *options; /* of what is mounted, with commas between */
	unsigned dev_major, dev_minor;
};

#define _cleanup_mountpoint_ __attribute__((cleanup(mountpoint_fini)))

/*
 * mountpoint_find - the mount that lies topmost on a directory.
 * dir     absolute, without links
 * returns 1 and *out, 0 where dir is no mount point, -errno
 */
int mountpoint_find(const char *dir, struct mountpoint *out, struct err *err);
void mountpoint_fini(struct mountpoint *m);

/*
 * mountpoint_resolve - path made absolute and without links; its last part
 * may be missing, or a mount that does not answer. Caller frees *out.
 */
int mountpoint_resolve(const char *path, char **out, struct err *err);

/*
 * mountpoint_unmount - take the topmost mount of a directory away.
 * lazy    also where it is in use
 * errors  -EBUSY it is in use
 */
int mountpoint_unmount(const char *dir, bool lazy, struct err *err);

#endif
