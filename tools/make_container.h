/*
 * A container that a verb makes: with the name that the user wants, or a random one.
 */
#ifndef TOOLS_MAKE_CONTAINER_H
#define TOOLS_MAKE_CONTAINER_H

#include "base/err.h"

struct image;
struct store;

/* make_container_check - wanted is a name that a container may have; -EINVAL. */
int make_container_check(const char *wanted, struct err *err) MUST_CHECK;

/*
 * make_container - wanted may be NULL.
 * name    receives the container's; caller frees, on failure too
 */
int make_container(struct store *s, const char *wanted, const struct image *image, char **name,
		   struct err *err) MUST_CHECK;

#endif
