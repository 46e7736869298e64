/*
 * Running containers. The process that started the command holds a record lock on the container's
 * lock file. The lock identifies the process and ends with it. It is independent of the flock(2)
 * on that file.
 */
#ifndef STORE_CONTAINER_RUNNING_H
#define STORE_CONTAINER_RUNNING_H

#include <sys/types.h>

#include "base/err.h"

struct container;
struct store;

/*
 * running_mark - record that this process runs a command in the container. The caller blocks
 * running_signal() before, and closes no other descriptor of the lock file, which would release
 * the lock.
 * returns a descriptor to close when the command has ended; -errno
 */
int running_mark(const struct container *c, struct err *err) MUST_CHECK;

/* running_signal - the signal that asks the process to kill the command, clean up and exit. */
int running_signal(void) MUST_CHECK;

/* running_pid - the process ID; 0: none, or in another PID namespace. */
pid_t running_pid(struct store *s, const char *name);

/*
 * running_stop - kill the command in a container and wait for the cleanup. If the process that
 * started it does not respond, it is killed, too, and its monitor cleans up shortly afterwards.
 * returns 1 stopped; 0 not running; -EPERM, -ETIMEDOUT still running; -EBUSY lock_owner_open()
 */
int running_stop(struct store *s, const char *name, struct err *err) MUST_CHECK;

#endif
