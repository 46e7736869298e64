/*
 * Open files of containers.
 */
#ifndef FS_LIVE_FILE_H
#define FS_LIVE_FILE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct node;

/*
 * An open file. It has no descriptor while its node is below, and gets one when the node is upper.
 * So it sees what others write.
 */
struct file {
	struct node *node;
	int flags; /* of open(2) */
	int fd;	   /* atomic; -1: none yet */
	bool passthrough;
};

/* file_open - also does O_TRUNC. The gate was passed; no lock is held. 0 or -errno. */
int file_open(struct node *n, int flags, struct file **out) MUST_CHECK;
/* file_adopt - the same with an open descriptor, or -1; fd is taken, on failure too. */
int file_adopt(struct node *n, int flags, int fd, struct file **out) MUST_CHECK;
void file_close(struct file *f);

/*
 * file_upper - the descriptor of the upper file; change: copied up first, if necessary. ns is not
 * held.
 * returns it, borrowed; -ENODATA: the file is below (without change only); -errno
 */
int file_upper(struct file *f, int change) MUST_CHECK;

/*
 * file_open_upper - the one place that opens a file of an upper directory. ns is held. fd or
 * -errno.
 */
int file_open_upper(struct node *n, int flags) MUST_CHECK;

#endif
