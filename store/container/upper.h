/*
 * The form of a container's upper directory: kernel overlayfs' own.
 *
 *                     privileged               unprivileged
 *     whiteout        char device 0:0          the same: the kernel lets anybody make it
 *     where the file  an empty regular file    the same with user.overlay.*
 *     system refuses  with trusted.overlay.
 *     that device     whiteout in a directory
 *                     with trusted.overlay.
 *                     opaque = "x" (or "y")
 *     opaque          trusted.overlay.opaque   user.overlay.opaque = "y"
 *                     = "y"
 *     owner, mode,    the file's own           user.containers.override_stat =
 *     device                                   "uid:gid:0mode[:type[-major-minor]]"
 *     security.*,     the file's own           user.imagefs.security.*, user.imagefs.trusted.*
 *     trusted.*
 *     access lists    the file's own           user.imagefs.system.posix_acl_access, _default: on the
 *                                              disk their ids would mean others
 *     mount point     user.overlay.imagefs.mountpoint
 *
 * Both forms of a whiteout are read. The character device is preferred, without
 * privilege too: overlayfs finds xattr whiteouts by readdir in lower layers only,
 * so an upper with those lists names that are not there (measured, 6.18). overlayfs
 * itself is what refuses the device, and a rename that leaves one behind; attributes of
 * its own names it keeps for us under others (trusted.overlay.overlay.*) since 6.7.
 * Before, it refuses the trusted ones, and a container that is made there is unprivileged.
 *
 * A file without override_stat in an unprivileged upper belongs to 0:0 and
 * has its own mode: who made it acts as the image's root. What cannot carry
 * a user attribute (symlink, fifo, socket) or cannot be made (device) is a
 * placeholder where it needs one: a regular file whose override_stat says the
 * type; a symlink's holds its target.
 * spec    kernel Documentation/filesystems/overlayfs.rst, "Whiteouts and opaque directories";
 *         containers/storage "user.containers.override_stat"
 */
#ifndef STORE_CONTAINER_UPPER_H
#define STORE_CONTAINER_UPPER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>
#include <sys/types.h>

struct buf;

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
 * upper_lookup     the same, and says whether it is a whiteout (then st is not filled); -ENOENT nothing there
 * upper_whiteout   put a whiteout in place of name (what is there, an empty directory too, is replaced atomically)
 * upper_whiteout_make  make one called name in the work directory, where the room for it is found or not
 * upper_whiteout_put   put that one in place of name; on failure it stays where it was
 * upper_may_have_whiteouts  of the directory fd: 1, 0 no regular file in it is one, or -errno
 * upper_opaque     mark the directory fd opaque
 * upper_is_opaque  of the directory fd: 1, 0 or -errno
 */
int upper_stat(const struct upper *u, int dirfd, const char *name, struct stat *st);
int upper_lookup(const struct upper *u, int dirfd, const char *name, struct stat *st,
		 bool *whiteout);
int upper_whiteout(const struct upper *u, int dirfd, const char *name);
int upper_whiteout_make(const struct upper *u, const char *name);
int upper_whiteout_put(const struct upper *u, const char *work_name, int dirfd, const char *name);
int upper_may_have_whiteouts(const struct upper *u, int fd);
int upper_opaque(const struct upper *u, int fd);
int upper_is_opaque(const struct upper *u, int fd);

/*
 * What stands in the tree only for something to be mounted on, and belongs to no layer as long as it is empty.
 *
 * upper_mark_mountpoint  of a path from the root, without links; -ENOENT: it is not in the upper directory
 * upper_is_mountpoint    st is upper_lookup()'s
 */
int upper_mark_mountpoint(const struct upper *u, const char *path);
bool upper_is_mountpoint(int dirfd, const char *name, const struct stat *st);

/* The same of an open file (O_PATH will do). */
int upper_fstat(const struct upper *u, int fd, struct stat *st);

/*
 * upper_readlink - append the target of a symlink, a placeholder's too; -EINVAL: it is none.
 * name  "": of the open file (O_PATH) that dirfd is
 */
int upper_readlink(const struct upper *u, int dirfd, const char *name, struct buf *out);

/*
 * upper_set_owner - make an open file (O_PATH will do) have this owner and
 * mode: st_uid, st_gid, st_mode (with its type) and st_rdev of st.
 * errors  -EPERM it would have to become a placeholder (upper_placeholder())
 */
int upper_set_owner(const struct upper *u, int fd, const struct stat *st);

/* upper_placeholder - true where a file like st must be a regular file with override_stat. */
bool upper_placeholder(const struct upper *u, const struct stat *st);

/*
 * upper_make - make name in dirfd a new file of any type like st (mode, owner,
 * device), empty; target: of a symlink, else NULL. The name must be free.
 * errors  -EEXIST; on failure nothing is left
 */
int upper_make(const struct upper *u, int dirfd, const char *name, const struct stat *st,
	       const char *target);

/*
 * upper_create - the same for a regular file, which is opened for reading and writing.
 * name     NULL: it has none (O_TMPFILE)
 * out      its attributes as the image has them, but st_ino and st_dev as on disk
 * returns  a descriptor or -errno
 */
int upper_create(const struct upper *u, int dirfd, const char *name, const struct stat *st,
		 struct stat *out);

/* upper_temp - a name that nothing in the work directory has yet. */
void upper_temp(char name[static 32]);

/*
 * Extended attributes of an open file (O_PATH will do), under the names that
 * the image has for them. Private ones do not exist (-ENODATA) and are not made (-EPERM).
 *
 * upper_xattr_get   value's length; size 0: the length alone; -ERANGE
 * upper_xattr_set   of an access list (store/layer/acl.h): the mode follows it; -ENOTSUP, -EACCES where there can be none
 * upper_xattr_list  append the names, each with its NUL
 */
ssize_t upper_xattr_get(const struct upper *u, int fd, const char *name, void *value, size_t size);
int upper_xattr_list(const struct upper *u, int fd, struct buf *out);
int upper_xattr_set(const struct upper *u, int fd, const char *name, const void *value, size_t len,
		    int flags);
int upper_xattr_remove(const struct upper *u, int fd, const char *name);

/* upper_acl_follow - after chmod(2): where the disk does not know of the access list, it gets what the mode says. */
int upper_acl_follow(const struct upper *u, int fd, mode_t mode);

#endif
