/*
 * A bounded queue of byte blocks between two threads of a pipeline: one
 * writes, one reads, and whoever is faster waits. Either side can fail the
 * ring; the other then gets that error instead of waiting for ever.
 */
#ifndef STORE_LAYER_RING_H
#define STORE_LAYER_RING_H

#include <stddef.h>
#include <sys/types.h>

struct ring;

/* ring_new - n blocks of size bytes each. Freed by ring_free() once both sides are done. */
struct ring *ring_new(size_t n, size_t size);
void ring_free(struct ring *r);

/*
 * The writer fills the block that ring_space() lends (*cap bytes) and hands
 * it over with ring_push(); ring_end() says that nothing more comes.
 * returns 0, or the -errno that the reader failed with
 */
int ring_space(struct ring *r, void **data, size_t *cap);
void ring_push(struct ring *r, size_t len);
void ring_end(struct ring *r);

/* ring_write - copy len bytes in, over as many blocks as it takes. */
int ring_write(struct ring *r, const void *data, size_t len);

/*
 * ring_pull - the next block, lent until the next ring_pull().
 * returns its length, 0 at the end, or the -errno that the writer failed with
 */
ssize_t ring_pull(struct ring *r, const void **data);

/* ring_fail - from either side: error is a -errno. The first one stays. */
void ring_fail(struct ring *r, int error);

#endif
