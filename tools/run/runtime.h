/*
 * An OCI runtime: crun, or runc. The runtime creates a container, which waits until it is started.
 * Its first process becomes our child, so that its exit status is known.
 * spec    OCI runtime-spec runtime.md
 */
#ifndef TOOLS_RUN_RUNTIME_H
#define TOOLS_RUN_RUNTIME_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"

struct buf;

struct runtime {
	char *path;
	bool crun;
	bool userns;	   /* in an ordinary user's namespace */
	const char *state; /* directory for its state */
	const char *id;
};

/*
 * runtime_find - find "crun", "runc" or a path; NULL: crun, or runc.
 * errors  -ENOENT, with the package to install
 */
int runtime_find(const char *name, struct runtime *out, struct err *err) MUST_CHECK;

/*
 * runtime_create - fds: stdin, stdout and stderr of the container; the runtime writes to stderr,
 * too.
 * console   path of the socket that receives the terminal, or NULL
 * pid_file  receives the ID of its first process
 * pid       receives the runtime's process, to be waited for
 * returns   0 or -errno
 */
int runtime_create(const struct runtime *rt, const char *bundle, const char *console,
		   const char *pid_file, const int fds[static 3], pid_t *pid) MUST_CHECK;

/* runtime_start, runtime_delete (kills all processes). Exit status or -errno; said: the output. */
int runtime_start(const struct runtime *rt, struct buf *said) MUST_CHECK;
int runtime_delete(const struct runtime *rt, struct buf *said) MUST_CHECK;

/* runtime_status - docker's exit status for a runtime's error message: 126, 127 or 1. */
int runtime_status(const char *said) MUST_CHECK;

#endif
