/*
 * An OCI runtime: crun, or else runc. A container is created by it, waits, and is started then; its
 * first process becomes our child, so that what ends it is known exactly.
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
	bool userns;	   /* in an ordinary user's name space */
	const char *state; /* a directory for what it notes */
	const char *id;
};

/*
 * runtime_find - name: "crun", "runc", a path; NULL: whichever there is.
 * errors  -ENOENT, with the package to install
 */
int runtime_find(const char *name, struct runtime *out, struct err *err) MUST_CHECK;

/*
 * runtime_create - fds: the container's 0, 1 and 2; what the runtime says goes to 2 as well.
 * console   a path for its terminal to be sent to, or NULL
 * pid_file  receives the number of its first process
 * pid       receives the runtime's own, to be waited for
 * returns   0 or -errno
 */
int runtime_create(const struct runtime *rt, const char *bundle, const char *console,
		   const char *pid_file, const int fds[static 3], pid_t *pid) MUST_CHECK;

/* runtime_start, runtime_delete - the latter kills what is left. Exit status or -errno; said: why. */
int runtime_start(const struct runtime *rt, struct buf *said) MUST_CHECK;
int runtime_delete(const struct runtime *rt, struct buf *said) MUST_CHECK;

/* runtime_status - docker's exit status for what a runtime said when it did not start a command: 126, 127 or 1. */
int runtime_status(const char *said) MUST_CHECK;

#endif
