/*
 * Each thread takes the next number until none is left. The calling thread is one of them.
 */
#include "base/workers.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/err.h"

struct workers {
	const struct workers_ops *ops;
	void *arg;
	size_t n;
	pthread_mutex_t lock; /* of what follows */
	size_t next;
	int r; /* of the first job that failed */
	struct err err;
};

bool workers_stopped(struct workers *w)
{
	bool stopped;

	pthread_mutex_lock(&w->lock);
	stopped = w->r < 0;
	pthread_mutex_unlock(&w->lock);
	return stopped;
}

static bool take(struct workers *w, size_t *i)
{
	bool found;

	pthread_mutex_lock(&w->lock);
	found = w->r == 0 && w->next < w->n;
	if (found)
		*i = w->next++;
	pthread_mutex_unlock(&w->lock);
	return found;
}

/* Later errors only say that the others were stopped. */
static void fail(struct workers *w, int r, const struct err *err)
{
	bool first;

	pthread_mutex_lock(&w->lock);
	first = w->r == 0;
	if (first) {
		w->r = r;
		w->err = *err;
	}
	pthread_mutex_unlock(&w->lock);
	if (first && w->ops->stop)
		w->ops->stop(w->arg);
}

static void *work(void *arg)
{
	struct workers *w = arg;
	size_t i;

	while (take(w, &i)) {
		struct err err = ERR_INIT;
		int r = w->ops->job(w, i, w->arg, &err);

		if (r < 0)
			fail(w, r, &err);
	}
	return NULL;
}

int workers_run(const struct workers_ops *ops, size_t n, size_t threads, void *arg, struct err *err)
{
	struct workers w = { .ops = ops, .arg = arg, .n = n, .lock = PTHREAD_MUTEX_INITIALIZER };
	_cleanup_free_ pthread_t *others = NULL;
	size_t started = 0, wanted = MIN(n, threads);

	if (wanted > 1)
		others = calloc(wanted - 1, sizeof(*others));
	while (others && started < wanted - 1) {
		if (pthread_create(&others[started], NULL, work, &w) != 0)
			break;
		started++;
	}
	work(&w);
	while (started)
		pthread_join(others[--started], NULL);
	pthread_mutex_destroy(&w.lock);
	return w.r < 0 ? err_set(err, -w.r, "%s", w.err.msg) : 0;
}
