/*
 * Garbage collection: unreachable files of the store are removed. The caller holds the store's
 * lock exclusively, so that nothing is published concurrently. Users of a file that do not hold
 * the lock keep it in a transaction (txn_keep()).
 *
 * A blob is removed before its derived files, the index and the seekable copy:
 * store/layer/layer.c relies on that order.
 */
#ifndef STORE_UPKEEP_GC_H
#define STORE_UPKEEP_GC_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/map.h"
#include "store/oci/digest.h"

struct refs;
struct store;

struct gc_result {
	uint64_t bytes;	  /* size of the removed files (st_size) */
	uint64_t files;	  /* their number */
	struct map blobs; /* the removed blobs: digest -> non-NULL */
	char uncertain
		[512]; /* why files that may be in use were kept; "": the collection is complete */
};

/* gc_among - collect the unreachable blobs among candidates (by digest). */
int gc_among(struct store *s, const struct refs *refs, const struct map *candidates,
	     struct gc_result *out, struct err *err) MUST_CHECK;

/*
 * gc_all - collect all unreachable blobs, indexes, seekable copies, and partial blobs without a
 * running download. Files whose names are not digests are not ours and stay.
 * dry     only count
 */
int gc_all(struct store *s, const struct refs *refs, bool dry, struct gc_result *out,
	   struct err *err) MUST_CHECK;

void gc_result_fini(struct gc_result *r);

#endif
