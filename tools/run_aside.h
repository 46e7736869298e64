/*
 * A store that can only be read, made writable for one run: an overlay of the kernel's, in a mount name space of
 * this process, takes what is written, and is gone afterwards.
 */
#ifndef TOOLS_RUN_ASIDE_H
#define TOOLS_RUN_ASIDE_H

#include "store/scratch.h"

struct err;
struct store;

struct run_aside {
	struct store *below;	/* the store that can only be read; NULL: there is no overlay */
	struct scratch scratch; /* of the overlay, below $TMPDIR or /tmp */
	char *path;		/* where it is mounted */
};

/*
 * run_aside_open - *s, which can only be read, is replaced by one that can be written; as root.
 * errors  with what cannot be had; *s is as it was
 */
int run_aside_open(struct run_aside *a, struct store **s, struct err *err);

/* run_aside_close - after store_close() of that one. */
void run_aside_close(struct run_aside *a);

#endif
