/*
 * Paths below a directory, through no symbolic link on the way and at the end: what a directory of
 * somebody else leads to stays in it. Every path is relative, and has no "..".
 *
 * errors  -ELOOP a symbolic link, -EXDEV a way out; others as the system's
 */
#ifndef BASE_BENEATH_H
#define BASE_BENEATH_H

#include <stdbool.h>
#include <sys/stat.h>
#include <sys/types.h>

/* beneath_open - as openat(2), O_CLOEXEC and O_NONBLOCK always. mode only with O_CREAT. A descriptor or -errno. */
int beneath_open(int dirfd, const char *path, int flags, mode_t mode);

/* beneath_step - a directory of this one, on the same mount. */
int beneath_step(int dirfd, const char *name, int flags);

/* beneath_dir - a directory, to be read and walked from. */
int beneath_dir(int dirfd, const char *path);

/*
 * beneath_parent - the directory that holds what path names, for a call that takes a directory and a name.
 * name    the last part of path, borrowed
 */
int beneath_parent(int dirfd, const char *path, const char **name);

/* As the calls that they are named for; 0 or -errno. */
int beneath_stat(int dirfd, const char *path, struct stat *st);
int beneath_mkdir(int dirfd, const char *path, mode_t mode);
int beneath_chmod(int dirfd, const char *path, mode_t mode);
int beneath_unlink(int dirfd, const char *path);
int beneath_link(int from, const char *path, int to, const char *new_path);
int beneath_rename(int from, const char *path, int to, const char *new_path, unsigned flags);

/* beneath_exists - something has this name, a symbolic link included. */
bool beneath_exists(int dirfd, const char *path);

/* As file_mkdirs() and file_sync_dir(). */
int beneath_mkdirs(int dirfd, const char *path, mode_t mode);
int beneath_sync_dir(int dirfd, const char *path);

#endif
