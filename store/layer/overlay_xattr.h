/*
 * Extended attributes in which overlay file systems and imagefs keep private state in upper
 * directories. They never appear in an image or a layer.
 */
#ifndef STORE_LAYER_OVERLAY_XATTR_H
#define STORE_LAYER_OVERLAY_XATTR_H

#include <stdbool.h>

/*
 * Owner, mode and type of a file that cannot be stored in the file itself
 * (store/container/upper.h).
 */
#define OVERLAY_XATTR_OVERRIDE "user.containers.override_stat"

/*
 * Prefix for an image's privileged attributes in an unprivileged upper directory
 * (store/container/upper.h).
 */
#define OVERLAY_XATTR_ESCAPE "user.imagefs."

/* overlay_xattr_is_private - true for names of overlayfs, fuse-overlayfs and imagefs. */
bool overlay_xattr_is_private(const char *name);

#endif
