/*
 * A growable byte buffer. The data is always followed by a NUL that is not counted in len, so it
 * can be read as a string.
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stddef.h>

#include "base/cleanup.h"

struct buf {
	char *data;
	size_t len;
	size_t cap;
};

#define BUF_INIT           \
	{                  \
		NULL, 0, 0 \
	}
#define _cleanup_buf_ __attribute__((cleanup(buf_fini)))
#define _cleanup_secret_buf_ __attribute__((cleanup(buf_wipe)))

/* Return 0 or -ENOMEM. On failure the contents are unchanged. */
int buf_reserve(struct buf *b, size_t more) MUST_CHECK;
int buf_append(struct buf *b, const void *data, size_t len) MUST_CHECK;
int buf_puts(struct buf *b, const char *s) MUST_CHECK;
int buf_putc(struct buf *b, char c) MUST_CHECK;
int buf_printf(struct buf *b, const char *fmt, ...) MUST_CHECK
	__attribute__((format(printf, 2, 3)));

/* buf_str - the contents as a string, borrowed; "" for an empty buffer. */
const char *buf_str(const struct buf *b);

/*
 * buf_take - the contents as a heap string that the caller frees; b is emptied. NULL: out of
 * memory.
 */
char *buf_take(struct buf *b);

void buf_clear(struct buf *b);
void buf_fini(struct buf *b);

/* buf_wipe - buf_fini() for a secret: it is overwritten first. */
void buf_wipe(struct buf *b);

#endif
