/*
 * A bounded LRU cache of decoded spans. A thread that needs a span which another thread is
 * decoding waits for it.
 */
#ifndef STORE_LAYER_SPAN_CACHE_H
#define STORE_LAYER_SPAN_CACHE_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct span_cache;

struct span_data {
	const char *data;
	size_t len;
};

struct span_cache *span_cache_new(size_t bytes);
void span_cache_free(struct span_cache *c);

/*
 * span_cache_get - get span index of owner.
 * len     its length, at most SPAN_MAX
 * load    called without locks if the span is not cached: fills len bytes; 0 or -errno
 * out     a reference; release it with span_cache_put()
 * returns 0, or load's error
 */
int span_cache_get(struct span_cache *c, uint32_t owner, uint32_t index, size_t len,
		   int (*load)(void *ctx, uint32_t index, void *data, size_t len), void *ctx,
		   const struct span_data **out) MUST_CHECK;
void span_cache_put(struct span_cache *c, const struct span_data *d);

#endif
