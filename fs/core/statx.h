/*
 * FUSE_STATX (Linux 6.6), which has birth times. libfuse does not support it.
 */
#ifndef FS_CORE_STATX_H
#define FS_CORE_STATX_H

#include <fuse_lowlevel.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <time.h>

/*
 * The attributes and birth time of a node; *has_born false: unknown. 0 or -errno.
 */
typedef int statx_fn(void *userdata, uint64_t ino, struct stat *st, struct timespec *born,
		     bool *has_born);

/*
 * statx_answer - answer the request in buf if it is one; false: it is another request, not answered
 * yet.
 */
bool statx_answer(int fd, const struct fuse_buf *buf, statx_fn *fn, void *userdata);

#endif
