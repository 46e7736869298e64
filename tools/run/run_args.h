/*
 * What `imagefs run` was told, word by word as docker reads it.
 */
#ifndef TOOLS_RUN_RUN_ARGS_H
#define TOOLS_RUN_RUN_ARGS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

struct json_t;

struct run_volume {
	char *source; /* absolute; NULL: a directory of the container, or a tmpfs */
	char *target; /* absolute */
	char *propagation;
	bool ro;
	bool tmpfs;
	bool flat;	   /* without what is mounted below the source */
	bool must_exist;   /* the source is not made where it is missing */
	char *size, *mode; /* of a tmpfs, as mount(8) has them; NULL: not said */
};

struct run_args {
	const char *name, *entrypoint, *workdir, *user, *hostname, *runtime;
	bool rm, interactive, tty, no_new_privs, unconfined;
	struct json_t *seccomp; /* a profile that was read; NULL: none */
	const char *seccomp_name;
	char **env; /* NULL-terminated, or NULL */
	size_t n_env;
	struct run_volume *volumes;
	size_t n_volumes;
	char *const *command;
};

/* All return 0, or -errno with docker's words. */

/* run_args_env - -e KEY=VALUE, or KEY with the value that it has here. */
int run_args_env(struct run_args *a, const char *text, struct err *err) MUST_CHECK;

/* run_args_env_file - a file of such lines. */
int run_args_env_file(struct run_args *a, const char *path, struct err *err) MUST_CHECK;

/* run_args_volume - -v HOST:PATH[:OPTION,...] or PATH. */
int run_args_volume(struct run_args *a, const char *text, struct err *err) MUST_CHECK;

/* run_args_mount - --mount KEY=VALUE,...: type bind or tmpfs. run_args_tmpfs - --tmpfs PATH[:OPTION,...]. */
int run_args_mount(struct run_args *a, const char *text, struct err *err) MUST_CHECK;
int run_args_tmpfs(struct run_args *a, const char *text, struct err *err) MUST_CHECK;

/* run_args_security - --security-opt: seccomp=FILE, which is read, and no-new-privileges. */
int run_args_security(struct run_args *a, const char *text, struct err *err) MUST_CHECK;

void run_args_free_volume(struct run_volume *v);
void run_args_fini(struct run_args *a);

#endif
