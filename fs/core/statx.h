/*
 * FUSE_STATX (Linux 6.6), which brings the time at which a file was made, and which libfuse does not know.
 */
#ifndef FS_CORE_STATX_H
#define FS_CORE_STATX_H

#include <fuse_lowlevel.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <time.h>

/*
 * What a tree says of a node: its attributes, and its birth time; *has_born false: unknown. 0 or -errno.
 */
typedef int statx_fn(void *userdata, uint64_t ino, struct stat *st, struct timespec *born,
		     bool *has_born);

/* statx_answer - answer the request in buf if it is one; false: it is another, and still to be answered. */
bool statx_answer(int fd, const struct fuse_buf *buf, statx_fn *fn, void *userdata);

#endif
