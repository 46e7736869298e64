/*
 * Push: an image of the store, or all tags of a repository, to its registry. Blobs that are not there
 * are uploaded side by side, the manifest comes last, so that a name never means half an image.
 *
 *     push.c        names, docker's lines, what is noted afterwards
 *     push_image.c  one image: its blobs and its manifest
 *     upload.c      one blob
 *
 * spec    OCI distribution-spec, "Push"
 */
#ifndef REGISTRY_PUSH_H
#define REGISTRY_PUSH_H

#include <stdbool.h>

#include "base/err.h"

struct store;

struct push_options {
	bool all_tags;
	bool quiet; /* the name alone on stdout, no bars */
	bool plain_http;
};

/*
 * push - NAME[:TAG]; prints what docker prints, on stdout.
 * errors  -ENOENT no such image; -EINVAL not a name to push to; -EACCES the registry does not let us,
 *         or the name is one of Docker Hub's own; -EBADMSG a blob of the store is damaged;
 *         -EPROTO the registry's answer makes no sense
 */
int push(struct store *s, const char *name, const struct push_options *o,
	 struct err *err) MUST_CHECK;

#endif
