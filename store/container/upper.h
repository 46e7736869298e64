/*
 * The format of a container's upper directory is that of the kernel's overlayfs:
 *
 *                     privileged               unprivileged
 *     whiteout        char device 0:0          the same: needs no privilege
 *     whiteout if     an empty regular file    the same with user.overlay.*
 *     the device is   with trusted.overlay.
 *     refused         whiteout, in a directory
 *                     with trusted.overlay.
 *                     opaque = "x" (or "y")
 *     opaque          trusted.overlay.opaque   user.overlay.opaque = "y"
 *                     = "y"
 *     owner, mode,    the file's own           user.containers.override_stat =
 *     device                                   "uid:gid:0mode[:type[-major-minor]]"
 *     security.*,     the file's own           user.imagefs.security.*, user.imagefs.trusted.*
 *     trusted.*
 *     ACLs            the file's own           user.imagefs.system.posix_acl_access, _default: on
 *                                              disk, their IDs would have another meaning
 *     mount point     user.overlay.imagefs.mountpoint
 *
 * Both forms of a whiteout are read. The character device is preferred, also without privilege:
 * in readdir(), overlayfs checks for xattr whiteouts in lower layers only, so an upper directory
 * with them lists deleted names (measured, 6.18). overlayfs itself refuses the device, and a
 * rename that leaves one behind. Since 6.7, it stores attributes with its own names under other
 * names (trusted.overlay.overlay.*). Before, it refuses the trusted ones, and containers created
 * there are unprivileged.
 *
 * In an unprivileged upper directory, a file without override_stat belongs to 0:0 and has its own
 * mode: its creator acts as the image's root. Files that cannot have a user attribute (symlink,
 * fifo, socket) or cannot be created (device) are represented by a placeholder if they need one:
 * a regular file whose override_stat contains the type. A symlink's placeholder contains the
 * target.
 * spec    kernel Documentation/filesystems/overlayfs.rst, "Whiteouts and opaque directories";
 *         containers/storage "user.containers.override_stat"
 */
#ifndef STORE_CONTAINER_UPPER_H
#define STORE_CONTAINER_UPPER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "base/err.h"

struct buf;

/* An upper directory and its format. */
struct upper {
	int fd;		   /* the upper directory */
	int work_fd;	   /* its work directory */
	bool unprivileged; /* fixed at creation */
};

/*
 * These take a directory descriptor and a name in it, do not follow links, and return 0 or
 * -errno.
 *
 * upper_stat       metadata as in the image: override_stat is applied
 * upper_lookup     the same, and whether it is a whiteout (st is not set then); -ENOENT not found
 * upper_whiteout   put a whiteout at name; an existing file or empty directory is replaced
 *                  atomically
 * upper_whiteout_make  create a whiteout in the work directory, where lack of space shows
 * upper_whiteout_put   move that one to name; on failure it stays in the work directory
 * upper_may_have_whiteouts  of the directory fd: 1, 0 if no regular file in it is a whiteout, or
 *                           -errno
 * upper_opaque     mark the directory fd opaque
 * upper_is_opaque  of the directory fd: 1, 0 or -errno
 */
int upper_stat(const struct upper *u, int dirfd, const char *name, struct stat *st) MUST_CHECK;
int upper_lookup(const struct upper *u, int dirfd, const char *name, struct stat *st,
		 bool *whiteout) MUST_CHECK;
int upper_whiteout(const struct upper *u, int dirfd, const char *name) MUST_CHECK;
int upper_whiteout_make(const struct upper *u, const char *name) MUST_CHECK;
int upper_whiteout_put(const struct upper *u, const char *work_name, int dirfd,
		       const char *name) MUST_CHECK;
int upper_may_have_whiteouts(const struct upper *u, int fd) MUST_CHECK;
int upper_opaque(const struct upper *u, int fd) MUST_CHECK;
int upper_is_opaque(const struct upper *u, int fd) MUST_CHECK;

/*
 * Files and directories that exist only as mount points. They do not belong in a layer while they
 * are empty.
 *
 * upper_mark_mountpoint  mark a path from the root, without links; -ENOENT: not in the upper
 *                        directory
 * upper_is_mountpoint    st comes from upper_lookup()
 */
int upper_mark_mountpoint(const struct upper *u, const char *path) MUST_CHECK;
bool upper_is_mountpoint(int dirfd, const char *name, const struct stat *st);

/* Like upper_stat(), of an open file (O_PATH suffices). */
int upper_fstat(const struct upper *u, int fd, struct stat *st) MUST_CHECK;

/*
 * upper_readlink - append the target of a symlink or of its placeholder; -EINVAL: not a symlink.
 * name    "": dirfd is the open file (O_PATH) itself
 */
int upper_readlink(const struct upper *u, int dirfd, const char *name, struct buf *out) MUST_CHECK;

/*
 * upper_set_owner - set owner, mode with type, and st_rdev of an open file (O_PATH suffices) from
 * st.
 * errors  -EPERM it would have to become a placeholder (upper_placeholder())
 */
int upper_set_owner(const struct upper *u, int fd, const struct stat *st) MUST_CHECK;

/*
 * upper_placeholder - true if a file like st is represented by a regular file with override_stat.
 */
bool upper_placeholder(const struct upper *u, const struct stat *st);

/*
 * upper_make - create an empty file of any type like st (mode, owner, device).
 * target  of a symlink, else NULL
 * errors  -EEXIST; on failure nothing is left
 */
int upper_make(const struct upper *u, int dirfd, const char *name, const struct stat *st,
	       const char *target) MUST_CHECK;

/*
 * upper_create - create a regular file and open it for reading and writing.
 * name     NULL: without a name (O_TMPFILE)
 * out      its metadata as in the image, except st_ino and st_dev, which are those on disk
 * returns  a descriptor or -errno
 */
int upper_create(const struct upper *u, int dirfd, const char *name, const struct stat *st,
		 struct stat *out) MUST_CHECK;

/* upper_temp - generate an unused name for the work directory. */
void upper_temp(char name[static 32]);

/*
 * Extended attributes of an open file (O_PATH suffices), with the image's names. Private ones are
 * hidden (-ENODATA) and refused (-EPERM). An invalid access list in a private attribute is hidden.
 *
 * upper_xattr_get   the value's length; size 0: only the length; -ERANGE
 * upper_xattr_set   an ACL (store/layer/acl.h) changes the mode, too; -ENOTSUP, -EACCES if
 *                   unsupported
 * upper_xattr_list  append the names, each with its NUL
 */
ssize_t upper_xattr_get(const struct upper *u, int fd, const char *name, void *value, size_t size);
int upper_xattr_list(const struct upper *u, int fd, struct buf *out) MUST_CHECK;
int upper_xattr_set(const struct upper *u, int fd, const char *name, const void *value, size_t len,
		    int flags) MUST_CHECK;
int upper_xattr_remove(const struct upper *u, int fd, const char *name) MUST_CHECK;

/*
 * upper_xattr_copy - set an image's attribute on the copy of its file. As in overlayfs, what the
 * store's file system cannot store is left out: unknown namespaces, and without privilege any
 * attribute of a symlink.
 * mode  the file's type and mode; an access list is masked by it, as after unpacking
 */
int upper_xattr_copy(const struct upper *u, int fd, const char *name, const void *value, size_t len,
		     mode_t mode) MUST_CHECK;

/*
 * upper_acl_follow - after chmod(2): update an ACL that is stored in a private attribute to the
 * mode.
 */
int upper_acl_follow(const struct upper *u, int fd, mode_t mode) MUST_CHECK;

#endif
