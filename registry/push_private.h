/*
 * What the parts of push share.
 */
#ifndef REGISTRY_PUSH_PRIVATE_H
#define REGISTRY_PUSH_PRIVATE_H

#include <stdint.h>

#include "registry/push.h"
#include "store/oci/digest.h"

struct auth;
struct client;
struct endpoint;
struct err;
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
	       struct digest *pushed, struct err *err);

/* One blob on its way out. */
struct upload {
	struct client *client;
	struct http *http; /* whose http_cancel() ends the waiting, too */
	const struct digest *digest;
	uint64_t size;
	int fd;		    /* of the blob, read from its start; borrowed */
	const char *origin; /* another repository that has it; NULL: none is known */
	/* So many bytes are there; may be fewer than before. Any thread. */
	void (*progress)(void *arg, uint64_t done);
	void (*begins)(void *arg); /* it is not there, so bytes are about to be sent */
	void *arg;
};

enum upload_result { UPLOAD_EXISTS, UPLOAD_MOUNTED, UPLOAD_DONE };

/*
 * upload_blob - see that the repository has a blob: it does, it can be had from the origin, or it is sent.
 * Hashed on its way: only what is what its digest says is ever finished.
 * errors  -EBADMSG it is damaged; others as the registry's
 */
int upload_blob(const struct upload *u, enum upload_result *out, struct err *err);

#endif
