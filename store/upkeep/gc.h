/*
 * The collector: files of the store that nothing leads to any more are
 * removed. Whoever calls it holds the store's lock exclusively, so that
 * nothing is published meanwhile; who relies on a file without holding the
 * lock has it in a transaction (txn_keep()).
 *
 * A blob goes before what was made from it, the index and the seekable copy:
 * store/layer/layer.c relies on that order.
 */
#ifndef STORE_UPKEEP_GC_H
#define STORE_UPKEEP_GC_H

#include <stdbool.h>
#include <stdint.h>

#include "base/map.h"
#include "store/oci/digest.h"

struct err;
struct refs;
struct store;

struct gc_result {
	uint64_t bytes;	  /* lengths of the files that went (st_size) */
	uint64_t files;	  /* how many */
	struct map blobs; /* the blobs among them: digest -> something */
	char uncertain
		[512]; /* why nothing that may be in use was removed; "": all that could go went */
};

/* gc_among - of the blobs in candidates (by digest), those that nothing leads to go. */
int gc_among(struct store *s, const struct refs *refs, const struct map *candidates,
	     struct gc_result *out, struct err *err);

/*
 * gc_all - the same for every blob, index and seekable copy of the store, and for partial blobs that
 * nobody is fetching. Files whose names are no digests are somebody else's and stay.
 * dry     only count what would go
 */
int gc_all(struct store *s, const struct refs *refs, bool dry, struct gc_result *out,
	   struct err *err);

void gc_result_fini(struct gc_result *r);

#endif
