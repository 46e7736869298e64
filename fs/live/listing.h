/*
 * The names in a directory.
 */
#ifndef FS_LIVE_LISTING_H
#define FS_LIVE_LISTING_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"

struct listing {
	struct buf names;
	struct listed {
		size_t name; /* offset in names */
		uint64_t ino;
		mode_t type;
	} * v;
	size_t n, cap;
};

#define LISTING_INIT                 \
	{                            \
		BUF_INIT, NULL, 0, 0 \
	}
#define _cleanup_listing_ __attribute__((cleanup(listing_fini)))

/* listing_add - append one; 0 or -ENOMEM. */
int listing_add(struct listing *l, const char *name, uint64_t ino, mode_t type) MUST_CHECK;

static inline const char *listing_name(const struct listing *l, size_t i)
{
	return l->names.data + l->v[i].name;
}
void listing_fini(struct listing *l);

#endif
