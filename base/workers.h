/*
 * Numbered jobs in several threads. The first job that fails stops the others; its error is
 * returned.
 */
#ifndef BASE_WORKERS_H
#define BASE_WORKERS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

struct workers;

struct workers_ops {
	/*
	 * job - do job i; 0 or -errno with err set.
	 * threads any; each i once, started in ascending order
	 */
	int (*job)(struct workers *w, size_t i, void *arg, struct err *err);
	/*
	 * stop - make running jobs end early; called once, by the thread whose job failed. May be
	 * NULL.
	 */
	void (*stop)(void *arg);
};

/*
 * workers_run - do the jobs 0 to n - 1 and wait for them.
 * threads at most this many, including the caller; the caller does all jobs if no thread can be
 *         created
 * returns 0, or the result of the first job that failed. Jobs that have not started by then are
 *         skipped
 */
int workers_run(const struct workers_ops *ops, size_t n, size_t threads, void *arg,
		struct err *err) MUST_CHECK;

/* workers_stopped - true after a job failed: a long job checks this and ends with -ECANCELED. */
bool workers_stopped(struct workers *w);

#endif
