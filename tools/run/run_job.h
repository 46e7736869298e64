/*
 * One run, as passed to its parts.
 */
#ifndef TOOLS_RUN_RUN_JOB_H
#define TOOLS_RUN_RUN_JOB_H

#include <stdbool.h>

struct bundle;
struct run_args;
struct runtime;
struct store;
struct tmp_dir;

struct run_job {
	struct store *store;
	const struct run_args *args;
	const struct bundle *bundle;
	struct runtime *runtime;
	const struct tmp_dir *tmp_dir;
	const char *name; /* of the container */
	bool userns;
	int control_fd; /* receives signals */
	int map_fds[2]; /* mount_ns_enter()'s */
	bool *started;	/* shared memory: the command was started */
};

#endif
