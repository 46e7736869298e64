/*
 * Push: upload an image of the store, or all tags of a repository, to its registry. Missing blobs
 * are uploaded in parallel and the manifest last, so that a tag never refers to an incomplete
 * image.
 *
 *     push.c        names, docker's lines, recording the digest
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
	bool quiet; /* print only the name */
	bool plain_http;
};

/*
 * push - push NAME[:TAG], or all tags of NAME. Prints what docker prints, on stdout.
 * errors  -ENOENT no such image; -EINVAL not a valid name; -EACCES denied by the registry, or a
 *         name reserved for Docker Hub's official images; -EBADMSG a blob in the store is damaged;
 *         -EPROTO invalid response
 */
int push(struct store *s, const char *name, const struct push_options *o,
	 struct err *err) MUST_CHECK;

#endif
