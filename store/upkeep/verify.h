/*
 * Verification of a store: blobs are hashed, indexes are regenerated and compared, references and
 * containers are followed down to their layers.
 */
#ifndef STORE_UPKEEP_VERIFY_H
#define STORE_UPKEEP_VERIFY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct store;

struct verify_result {
	unsigned blobs, indexes, images, containers; /* checked */
	uint64_t bytes;				     /* of the blobs */
	unsigned broken;			     /* broken objects found */
	unsigned left;	    /* of these: lost, or still broken; without repair: all */
	unsigned unchecked; /* not checked, because of a failure of the machine */
	unsigned tmp_sweep; /* harmless */
};

struct verify_options {
	char *const *names; /* only these images; n = 0: the whole store */
	size_t n;
	bool repair, quiet;
	/* Called with each finding: a line without a newline, safe to print. */
	void (*say)(const char *line);
};

/*
 * verify - verify a store. No lock is held while reading; what looks broken is checked again,
 * because another process may have changed it. repair: indexes and seekable copies are
 * regenerated; images that need a damaged blob are reported and dropped; containers are reported
 * and kept. What cannot be checked because the machine fails (memory, space, open files, an I/O
 * error) is reported and left unchanged.
 * errors  -ENOENT an unknown name. Broken objects are not an error
 */
int verify(struct store *s, const struct verify_options *o, struct verify_result *out,
	   struct err *err) MUST_CHECK;

#endif
