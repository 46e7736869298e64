/*
 * The opens of a node, which fs/live/passthrough.c counts.
 */
#ifndef FS_LIVE_NODE_OPENS_H
#define FS_LIVE_NODE_OPENS_H

#include <stdbool.h>

/* Under the lock of struct passthrough. */
struct node_opens {
	unsigned passthrough;	/* opens with passthrough */
	unsigned asked;		/* opens without: reads and writes are requests */
	unsigned writers;	/* how many of the first may write */
	unsigned asked_writers; /* how many of the second may write */
	int backing; /* the kernel's handle of the upper file; valid if passthrough is not 0 */
	bool behind; /* the kernel's page cache may be older than the file */
};

#endif
