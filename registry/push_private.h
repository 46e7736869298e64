/*
 * What the parts of push share.
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

/* One push, of one tag or of all. */
struct push {
	struct store *store;
	const struct push_options *options;
	const struct endpoint *endpoint; /* the registry itself, never a mirror */
	struct http *http;
	struct auth *auth;
};

/*
 * push_image - the blobs of an image that are not there, then its manifest under the tag of ref.
 * What is sent is kept in the store until it is, whoever removes the image meanwhile.
 * pushed  the digest that the registry has it by: the manifest's, or that of the Docker manifest that was made of one
 *         of our own for a registry that refuses OCI manifests
 */
int push_image(struct push *p, const struct image *image, const struct reference *ref,
	       struct digest *pushed, struct err *err) MUST_CHECK;

#endif
