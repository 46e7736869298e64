/*
 * What `imagefs run` was told, word by word as docker reads it.
 */
#ifndef TOOLS_RUN_ARGS_H
#define TOOLS_RUN_ARGS_H

#include <stdbool.h>
#include <stddef.h>

struct err;

struct run_volume {
	char *source; /* absolute; NULL: a directory of the container */
	char *target; /* absolute */
	char *propagation;
	bool ro;
};

struct run_args {
	const char *name, *entrypoint, *workdir, *user, *hostname, *runtime;
	bool rm, interactive, tty;
	char **env; /* NULL-terminated, or NULL */
	size_t n_env;
	struct run_volume *volumes;
	size_t n_volumes;
	char *const *command;
};

/* All return 0, or -errno with docker's words. */

/* run_args_env - -e KEY=VALUE, or KEY with the value that it has here. */
int run_args_env(struct run_args *a, const char *text, struct err *err);

/* run_args_env_file - a file of such lines. */
int run_args_env_file(struct run_args *a, const char *path, struct err *err);

/* run_args_volume - -v HOST:PATH[:OPTION,...] or PATH. */
int run_args_volume(struct run_args *a, const char *text, struct err *err);

void run_args_fini(struct run_args *a);

#endif
