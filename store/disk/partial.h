/*
 * Partial blobs: what came of a download that has not ended. The file lies
 * at imagefs/partial/<alg>/<hex>, is locked by whoever fetches the blob, and
 * outlives a process that was killed: the next one goes on behind it. What
 * is in it is proved by the blob's digest alone, when all is there.
 */
#ifndef STORE_DISK_PARTIAL_H
#define STORE_DISK_PARTIAL_H

#include <stdbool.h>
#include <stdint.h>

#include "store/oci/digest.h"

struct err;
struct partial;
struct store;
struct txn;

/*
 * partial_open - take hold of a blob's file, which is made where it is missing.
 * size     of the whole blob; a file that is longer is thrown away
 * waiting  asked several times a second while another process has it; what it returns, if
 *          not 0, ends the waiting and is returned. May be NULL
 * errors   -EAGAIN another process has it, and it does not grow: the caller does without
 * threads  one a blob
 */
int partial_open(struct store *s, const struct digest *d, uint64_t size,
		 int (*waiting)(void *arg, struct err *err), void *arg, struct partial **out,
		 struct err *err);

/* partial_fd - its file, to read from and to append to; borrowed. */
int partial_fd(const struct partial *p);
const struct digest *partial_digest(const struct partial *p);

/* partial_restart - throw away what it has; its descriptor is another one then. */
int partial_restart(struct partial *p, struct err *err);

/*
 * partial_add - the blob is whole: it shall be in the store when the transaction is published.
 * The file keeps its name here until partial_done(), so that others go on waiting for it.
 */
int partial_add(struct partial *p, struct txn *t, struct err *err);

/* partial_done - not needed any more: the file loses its name here. p is freed. */
void partial_done(struct partial *p);

/* partial_close - keep what there is for later. p is freed; NULL is fine. */
void partial_close(struct partial *p);

/*
 * partial_sweep - the files that nobody holds.
 * dry      count them only
 * say      called with the path of each, below the store's directory; may be NULL
 * bytes    what they take (st_size); of one that is a blob too, nothing
 * returns  how many
 */
unsigned partial_sweep(struct store *s, bool dry, void (*say)(void *arg, const char *path),
		       void *arg, uint64_t *bytes);

#endif
