/*
 * Files: whole reads and writes, directories made and removed, always
 * relative to a directory descriptor and never through a symbolic link.
 */
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

struct buf;
struct err;

/*
 * file_read - read a regular file whole.
 * max     bytes; a larger file is -EFBIG
 * out     appended to; unchanged on error
 * errors  -ENOENT without a message worth more than the name; others as the system's
 */
int file_read(int dirfd, const char *path, size_t max, struct buf *out, struct err *err);

/* file_write_all, file_pread_all - the whole count or an error; 0 or -errno. pread: -EIO at an
 * early end. */
int file_write_all(int fd, const void *data, size_t len);
int file_pread_all(int fd, void *data, size_t len, uint64_t off);

/* file_mkdirs - make path and its parents below dirfd with mode; what exists is fine. 0 or -errno.
 */
int file_mkdirs(int dirfd, const char *path, mode_t mode);

/*
 * file_names - the names in a directory, sorted (strcmp), without "." and "..".
 * fd      is not moved: it is opened once more
 * names   *n of them, each to be freed, as the array; 0 or -errno
 */
int file_names(int fd, char ***names, size_t *n);
void file_names_free(char **names, size_t n);

/* file_sync_dir - fsync the directory path below dirfd ("." for itself). */
int file_sync_dir(int dirfd, const char *path);

/* file_copy - copy len bytes between descriptors' current offsets, by the kernel where it can. */
int file_copy(int in, int out, uint64_t len);

/* path_clean - an absolute path without ".", ".." and slashes that say nothing, as Go's path.Clean; in place. */
void path_clean(char *path);

/* path_join - a and b with one '/' between; caller frees, NULL: no memory. */
char *path_join(const char *a, const char *b);

/*
 * path_home - rest below the user's home directory: $HOME or, where that is not set, what the system's
 * list of users says. Caller frees; -ENOENT: neither is known; -ENOMEM.
 */
int path_home(const char *rest, char **out);

/*
 * file_open_std - descriptors 0 to 2 are open from now on, so that no file of ours gets such a number
 * and what is printed into it. Nothing can be read from or written to those that were not open.
 * closed  which those are
 */
void file_open_std(bool closed[static 3]);

#endif
