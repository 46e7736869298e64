/* One lock and one condition. */
#include "fs/live/gate.h"

#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "fs/core/session.h"

void gate_init(struct gate *g, int (*open)(void *arg), void *arg)
{
	memset(g, 0, sizeof(*g));
	pthread_mutex_init(&g->lock, NULL);
	pthread_cond_init(&g->moved, NULL);
	g->open = open;
	g->arg = arg;
}

void gate_fini(struct gate *g)
{
	pthread_mutex_destroy(&g->lock);
	pthread_cond_destroy(&g->moved);
}

/* The lock is held. */
static void wait_for_thaw(struct gate *g)
{
	double start;

	if (!g->frozen || g->closed)
		return;
	start = log_ms();
	log_debug("a change waits for the end of the write freeze");
	session_wait_begin();
	while (g->frozen && !g->closed)
		pthread_cond_wait(&g->moved, &g->lock);
	session_wait_end();
	log_debug("a change waited %.0f ms for the end of the write freeze", log_ms() - start);
}

/* The lock is held. */
static int open_once(struct gate *g)
{
	int r = g->opened ? 0 : g->open(g->arg);

	g->opened = r == 0;
	return r;
}

int gate_enter(struct gate *g, bool change)
{
	int r;

	pthread_mutex_lock(&g->lock);
	if (change)
		wait_for_thaw(g);
	r = g->closed ? -ESTALE : open_once(g);
	if (r == 0) {
		g->inside++;
		g->changing += change;
	}
	pthread_mutex_unlock(&g->lock);
	return r;
}

int gate_visit(struct gate *g)
{
	int r;

	pthread_mutex_lock(&g->lock);
	r = g->closed ? -ESTALE : 0;
	if (r == 0)
		g->inside++;
	pthread_mutex_unlock(&g->lock);
	return r;
}

void gate_leave(struct gate *g, bool change)
{
	pthread_mutex_lock(&g->lock);
	g->inside--;
	g->changing -= change;
	if ((g->frozen && !g->changing) || (g->closed && !g->inside))
		pthread_cond_broadcast(&g->moved);
	pthread_mutex_unlock(&g->lock);
}

void gate_freeze(struct gate *g)
{
	pthread_mutex_lock(&g->lock);
	g->frozen++;
	while (g->changing)
		pthread_cond_wait(&g->moved, &g->lock);
	pthread_mutex_unlock(&g->lock);
}

void gate_thaw(struct gate *g)
{
	pthread_mutex_lock(&g->lock);
	if (g->frozen && --g->frozen == 0)
		pthread_cond_broadcast(&g->moved);
	pthread_mutex_unlock(&g->lock);
}

bool gate_is_frozen(struct gate *g)
{
	bool frozen;

	pthread_mutex_lock(&g->lock);
	frozen = g->frozen > 0;
	pthread_mutex_unlock(&g->lock);
	return frozen;
}

void gate_close(struct gate *g)
{
	pthread_mutex_lock(&g->lock);
	g->closed = true;
	pthread_cond_broadcast(&g->moved);
	while (g->inside)
		pthread_cond_wait(&g->moved, &g->lock);
	pthread_mutex_unlock(&g->lock);
}

void gate_give_up(struct gate *g)
{
	pthread_mutex_lock(&g->lock);
	if (g->frozen) {
		g->closed = true;
		pthread_cond_broadcast(&g->moved);
	}
	pthread_mutex_unlock(&g->lock);
}
