/*
 * A bounded queue of byte blocks between two threads, one writer and one reader. The faster side
 * waits. Either side can fail the ring; then the other side receives the error.
 */
#ifndef STORE_LAYER_RING_H
#define STORE_LAYER_RING_H

#include <stddef.h>
#include <sys/types.h>

#include "base/err.h"

struct ring;

/*
 * ring_new - create a ring of n blocks of size bytes. Free it after both threads are done. NULL:
 * out of memory.
 */
struct ring *ring_new(size_t n, size_t size);
void ring_free(struct ring *r);

/*
 * The writer fills the block from ring_space() (*cap bytes) and passes it on with ring_push();
 * ring_end() marks the end.
 * returns 0, or the -errno with which the reader failed the ring
 */
int ring_space(struct ring *r, void **data, size_t *cap) MUST_CHECK;
void ring_push(struct ring *r, size_t len);
void ring_end(struct ring *r);

/* ring_write - copy len bytes into as many blocks as needed. */
int ring_write(struct ring *r, const void *data, size_t len) MUST_CHECK;

/*
 * ring_pull - the next block, borrowed until the next ring_pull().
 * returns its length; 0 at the end; the -errno with which the writer failed the ring
 */
ssize_t ring_pull(struct ring *r, const void **data);

/* ring_fail - fail the ring from either side with a -errno. The first error wins. */
void ring_fail(struct ring *r, int error);

#endif
