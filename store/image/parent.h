/*
 * Which image another one was committed on, as archives say it of images that are saved together.
 */
#ifndef STORE_IMAGE_PARENT_H
#define STORE_IMAGE_PARENT_H

#include <stdbool.h>

struct image;

/*
 * parent_fits - an image may have been committed on this one: it has its layers, and its history with
 * one step more. Docker refuses a whole archive in which that is not so.
 */
bool parent_fits(const struct image *child, const struct image *parent);

#endif
