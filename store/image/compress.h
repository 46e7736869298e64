/*
 * Compress-once: registries hold compressed layers, but those of a docker-archive, or of a commit
 * without compression, are plain. Such an image gets a second manifest, with gzip layers, which
 * stays in the store beside the first (struct ref's compressed), so that this happens once.
 */
#ifndef STORE_IMAGE_COMPRESS_H
#define STORE_IMAGE_COMPRESS_H

#include <stdbool.h>

struct err;
struct image;
struct store;

/*
 * compress_image - the same image as it goes to a registry.
 * Only a manifest that is of our making is made anew; what came from outside goes byte for byte,
 * and so does what a registry knows already.
 * quiet   no progress bar
 * out     another image, or NULL: the image goes as it is. image_free()
 * errors  -ENOENT removed meanwhile; -EBADMSG a layer is damaged
 */
int compress_image(struct store *s, const struct image *image, bool quiet, struct image **out,
		   struct err *err);

#endif
