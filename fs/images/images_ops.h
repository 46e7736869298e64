/*
 * The operations of the images tree. userdata is a struct images.
 */
#ifndef FS_IMAGES_IMAGES_OPS_H
#define FS_IMAGES_IMAGES_OPS_H

#include <fuse_lowlevel.h>

extern const struct fuse_lowlevel_ops images_ops;

/* images_buffer_free - the destructor of a thread's buffer for contents. */
void images_buffer_free(void *buffer);

#endif
