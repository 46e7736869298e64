/*
 * Names of extended attributes that overlay file systems and this one keep their own state under, in
 * upper directories. No image and no layer has attributes of such names.
 */
#ifndef STORE_LAYER_OVERLAY_XATTR_H
#define STORE_LAYER_OVERLAY_XATTR_H

#include <stdbool.h>

/* Owner, mode and type of a file, where the file itself cannot have them (store/container/upper.h). */
#define OVERLAY_XATTR_OVERRIDE "user.containers.override_stat"

/* In front of an image's attribute that needs privilege, where there is none (store/container/upper.h). */
#define OVERLAY_XATTR_ESCAPE "user.imagefs."

/* overlay_xattr_is_private - name is one of overlayfs', fuse-overlayfs' or ours. */
bool overlay_xattr_is_private(const char *name);

#endif
