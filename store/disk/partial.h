/*
 * Partial blobs of interrupted downloads. The file imagefs/partial/<alg>/<hex> is locked by the
 * process that fetches the blob and survives it, so that a later download resumes. Its content is
 * verified by the blob's digest once it is complete.
 */
#ifndef STORE_DISK_PARTIAL_H
#define STORE_DISK_PARTIAL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "store/oci/digest.h"

struct partial;
struct store;
struct txn;

/*
 * partial_open - open and lock a blob's partial file, creating it if missing.
 * size     of the whole blob; a longer file is discarded
 * waiting  called several times a second while another process holds the lock; a result other
 *          than 0 ends the wait and is returned. May be NULL
 * errors   -EAGAIN another process holds the lock and makes no progress: download without the
 *          file
 * threads  one per blob
 */
int partial_open(struct store *s, const struct digest *d, uint64_t size,
		 int (*waiting)(void *arg, struct err *err), void *arg, struct partial **out,
		 struct err *err) MUST_CHECK;

/* partial_fd - the file's descriptor, for reading and appending; borrowed. */
int partial_fd(const struct partial *p) MUST_CHECK;
const struct digest *partial_digest(const struct partial *p);

/* partial_restart - discard the content. The descriptor changes. */
int partial_restart(struct partial *p, struct err *err) MUST_CHECK;

/*
 * partial_add - add the complete blob to the transaction. The partial file keeps its name until
 * partial_done(), so that other processes keep waiting for it.
 */
int partial_add(struct partial *p, struct txn *t, struct err *err) MUST_CHECK;

/* partial_done - remove the partial file and free p. */
void partial_done(struct partial *p);

/* partial_close - keep the content for a later download and free p; NULL is legal. */
void partial_close(struct partial *p);

/*
 * partial_sweep - remove the files that no process holds.
 * dry      only count them
 * say      called with each path, relative to the store directory; may be NULL
 * bytes    their sizes (st_size); files that are also blobs count as 0
 * returns  their number
 */
unsigned partial_sweep(struct store *s, bool dry, void (*say)(void *arg, const char *path),
		       void *arg, uint64_t *bytes);

#endif
