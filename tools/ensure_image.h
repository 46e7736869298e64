/*
 * An image that a verb needs: from the store or, where that does not have it,
 * pulled first, as docker's create and run do.
 */
#ifndef TOOLS_ENSURE_IMAGE_H
#define TOOLS_ENSURE_IMAGE_H

#include <stdbool.h>

#include "base/err.h"

struct ensure_options;
struct image;
struct store;

/* ensure_check - what --pull and --platform said makes sense; -EINVAL. */
int ensure_check(const struct ensure_options *o, struct err *err) MUST_CHECK;

/* ensure_platform - it is one that platform_parse() takes; -EINVAL. */
int ensure_platform(const char *platform, struct err *err) MUST_CHECK;

/*
 * ensure_image - what name means, pulled where o says so. Docker's lines about that, and about an
 * image for another platform that nobody asked for, go to stderr.
 * errors  -ENOENT "No such image: NAME"; those of pull()
 */
int ensure_image(struct store *s, const char *name, const struct ensure_options *o,
		 struct image **out, struct err *err) MUST_CHECK;

#endif
