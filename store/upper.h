/*
 * The form of a container's upper directory: kernel overlayfs' own.
 *
 *                     privileged               unprivileged
 *     whiteout        char device 0:0          empty regular file with user.overlay.whiteout ("y"),
 * in a directory with user.overlay.opaque = "x" (or "y") opaque          trusted.overlay.opaque
 * user.overlay.opaque = "y" owner, mode,    the file's own           user.containers.override_stat
 * = device                                   "uid:gid:0mode[:type[-major-minor]]"
 *
 * A file without override_stat in an unprivileged upper belongs to 0:0 and
 * has its own mode: who made it acts as the image's root.
 * spec    kernel Documentation/filesystems/overlayfs.rst, "Whiteouts and opaque directories";
 *         containers/storage "user.containers.override_stat"
 */
#ifndef STORE_UPPER_H
#define STORE_UPPER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>
#include <sys/types.h>

struct buf;

#define UPPER_XATTR_OVERRIDE "user.containers.override_stat"

/* How one upper directory stores what it stores. */
struct upper {
	int fd;		   /* the upper directory */
	int work_fd;	   /* its work directory */
	bool unprivileged; /* fixed when the container is made */
};

/*
 * All take a directory descriptor and one name in it, follow no link, and
 * return 0 or -errno.
 *
 * upper_stat       as the image shall see it: override_stat applied
 * upper_lookup     the same, and says whether it is a whiteout (then st is not filled); -ENOENT
 * nothing there upper_whiteout   put a whiteout in place of name (what is there, an empty directory
 * too, is replaced atomically) upper_opaque     mark the directory fd opaque upper_is_opaque  of
 * the directory fd: 1, 0 or -errno
 */
int upper_stat(const struct upper *u, int dirfd, const char *name, struct stat *st);
int upper_lookup(const struct upper *u, int dirfd, const char *name, struct stat *st,
		 bool *whiteout);
int upper_whiteout(const struct upper *u, int dirfd, const char *name);
int upper_opaque(const struct upper *u, int fd);
int upper_is_opaque(const struct upper *u, int fd);

/* The same of an open file (O_PATH will do). */
int upper_fstat(const struct upper *u, int fd, struct stat *st);

/*
 * upper_set_owner - make an open file (O_PATH will do) have this owner and
 * mode: st_uid, st_gid, st_mode (with its type) and st_rdev of st.
 */
int upper_set_owner(const struct upper *u, int fd, const struct stat *st);

/* upper_xattr_is_private - true for names that belong to this form and never to the image. */
bool upper_xattr_is_private(const char *name);

#endif
