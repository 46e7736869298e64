/*
 * Ensures that an image is in the store: a missing one is pulled, as docker create and run do.
 */
#ifndef TOOLS_ENSURE_IMAGE_H
#define TOOLS_ENSURE_IMAGE_H

#include <stdbool.h>

#include "base/err.h"

struct ensure_options;
struct image;
struct store;

/* ensure_check - validate --pull and --platform; -EINVAL. */
int ensure_check(const struct ensure_options *o, struct err *err) MUST_CHECK;

/* ensure_platform - validate a platform with platform_parse(); -EINVAL. */
int ensure_platform(const char *platform, struct err *err) MUST_CHECK;

/*
 * ensure_image - find the image of a name, or pull it as o says. Docker's lines about pulling, and
 * its warning about an image for another platform, are printed on stderr.
 * errors  -ENOENT "No such image: NAME"; those of pull()
 */
int ensure_image(struct store *s, const char *name, const struct ensure_options *o,
		 struct image **out, struct err *err) MUST_CHECK;

#endif
