/*
 * What is different between two trees, in docker's three letters.
 *
 *     A  is there only now      C  is another one now      D  was there before
 *
 * A directory in which something is different is C, once; what was removed with its
 * directory is not listed, what was added with it is.
 */
#ifndef STORE_CONTAINER_DIFF_H
#define STORE_CONTAINER_DIFF_H

#include <stddef.h>

struct container;
struct err;
struct image;
struct store;

struct diff_change {
	char kind;  /* 'A', 'C' or 'D' */
	char *path; /* "/etc/passwd"; bytes as they are */
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
 * diff_container - a container against its base image: type, mode, owner, device, the attributes
 * that a layer carries; of all but directories size and mtime too. What was copied up and left
 * as it was is no change. The caller holds the container still (store/container/container_lock.h).
 */
int diff_container(struct store *s, const struct container *c, struct diff *out, struct err *err);

/* diff_image - what an image's top layer did to those below it, by the same rules. */
int diff_image(struct store *s, const struct image *i, struct diff *out, struct err *err);

/*
 * diff_images - two merged trees by what is in them: type, mode, owner, device, link target, attributes
 * and contents, but no times. Contents are read only of files that have one size and
 * come from different layers.
 */
int diff_images(struct store *s, const struct image *before, const struct image *now,
		struct diff *out, struct err *err);

void diff_fini(struct diff *d);

#endif
