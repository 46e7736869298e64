/*
 * An error that a person will read: made at the failing call, wrapped at the
 * boundaries it crosses. Functions return 0 or -errno and fill a struct err
 * that the caller owns; a NULL struct err is legal everywhere.
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include <stdbool.h>

#define ERR_MSG_MAX 1024

struct err {
	int code; /* errno, positive; 0 while nothing failed */
	char msg[ERR_MSG_MAX];
};

#define ERR_INIT      \
	{             \
		0, "" \
	}

/*
 * err_set - say what failed and why.
 * code    errno, positive
 * returns -code, so that a caller can write: return err_set(err, EINVAL, "...");
 */
int err_set(struct err *err, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/*
 * err_sys - like err_set, with ": strerror(code)" at the end.
 */
int err_sys(struct err *err, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/*
 * err_wrap - put what was being done in front of what went wrong.
 * r       the failing call's -errno, which is returned
 */
int err_wrap(struct err *err, int r, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/*
 * err_nomem - out of memory, as an error like any other.
 */
int err_nomem(struct err *err);

/*
 * err_is_machine - the machine or this process failed: no memory, no space, too many open files, a disk
 * that cannot be read, no right. It says nothing of the data that was worked on.
 * r       -errno
 */
bool err_is_machine(int r);

#endif
