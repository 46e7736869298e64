/*
 * Jobs on several threads: all are done once, the first error stops them, and one thread suffices.
 */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/workers.h"

#define JOBS 100
#define THREADS 4

/* So many threads can be created yet. */
static int creatable = THREADS;
static int created;

int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*start)(void *),
			  void *arg);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*start)(void *),
			  void *arg);

int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*start)(void *),
			  void *arg)
{
	if (created == creatable)
		return EAGAIN;
	created++;
	return __real_pthread_create(thread, attr, start, arg);
}

struct jobs {
	atomic_int done[JOBS];
	atomic_int running, stops;
	int failing; /* the job that fails while others run; -1: none */
	bool together;
};

static int job(struct workers *w, size_t i, void *arg, struct err *err)
{
	struct jobs *j = arg;

	atomic_fetch_add(&j->done[i], 1);
	if (j->failing < 0)
		return 0;
	/* All threads have a job before one of them fails. */
	atomic_fetch_add(&j->running, 1);
	if ((int)i == j->failing) {
		while (j->together && atomic_load(&j->running) < THREADS)
			;
		return err_set(err, EBADMSG, "job %zu", i);
	}
	while (!workers_stopped(w))
		;
	return err_set(err, ECANCELED, "job %zu was stopped", i);
}

static void stop(void *arg)
{
	struct jobs *j = arg;

	atomic_fetch_add(&j->stops, 1);
}

static const struct workers_ops ops = { .job = job, .stop = stop };

static int count_done(struct jobs *j)
{
	int i, n = 0;

	for (i = 0; i < JOBS; i++) {
		assert_in_range(atomic_load(&j->done[i]), 0, 1);
		n += atomic_load(&j->done[i]);
	}
	return n;
}

static void each_job_once(void **state)
{
	static const int limits[] = { THREADS, 1, 0 };
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(limits); i++) {
		struct jobs j = { .failing = -1 };

		creatable = limits[i];
		created = 0;
		assert_int_equal(workers_run(&ops, JOBS, THREADS, &j, NULL), 0);
		assert_int_equal(count_done(&j), JOBS);
		assert_int_equal(atomic_load(&j.stops), 0);
		/* The caller is one of the threads. */
		assert_int_equal(created, MIN(limits[i], THREADS - 1));
	}
}

static void first_error_wins(void **state)
{
	struct jobs j = { .failing = THREADS - 1, .together = true };
	struct err err = ERR_INIT;

	(void)state;
	creatable = THREADS;
	created = 0;
	assert_int_equal(workers_run(&ops, JOBS, THREADS, &j, &err), -EBADMSG);
	assert_string_equal(err.msg, "job 3");
	assert_int_equal(err.code, EBADMSG);
	assert_int_equal(count_done(&j), THREADS);
	assert_int_equal(atomic_load(&j.stops), 1);
}

static void error_without_threads(void **state)
{
	struct jobs j = { .failing = 0 };
	struct err err = ERR_INIT;

	(void)state;
	creatable = created = 0;
	assert_int_equal(workers_run(&ops, JOBS, THREADS, &j, &err), -EBADMSG);
	assert_string_equal(err.msg, "job 0");
	assert_int_equal(count_done(&j), 1);
}

static void no_jobs(void **state)
{
	struct jobs j = { .failing = -1 };

	(void)state;
	created = 0;
	creatable = THREADS;
	assert_int_equal(workers_run(&ops, 0, THREADS, &j, NULL), 0);
	assert_int_equal(workers_run(&ops, 1, THREADS, &j, NULL), 0);
	assert_int_equal(count_done(&j), 1);
	assert_int_equal(created, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_job_once),
		cmocka_unit_test(first_error_wins),
		cmocka_unit_test(error_without_threads),
		cmocka_unit_test(no_jobs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
