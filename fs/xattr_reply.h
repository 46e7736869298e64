/*
 * The answer to LISTXATTR, the same for both trees.
 */
#ifndef FS_XATTR_REPLY_H
#define FS_XATTR_REPLY_H

#include <stddef.h>

#include <fuse_lowlevel.h>

struct buf;

/*
 * xattr_reply_list - reply with names, each with its NUL, into size bytes (0: only how many).
 * Of trusted.* only root hears, as on any other file system: the kernel would not let others read them.
 */
void xattr_reply_list(fuse_req_t req, struct buf *names, size_t size);

#endif
