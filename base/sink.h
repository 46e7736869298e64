/* An output of bytes. The stages of a writing pipeline are stacked on each other. */
#ifndef BASE_SINK_H
#define BASE_SINK_H

#include <stddef.h>

struct err;

struct sink {
	int (*write)(void *ctx, const void *data, size_t len, struct err *err);
	void *ctx;
};

static inline int sink_write(const struct sink *s, const void *data, size_t len, struct err *err)
{
	return s->write(s->ctx, data, len, err);
}

#endif
