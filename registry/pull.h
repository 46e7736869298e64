/*
 * Pull: an image from a registry into the store. Manifests and configs are
 * kept byte for byte; layers come side by side, each verified and indexed on
 * its way, and stay for the next attempt where the pull as a whole fails.
 */
#ifndef REGISTRY_PULL_H
#define REGISTRY_PULL_H

#include <stdbool.h>
#include <stdio.h>

#include "base/err.h"

struct reference;
struct store;

struct pull_options {
	const char *platform; /* "linux/arm64/v8"; NULL: this host's, where there is a choice */
	bool all_tags;	      /* every tag of the repository; the reference's own does not count */
	bool plain_http;
	bool quiet; /* neither lines nor bars */
	FILE *to;   /* where docker's lines go: stdout or stderr */
	const char *
		first; /* a line before all others; NULL: none. Nothing is printed before the image is found */
};

/*
 * pull - ref by its digest, where it has one, else by its tag. The image is whole and has its name
 * when this returns 0, and shows in open mounts.
 * found   whether a registry has it at all, also where that fails; may be NULL
 * errors  -ENOENT, -EACCES in docker's words; -ENOTSUP schema 1, an artifact, no image for the
 *         platform; -EBADMSG a digest or a length is not as said; -EPROTO no answer of a registry
 */
int pull(struct store *s, const struct reference *ref, const struct pull_options *o, bool *found,
	 struct err *err) MUST_CHECK;

#endif
