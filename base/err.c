/*
 * Messages are formatted into the caller's struct without allocation, so that running out of
 * memory can be reported.
 */
#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

static void fill(struct err *err, int code, const char *fmt, va_list ap)
{
	err->code = code;
	vsnprintf(err->msg, sizeof(err->msg), fmt, ap);
	/*
	 * The message is printed as one line. Newlines, escape sequences and invalid UTF-8 from
	 * untrusted names are replaced here, for all callers.
	 */
	text_neutralise(err->msg);
}

int err_set(struct err *err, int code, const char *fmt, ...)
{
	va_list ap;

	if (err) {
		va_start(ap, fmt);
		fill(err, code, fmt, ap);
		va_end(ap);
	}
	return -code;
}

int err_sys(struct err *err, int code, const char *fmt, ...)
{
	va_list ap;

	if (err) {
		size_t n;

		va_start(ap, fmt);
		fill(err, code, fmt, ap);
		va_end(ap);
		n = strlen(err->msg);
		snprintf(err->msg + n, sizeof(err->msg) - n, ": %s", strerror(code));
	}
	return -code;
}

int err_wrap(struct err *err, int r, const char *fmt, ...)
{
	char inner[ERR_MSG_MAX];
	va_list ap;
	size_t n;

	if (!err)
		return r;
	memcpy(inner, err->msg, sizeof(inner));
	va_start(ap, fmt);
	fill(err, r < 0 ? -r : r, fmt, ap);
	va_end(ap);
	n = strlen(err->msg);
	snprintf(err->msg + n, sizeof(err->msg) - n, ": %s",
		 inner[0] ? inner : strerror(err->code));
	return r;
}

int err_nomem(struct err *err)
{
	return err_set(err, ENOMEM, "out of memory");
}

bool err_is_machine(int r)
{
	switch (-r) {
	case ENOMEM:
	case EIO:
	case ENOSPC:
	case EDQUOT:
	case EMFILE:
	case ENFILE:
	case EAGAIN:
	case EINTR:
	case ECANCELED:
	case ENOLCK:
	case ESTALE:
	case EROFS:
	case EACCES:
	case EPERM:
		return true;
	default:
		return false;
	}
}
