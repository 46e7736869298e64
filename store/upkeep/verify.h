/*
 * Verify: every blob of a store hashed again, every index made again from its
 * blob and compared, every reference and every container followed down to its layers.
 */
#ifndef STORE_UPKEEP_VERIFY_H
#define STORE_UPKEEP_VERIFY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;
struct store;

struct verify_result {
	unsigned blobs, indexes, images, containers; /* that were checked */
	uint64_t bytes;				     /* of the blobs */
	unsigned broken;			     /* things that were found broken */
	unsigned left;	    /* of those: lost, or still broken; without repair, all */
	unsigned unchecked; /* could not be checked, as the machine lacked something */
	unsigned tmp_sweep; /* harmless */
};

struct verify_options {
	char *const *names; /* only these images; n 0: the whole store */
	size_t n;
	bool repair, quiet;
	/* One finding, without a newline: safe to print. */
	void (*say)(const char *line);
};

/*
 * verify - needs no lock while it reads; what looks broken because another process works is looked
 * at again. repair: indexes and seekable copies are made anew; an image that needs a damaged blob
 * is named and dropped; a container is named and kept. What cannot be checked for lack of memory, space
 * or files, or as a disk cannot be read, is named and left as it is, and the rest is checked.
 * errors  -ENOENT a name means nothing; what is broken is no error
 */
int verify(struct store *s, const struct verify_options *o, struct verify_result *out,
	   struct err *err);

#endif
