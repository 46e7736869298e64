/*
 * Differences between two trees, with docker's letters:
 *
 *     A  added      C  changed      D  deleted
 *
 * A directory with a difference below it is C. The contents of a deleted directory are not
 * listed; those of an added one are.
 */
#ifndef STORE_CONTAINER_DIFF_H
#define STORE_CONTAINER_DIFF_H

#include <stddef.h>

#include "base/err.h"

struct container;
struct image;
struct store;

struct diff_change {
	char kind;  /* 'A', 'C' or 'D' */
	char *path; /* "/etc/passwd"; raw bytes */
};

struct diff {
	struct diff_change *v; /* sorted by path */
	size_t n, cap;
};

#define DIFF_INIT          \
	{                  \
		NULL, 0, 0 \
	}
#define _cleanup_diff_ __attribute__((cleanup(diff_fini)))

/*
 * diff_container - compare a container with its base image: type, mode, owner, device, the
 * attributes that belong in a layer; except for directories, also size and mtime. A file that was
 * copied up without a change is not listed. The caller holds the container's shared lock
 * (store/container/container_lock.h).
 */
int diff_container(struct store *s, const struct container *c, struct diff *out,
		   struct err *err) MUST_CHECK;

/* diff_image - compare an image's top layer with the layers below, by the same rules. */
int diff_image(struct store *s, const struct image *i, struct diff *out,
	       struct err *err) MUST_CHECK;

/*
 * diff_images - compare two merged trees: type, mode, owner, device, link target, attributes and
 * contents, but not times. Contents are only read for files of equal size from different layers.
 */
int diff_images(struct store *s, const struct image *before, const struct image *now,
		struct diff *out, struct err *err) MUST_CHECK;

void diff_fini(struct diff *d);

#endif
