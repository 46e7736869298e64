/*
 * Access to paths below a directory. No symbolic link is followed, at no part of the path, so an
 * untrusted directory cannot lead out of itself. Paths are relative and contain no "..".
 *
 * errors  -ELOOP a symbolic link; -EXDEV the path leaves the directory; others as the system
 *         call's
 */
#ifndef BASE_BENEATH_H
#define BASE_BENEATH_H

#include <stdbool.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "base/err.h"

/*
 * beneath_open - like openat(2), always with O_CLOEXEC and O_NONBLOCK.
 * mode    used with O_CREAT only
 * returns a descriptor or -errno
 */
int beneath_open(int dirfd, const char *path, int flags, mode_t mode) MUST_CHECK;

/* beneath_step - open a subdirectory that is on the same mount. A descriptor or -errno. */
int beneath_step(int dirfd, const char *name, int flags) MUST_CHECK;

/* beneath_dir - open a directory for reading and for lookups below it. A descriptor or -errno. */
int beneath_dir(int dirfd, const char *path) MUST_CHECK;

/*
 * beneath_parent - open the directory that contains the last part of path (O_PATH).
 * name    the last part of path, borrowed from path
 * returns a descriptor or -errno; -EINVAL if the last part is empty, "." or ".."
 */
int beneath_parent(int dirfd, const char *path, const char **name) MUST_CHECK;

/* Like the system calls of the same names; 0 or -errno. */
int beneath_stat(int dirfd, const char *path, struct stat *st) MUST_CHECK;
int beneath_mkdir(int dirfd, const char *path, mode_t mode) MUST_CHECK;
int beneath_chmod(int dirfd, const char *path, mode_t mode) MUST_CHECK;
int beneath_unlink(int dirfd, const char *path);
int beneath_link(int from, const char *path, int to, const char *new_path) MUST_CHECK;
int beneath_rename(int from, const char *path, int to, const char *new_path,
		   unsigned flags) MUST_CHECK;

/* beneath_exists - true if the name exists, even as a dangling symbolic link. */
bool beneath_exists(int dirfd, const char *path);

/* Like file_mkdirs() and file_sync_dir(). */
int beneath_mkdirs(int dirfd, const char *path, mode_t mode) MUST_CHECK;
int beneath_sync_dir(int dirfd, const char *path);

#endif
