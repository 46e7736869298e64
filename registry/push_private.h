/*
 * Shared by the files of push.
 */
#ifndef REGISTRY_PUSH_PRIVATE_H
#define REGISTRY_PUSH_PRIVATE_H

#include "base/err.h"
#include "registry/push.h"
#include "store/oci/digest.h"

struct auth;
struct endpoint;
struct http;
struct image;
struct reference;

/* One push of one tag or of all. */
struct push {
	struct store *store;
	const struct push_options *options;
	const struct endpoint *endpoint; /* the registry, never a mirror */
	struct http *http;
	struct auth *auth;
};

/*
 * push_image - upload the missing blobs of an image, then its manifest under the tag of ref. The
 * blobs are kept in the store until they are uploaded, even if the image is removed.
 * pushed  the digest in the registry: the manifest's, or that of the Docker manifest into which it
 *         was converted for a registry that refuses OCI manifests
 */
int push_image(struct push *p, const struct image *image, const struct reference *ref,
	       struct digest *pushed, struct err *err) MUST_CHECK;

#endif
