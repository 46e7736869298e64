/*
 * Compressing an image's layers once. Registries hold compressed layers, but layers from a
 * docker-archive or from a commit without compression are uncompressed. Such an image gets a
 * second manifest with gzip layers, which is kept in the store (struct ref's compressed) for
 * later pushes.
 */
#ifndef STORE_IMAGE_COMPRESS_H
#define STORE_IMAGE_COMPRESS_H

#include <stdbool.h>

#include "base/err.h"

struct image;
struct store;

/*
 * compress_image - the compressed form of an image for a push. Only a manifest that we generated
 * is replaced. One from another tool, and one that a registry knows already, is pushed unchanged.
 * quiet   no progress bar
 * out     another image, or NULL: push the image unchanged. Free with image_free()
 * errors  -ENOENT removed concurrently; -EBADMSG a layer is damaged
 */
int compress_image(struct store *s, const struct image *image, bool quiet, struct image **out,
		   struct err *err) MUST_CHECK;

#endif
