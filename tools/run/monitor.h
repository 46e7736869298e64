/*
 * The keeper of a running container: a process of its own, which enters the name spaces, mounts, makes the
 * bundle, has the runtime start the command, carries its input and output, and takes everything down
 * again. Whatever becomes of the process that the user started, or of his terminal, it hears of that
 * through a pipe: a byte is a signal to pass on, the end of it means that the container ends, too.
 */
#ifndef TOOLS_RUN_MONITOR_H
#define TOOLS_RUN_MONITOR_H

#include <stdbool.h>

struct bundle;
struct err;
struct run_args;
struct runtime;
struct tmp_dir;
struct store;

struct run_job {
	struct store *store;
	const struct run_args *args;
	const struct bundle *bundle;
	struct runtime *runtime;
	const struct tmp_dir *tmp_dir;
	const char *name; /* of the container */
	bool userns;
	int control_fd; /* where signals come from */
	int map_fds[2]; /* mount_ns_enter()'s */
	bool *started;	/* shared: the command was started */
};

/*
 * run_keep - from the name spaces to the end.
 * returns the exit status of `imagefs run`, with *err set where the command was not started
 */
int run_keep(const struct run_job *job, struct err *err);

#endif
