/*
 * A mutex and two conditions around an array of blocks. Blocks are large, so the lock is rarely
 * contended.
 */
#include "store/layer/ring.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

struct ring {
	pthread_mutex_t lock;
	pthread_cond_t readable, writable;
	size_t n, size;
	size_t head, count; /* full blocks: count of them, from head on */
	bool lent;	    /* the reader is using the block at head */
	bool ended;
	int error;
	size_t *len;
	char *data;
	size_t filled; /* ring_write(): bytes already in the block being filled */
};

struct ring *ring_new(size_t n, size_t size)
{
	struct ring *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->n = n;
	r->size = size;
	r->len = calloc(n, sizeof(*r->len));
	r->data = malloc(n * size);
	if (!r->len || !r->data) {
		free(r->len);
		free(r->data);
		free(r);
		return NULL;
	}
	pthread_mutex_init(&r->lock, NULL);
	pthread_cond_init(&r->readable, NULL);
	pthread_cond_init(&r->writable, NULL);
	return r;
}

void ring_free(struct ring *r)
{
	if (!r)
		return;
	pthread_mutex_destroy(&r->lock);
	pthread_cond_destroy(&r->readable);
	pthread_cond_destroy(&r->writable);
	free(r->len);
	free(r->data);
	free(r);
}

int ring_space(struct ring *r, void **data, size_t *cap)
{
	int error;

	pthread_mutex_lock(&r->lock);
	while (r->count == r->n && !r->error)
		pthread_cond_wait(&r->writable, &r->lock);
	error = r->error;
	*data = r->data + (r->head + r->count) % r->n * r->size;
	*cap = r->size;
	pthread_mutex_unlock(&r->lock);
	return error;
}

void ring_push(struct ring *r, size_t len)
{
	pthread_mutex_lock(&r->lock);
	r->len[(r->head + r->count) % r->n] = len;
	r->count++;
	pthread_cond_signal(&r->readable);
	pthread_mutex_unlock(&r->lock);
}

void ring_end(struct ring *r)
{
	if (r->filled) {
		ring_push(r, r->filled);
		r->filled = 0;
	}
	pthread_mutex_lock(&r->lock);
	r->ended = true;
	pthread_cond_signal(&r->readable);
	pthread_mutex_unlock(&r->lock);
}

int ring_write(struct ring *r, const void *data, size_t len)
{
	const char *p = data;

	while (len) {
		void *block;
		size_t cap, n;
		int error = ring_space(r, &block, &cap);

		if (error)
			return error;
		n = MIN(len, cap - r->filled);
		memcpy((char *)block + r->filled, p, n);
		r->filled += n;
		p += n;
		len -= n;
		if (r->filled == cap) {
			r->filled = 0;
			ring_push(r, cap);
		}
	}
	return 0;
}

ssize_t ring_pull(struct ring *r, const void **data)
{
	ssize_t n;

	pthread_mutex_lock(&r->lock);
	if (r->lent) {
		r->lent = false;
		r->head = (r->head + 1) % r->n;
		r->count--;
		pthread_cond_signal(&r->writable);
	}
	while (!r->count && !r->ended && !r->error)
		pthread_cond_wait(&r->readable, &r->lock);
	if (r->error) {
		n = r->error;
	} else if (r->count) {
		*data = r->data + r->head * r->size;
		n = (ssize_t)r->len[r->head];
		r->lent = true;
	} else {
		n = 0;
	}
	pthread_mutex_unlock(&r->lock);
	return n;
}

void ring_fail(struct ring *r, int error)
{
	pthread_mutex_lock(&r->lock);
	if (!r->error)
		r->error = error;
	pthread_cond_broadcast(&r->readable);
	pthread_cond_broadcast(&r->writable);
	pthread_mutex_unlock(&r->lock);
}
