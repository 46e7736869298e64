/*
 * The keeper of a running container: a process of its own, which enters the name spaces, mounts, makes the
 * bundle, has the runtime start the command, carries its input and output, and takes everything down
 * again. Whatever becomes of the process that the user started, or of his terminal, it hears of that
 * through a pipe: a byte is a signal to pass on, the end of it means that the container ends, too.
 */
#ifndef TOOLS_RUN_MONITOR_H
#define TOOLS_RUN_MONITOR_H

#include "base/err.h"

struct run_job;

/*
 * run_keep - from the name spaces to the end.
 * returns the exit status of `imagefs run`, with *err set where the command was not started
 */
int run_keep(const struct run_job *job, struct err *err) MUST_CHECK;

#endif
