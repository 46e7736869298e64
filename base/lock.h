/*
 * Locks on files, by flock(2). Each is reported with --debug.
 */
#ifndef BASE_LOCK_H
#define BASE_LOCK_H

#include <stdbool.h>

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

#endif
