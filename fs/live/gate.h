/*
 * The gate of a container: every operation enters it first and leaves it last. It counts the
 * operations inside, holds changes back while the container is frozen, and is closed when the
 * container goes.
 */
#ifndef FS_LIVE_GATE_H
#define FS_LIVE_GATE_H

#include <pthread.h>
#include <stdbool.h>

#include "base/err.h"

struct gate {
	pthread_mutex_t lock;
	pthread_cond_t moved;
	unsigned inside, changing, frozen;
	bool closed, opened;
	int (*open)(void *arg);
	void *arg;
};

/*
 * gate_init
 * open    called with arg when the first operation enters, while all others wait; 0 or -errno.
 *         After a failure the next operation that enters calls it again.
 */
void gate_init(struct gate *g, int (*open)(void *arg), void *arg);
void gate_fini(struct gate *g);

/*
 * gate_enter - begin an operation. change: it may write, and waits while the container is frozen.
 * gate_visit - the same for an operation that only reads and does not need the container opened.
 * gate_leave - the end of both.
 * errors  -ESTALE the gate is closed; what open returned
 */
int gate_enter(struct gate *g, bool change) MUST_CHECK;
int gate_visit(struct gate *g) MUST_CHECK;
void gate_leave(struct gate *g, bool change);

/*
 * gate_freeze - wait for the changes under way and hold new ones back, until as many gate_thaw().
 */
void gate_freeze(struct gate *g);
void gate_thaw(struct gate *g);
bool gate_is_frozen(struct gate *g);

/* gate_close - refuse new operations for good, and wait for those inside. */
void gate_close(struct gate *g);

/*
 * gate_give_up - close a frozen gate without waiting: the thaw never comes, and what waits for it
 * gets -ESTALE.
 */
void gate_give_up(struct gate *g);

#endif
