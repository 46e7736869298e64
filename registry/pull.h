/*
 * Pull: download an image from a registry into the store. Manifests and configs are stored byte for
 * byte. Layers are downloaded in parallel; each is verified and indexed while it is received, and
 * is kept for the next attempt if the pull fails.
 */
#ifndef REGISTRY_PULL_H
#define REGISTRY_PULL_H

#include <stdbool.h>
#include <stdio.h>

#include "base/err.h"

struct reference;
struct store;

struct pull_options {
	const char *platform; /* "linux/arm64/v8"; NULL: the host's, if the image has several */
	bool all_tags;	      /* pull all tags of the repository; the reference's is ignored */
	bool plain_http;
	bool quiet; /* print no progress */
	FILE *to;   /* where progress lines are printed: stdout or stderr */
	/* Printed before all else, once the image is found; NULL: nothing. */
	const char *first;
};

/*
 * pull - download the image that ref names, by digest if it has one, otherwise by tag. On success
 * the image is complete, has its name and is visible in mounts.
 * found   true if a registry has the image, also if the pull fails; may be NULL
 * errors  -ENOENT, -EACCES in docker's words; -ENOTSUP schema 1, not an image, or no image for the
 *         platform; -EBADMSG digest or size mismatch; -EPROTO invalid response
 */
int pull(struct store *s, const struct reference *ref, const struct pull_options *o, bool *found,
	 struct err *err) MUST_CHECK;

#endif
