/*
 * The monitor of a running container: a process that enters the namespaces, mounts the tree, writes
 * the bundle, has the runtime start the command, relays its input and output, and cleans up. A pipe
 * connects it with the process that the user started: each byte is a signal to forward, and the end
 * of the pipe means that the process has ended, which ends the container.
 */
#ifndef TOOLS_RUN_MONITOR_H
#define TOOLS_RUN_MONITOR_H

#include "base/err.h"

struct run_job;

/*
 * run_keep - run the container.
 * returns the exit status of `imagefs run`, with *err set if the command was not started
 */
int run_keep(const struct run_job *job, struct err *err) MUST_CHECK;

#endif
