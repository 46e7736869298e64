/*
 * Reading and writing whole files, and creating directories. Paths are relative to a directory
 * descriptor; the last part is never followed as a symbolic link.
 */
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "base/err.h"

struct buf;
struct dirent;

/*
 * file_read - read a whole regular file.
 * max     bytes; a larger file is -EFBIG
 * out     appended to; unchanged on error
 * errors  -ENOENT no such file; -EINVAL not a regular file; others as the system call's
 */
int file_read(int dirfd, const char *path, size_t max, struct buf *out, struct err *err) MUST_CHECK;

/*
 * file_write_all, file_pread_all - transfer exactly len bytes; 0 or -errno.
 * errors  file_pread_all: -EIO if the file ends early
 */
int file_write_all(int fd, const void *data, size_t len) MUST_CHECK;
int file_pread_all(int fd, void *data, size_t len, uint64_t off) MUST_CHECK;

/* file_mkdirs - create path and its missing parents below dirfd with mode; 0 or -errno. */
int file_mkdirs(int dirfd, const char *path, mode_t mode) MUST_CHECK;

/*
 * file_each - call use() for each entry of a directory, unsorted, without "." and "..".
 * fd      its offset does not change: the directory is opened again
 * use     returns 0 to continue
 * returns 0, -errno, or what use() returned
 */
int file_each(int fd, int (*use)(const struct dirent *e, void *arg), void *arg) MUST_CHECK;

/*
 * file_names - list the names in a directory, sorted (strcmp), without "." and "..".
 * fd      as above
 * names   *n names and a NULL; the caller frees them with file_names_free(). NULL on error
 */
int file_names(int fd, char ***names, size_t *n) MUST_CHECK;
void file_names_free(char **names);

static inline void cleanup_names(char ***names)
{
	file_names_free(*names);
}

#define _cleanup_names_ __attribute__((cleanup(cleanup_names)))

/* file_sync_dir - fsync(2) the directory path below dirfd ("." for dirfd itself). 0 or -errno. */
int file_sync_dir(int dirfd, const char *path);

/*
 * file_copy - copy len bytes from and to the current offsets, in the kernel if possible. 0 or
 * -errno.
 */
int file_copy(int in, int out, uint64_t len) MUST_CHECK;

/*
 * path_clean - remove ".", ".." and redundant slashes from an absolute path in place, like Go's
 * path.Clean.
 */
void path_clean(char *path);

/* path_join - a and b joined by one '/'; the caller frees. NULL: out of memory. */
char *path_join(const char *a, const char *b);

/*
 * path_home - the path of rest below the user's home directory: $HOME, else from the user
 * database.
 * out     caller frees
 * errors  -ENOENT no home directory; -ENOMEM
 */
int path_home(const char *rest, char **out) MUST_CHECK;

/*
 * file_open_std - open /dev/null for those of descriptors 0 to 2 that are closed, so that no
 * later file gets such a number and receives output.
 * closed  true for each descriptor that was closed
 */
void file_open_std(bool closed[static 3]);

#endif
