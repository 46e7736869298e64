/*
 * Open files of containers.
 */
#ifndef FS_LIVE_FILE_H
#define FS_LIVE_FILE_H

#include <stdbool.h>
#include <stdint.h>

struct node;

/*
 * One open file. While it comes from below it has no descriptor; it gets one
 * when the node is upper, so that who had it open sees what others write.
 */
struct file {
	struct node *node;
	int flags; /* of open(2) */
	int fd;	   /* atomic; -1: none yet */
	bool passthrough;
};

/* file_open - r and nothing held: the node's container was entered. O_TRUNC is done here. */
int file_open(struct node *n, int flags, struct file **out);
/* file_adopt - the same for a descriptor that there is already; fd is taken, on failure too. */
int file_adopt(struct node *n, int flags, int fd, struct file **out);
void file_close(struct file *f);

/*
 * file_upper - the descriptor in the upper directory; copied up where change
 * asks for it. ns is not held.
 * returns it, borrowed; -ENODATA: it is still below (not change); -errno
 */
int file_upper(struct file *f, int change);

/* file_open_upper - the one place that opens a file of an upper directory. ns is held. fd or -errno. */
int file_open_upper(struct node *n, int flags);

#endif
