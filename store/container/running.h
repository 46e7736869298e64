/*
 * Containers in which a command runs: whoever started it holds a record lock on the container's lock file. It names the
 * process, goes with it, and has nothing to do with the flock on that file.
 */
#ifndef STORE_CONTAINER_RUNNING_H
#define STORE_CONTAINER_RUNNING_H

#include <sys/types.h>

struct container;
struct err;
struct store;

/*
 * running_mark - a command of this process runs in the container now. The caller blocks running_signal() before, and
 * closes no other descriptor of the lock file meanwhile, as the mark would go with it.
 * returns a descriptor to close when the command has ended; -errno
 */
int running_mark(const struct container *c, struct err *err);

/* running_signal - what that process gets where it is to kill the command, tidy up, and end. */
int running_signal(void);

/* running_pid - which process that is; 0: none, or not of this process name space. */
pid_t running_pid(struct store *s, const char *name);

/*
 * running_stop - kill the command that runs in a container, and wait until what was made for it is gone. Where the
 * process that started it does not do so, it is killed, too, and what it left behind goes a moment later.
 * returns 1 it is; 0 none ran; -EPERM, -ETIMEDOUT it runs on
 */
int running_stop(struct store *s, const char *name, struct err *err);

#endif
