/* Parent images, as recorded in archives of several images. */
#ifndef STORE_IMAGE_PARENT_H
#define STORE_IMAGE_PARENT_H

#include <stdbool.h>

struct image;

/*
 * parent_fits - true if child can have been committed on parent: it has parent's layers, and its
 * history with one more step. Otherwise docker refuses the archive.
 */
bool parent_fits(const struct image *child, const struct image *parent);

#endif
