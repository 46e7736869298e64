/*
 * Which attributes of a layer are shown and how, the same for both trees, and the answer to
 * LISTXATTR.
 */
#ifndef FS_CORE_XATTR_REPLY_H
#define FS_CORE_XATTR_REPLY_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include <fuse_lowlevel.h>

#include "base/err.h"

struct buf;

/*
 * xattr_is_shown - false for attributes of an upper directory's form, for invalid access lists,
 * with which the kernel would refuse the file, and for default lists of anything but directories.
 * xattr_shown    append the value; a file's access list is masked by the mode, as after unpacking.
 *                0 or -ENOMEM
 */
bool xattr_is_shown(const char *name, const void *value, size_t len, bool directory);
int xattr_shown(const char *name, const void *value, size_t len, mode_t mode,
		struct buf *out) MUST_CHECK;

/*
 * xattr_reply_list - reply with names, each with its NUL, into size bytes (0: only how many).
 * trusted.* is listed for root only, as on other file systems.
 */
void xattr_reply_list(fuse_req_t req, struct buf *names, size_t size);

#endif
