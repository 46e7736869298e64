/*
 * An image that a verb needs: from the store or, where that does not have it,
 * pulled first, as docker's create and run do.
 */
#ifndef TOOLS_NEED_IMAGE_H
#define TOOLS_NEED_IMAGE_H

#include <stdbool.h>

struct err;
struct image;
struct store;

struct need_options {
	const char *pull;     /* "missing", "always", "never"; NULL: missing */
	const char *platform; /* NULL: any that is there, else this host's */
	bool plain_http, quiet;
};

/* need_check - what --pull and --platform said makes sense; -EINVAL. */
int need_check(const struct need_options *o, struct err *err);

/* need_platform - it is one that platform_parse() takes; -EINVAL. */
int need_platform(const char *platform, struct err *err);

/*
 * need_image - what name means, pulled where o says so. Docker's lines about that, and about an
 * image for another platform that nobody asked for, go to stderr.
 * errors  -ENOENT "No such image: NAME"; those of pull()
 */
int need_image(struct store *s, const char *name, const struct need_options *o, struct image **out,
	       struct err *err);

#endif
