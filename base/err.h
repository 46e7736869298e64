/*
 * Errors with a message for the user. The message is set by the function that fails and extended
 * by callers that add context. Functions return 0 or -errno and fill a struct err owned by the
 * caller. A NULL struct err is legal everywhere.
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include <stdbool.h>

#include "base/cleanup.h"

#define ERR_MSG_MAX 1024

struct err {
	int code; /* errno, positive; 0: no error */
	char msg[ERR_MSG_MAX];
};

#define ERR_INIT      \
	{             \
		0, "" \
	}

/*
 * err_set - record what failed and why.
 * code    errno, positive
 * returns -code, so that a caller can write: return err_set(err, EINVAL, "...");
 */
int err_set(struct err *err, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* err_sys - like err_set(), followed by ": strerror(code)". */
int err_sys(struct err *err, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/*
 * err_wrap - put the context in front of the message: "context: message".
 * r       the failed call's -errno, returned unchanged
 */
int err_wrap(struct err *err, int r, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* err_nomem - record "out of memory"; returns -ENOMEM. */
int err_nomem(struct err *err);

/*
 * err_is_machine - true if the machine or the process failed, not the data: no memory, no space,
 * too many open files, I/O error, no permission.
 * r       -errno
 */
bool err_is_machine(int r);

#endif
