/*
 * Creates a container with a given or a random name.
 */
#ifndef TOOLS_MAKE_CONTAINER_H
#define TOOLS_MAKE_CONTAINER_H

#include "base/err.h"

struct image;
struct store;

/* make_container_check - validate a container name; -EINVAL. */
int make_container_check(const char *wanted, struct err *err) MUST_CHECK;

/*
 * make_container - create a container; wanted may be NULL.
 * name    receives its name; freed by the caller, also on failure
 */
int make_container(struct store *s, const char *wanted, const struct image *image, char **name,
		   struct err *err) MUST_CHECK;

#endif
