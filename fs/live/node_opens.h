/*
 * How many have a file of a container open, and how: the part of a node that fs/live/passthrough.c keeps.
 */
#ifndef FS_LIVE_NODE_OPENS_H
#define FS_LIVE_NODE_OPENS_H

#include <stdbool.h>

/* Of all nodes under the one lock of struct passthrough. */
struct node_opens {
	unsigned passthrough;	/* opens that are passed through */
	unsigned asked;		/* opens whose reads and writes come as requests */
	unsigned writers;	/* of those that are passed through, how many may write */
	unsigned asked_writers; /* of the others */
	int backing;		/* the kernel's handle of our file, while passthrough is not 0 */
	bool behind;		/* the kernel's own pages may be older than the file */
};

#endif
