/*
 * The options of `imagefs run`, parsed as docker does.
 */
#ifndef TOOLS_RUN_RUN_ARGS_H
#define TOOLS_RUN_RUN_ARGS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

struct json_t;

struct run_volume {
	char *source; /* absolute; NULL: a directory in the container, or a tmpfs */
	char *target; /* absolute */
	char *propagation;
	bool ro;
	bool tmpfs;
	bool flat;	   /* without submounts of the source */
	bool must_exist;   /* do not create a missing source */
	char *size, *mode; /* options of a tmpfs as in mount(8); NULL: default */
};

struct run_args {
	const char *name, *entrypoint, *workdir, *user, *hostname, *runtime;
	bool rm, interactive, tty, no_new_privs, unconfined;
	struct json_t *seccomp; /* a parsed profile; NULL: none */
	const char *seccomp_name;
	char **env; /* NULL-terminated, or NULL */
	size_t n_env;
	struct run_volume *volumes;
	size_t n_volumes;
	char *const *command;
};

/* All return 0 or -errno with docker's messages. */

/* run_args_env - -e KEY=VALUE, or KEY to copy the value of this process. */
int run_args_env(struct run_args *a, const char *text, struct err *err) MUST_CHECK;

/* run_args_env_file - a file with one such variable per line. */
int run_args_env_file(struct run_args *a, const char *path, struct err *err) MUST_CHECK;

/* run_args_volume - -v HOST:PATH[:OPTION,...] or PATH. */
int run_args_volume(struct run_args *a, const char *text, struct err *err) MUST_CHECK;

/*
 * run_args_mount - --mount KEY=VALUE,...: type bind or tmpfs.
 * run_args_tmpfs - --tmpfs PATH[:OPTION,...].
 */
int run_args_mount(struct run_args *a, const char *text, struct err *err) MUST_CHECK;
int run_args_tmpfs(struct run_args *a, const char *text, struct err *err) MUST_CHECK;

/* run_args_security - --security-opt: seccomp=FILE, which is parsed, and no-new-privileges. */
int run_args_security(struct run_args *a, const char *text, struct err *err) MUST_CHECK;

void run_args_free_volume(struct run_volume *v);
void run_args_fini(struct run_args *a);

#endif
