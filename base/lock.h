/*
 * Locks on files: by flock(2), each reported with --debug, and the owners of record locks.
 */
#ifndef BASE_LOCK_H
#define BASE_LOCK_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"

enum lock_mode { LOCK_MODE_SHARED, LOCK_MODE_EXCLUSIVE };

/*
 * lock_take, lock_try - lock the file that fd refers to. lock_take() waits for other holders.
 * what    with name, how the log calls the lock: "container", "box"
 * errors  -EWOULDBLOCK lock_try(): another holder has it; others as flock(2)
 */
#define lock_take(fd, mode, what, name) lock_take_from(__FILE__, fd, mode, true, what, name)
#define lock_try(fd, mode, what, name) lock_take_from(__FILE__, fd, mode, false, what, name)
int lock_take_from(const char *file, int fd, enum lock_mode mode, bool wait, const char *what,
		   const char *name) MUST_CHECK;

/* lock_again - lock_try() once more, after it failed. Not reported. */
int lock_again(int fd, enum lock_mode mode) MUST_CHECK;

/*
 * lock_owner_pid - the process that fcntl(F_GETLK) names for a record lock on the file. The lock
 * outlives this process if another one shares its descriptors (CLONE_FILES): the ID may have been
 * reused.
 * returns the ID; 0: not locked, or by a process in another PID namespace; -errno
 */
pid_t lock_owner_pid(int fd) MUST_CHECK;

/*
 * lock_owner_open - a pidfd of that process, after a check that it has the file open. The caller
 * closes it.
 * errors  -ENOENT lock_owner_pid() returns 0; -EBUSY the process does not have the file open;
 *         others as pidfd_open(2)
 */
int lock_owner_open(int fd) MUST_CHECK;

#endif
