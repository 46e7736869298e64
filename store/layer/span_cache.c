/* A hash table and an LRU list under one lock, which is not held while a span is decoded. */
#include "store/layer/span_cache.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

#define BUCKETS 1024u

struct slot {
	struct span_data pub; /* first member: a reference is converted back to its slot */
	uint64_t key;
	unsigned refs;
	bool loading, hashed;
	int error;
	struct slot *chain;	    /* next in the bucket */
	struct slot *newer, *older; /* while in the table */
};

struct span_cache {
	pthread_mutex_t lock;
	pthread_cond_t loaded;
	size_t used, max;
	struct slot *buckets[BUCKETS];
	struct slot *newest, *oldest;
};

struct span_cache *span_cache_new(size_t bytes)
{
	struct span_cache *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	pthread_mutex_init(&c->lock, NULL);
	pthread_cond_init(&c->loaded, NULL);
	c->max = bytes;
	return c;
}

static struct slot **bucket(struct span_cache *c, uint64_t key)
{
	return &c->buckets[(key * 0x9e3779b97f4a7c15ULL >> 32) % BUCKETS];
}

static void unlink_lru(struct span_cache *c, struct slot *s)
{
	*(s->newer ? &s->newer->older : &c->newest) = s->older;
	*(s->older ? &s->older->newer : &c->oldest) = s->newer;
	s->newer = s->older = NULL;
}

static void push_newest(struct span_cache *c, struct slot *s)
{
	s->older = c->newest;
	*(c->newest ? &c->newest->newer : &c->oldest) = s;
	c->newest = s;
}

static void release(struct slot *s)
{
	free((void *)s->pub.data);
	free(s);
}

/* Remove a slot from the table; it is freed with its last reference. */
static void drop(struct span_cache *c, struct slot *s)
{
	struct slot **p = bucket(c, s->key);

	while (*p != s)
		p = &(*p)->chain;
	*p = s->chain;
	unlink_lru(c, s);
	s->hashed = false;
	c->used -= s->pub.len;
	if (!s->refs)
		release(s);
}

static void shrink(struct span_cache *c)
{
	struct slot *s = c->oldest, *newer;

	for (; s && c->used > c->max; s = newer) {
		newer = s->newer;
		if (!s->refs)
			drop(c, s);
	}
}

void span_cache_free(struct span_cache *c)
{
	if (!c)
		return;
	while (c->oldest)
		drop(c, c->oldest);
	pthread_mutex_destroy(&c->lock);
	pthread_cond_destroy(&c->loaded);
	free(c);
}

static struct slot *find(struct span_cache *c, uint64_t key)
{
	struct slot *s = *bucket(c, key);

	while (s && s->key != key)
		s = s->chain;
	return s;
}

/* Insert a slot that the caller will fill; the lock is held. */
static struct slot *insert(struct span_cache *c, uint64_t key, size_t len)
{
	struct slot *s = calloc(1, sizeof(*s)), **b = bucket(c, key);

	if (!s)
		return NULL;
	s->pub.data = malloc(len ? len : 1);
	if (!s->pub.data) {
		free(s);
		return NULL;
	}
	s->pub.len = len;
	s->key = key;
	s->refs = 1;
	s->loading = s->hashed = true;
	s->chain = *b;
	*b = s;
	push_newest(c, s);
	c->used += len;
	shrink(c);
	return s;
}

static void unref(struct slot *s)
{
	if (--s->refs == 0 && !s->hashed)
		release(s);
}

int span_cache_get(struct span_cache *c, uint32_t owner, uint32_t index, size_t len,
		   int (*load)(void *ctx, uint32_t index, void *data, size_t len), void *ctx,
		   const struct span_data **out)
{
	uint64_t key = (uint64_t)owner << 32 | index;
	struct slot *s;
	int r;

	pthread_mutex_lock(&c->lock);
	s = find(c, key);
	if (s) {
		s->refs++;
		unlink_lru(c, s);
		push_newest(c, s);
		while (s->loading)
			pthread_cond_wait(&c->loaded, &c->lock);
		r = s->error;
	} else {
		s = insert(c, key, len);
		if (!s) {
			pthread_mutex_unlock(&c->lock);
			return -ENOMEM;
		}
		pthread_mutex_unlock(&c->lock);
		r = load(ctx, index, (void *)s->pub.data, len);
		pthread_mutex_lock(&c->lock);
		s->loading = false;
		s->error = r;
		/* Failures are not cached: the blob may be repaired. */
		if (r < 0)
			drop(c, s);
		pthread_cond_broadcast(&c->loaded);
	}
	if (r < 0)
		unref(s);
	else
		*out = &s->pub;
	pthread_mutex_unlock(&c->lock);
	return r;
}

void span_cache_put(struct span_cache *c, const struct span_data *d)
{
	struct slot *s = (struct slot *)d;

	pthread_mutex_lock(&c->lock);
	unref(s);
	pthread_mutex_unlock(&c->lock);
}
