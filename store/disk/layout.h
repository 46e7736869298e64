/*
 * The directories and files of a store: created for a new store, checked for an existing one.
 * None of them may be a symbolic link, because root may write to a store.
 */
#ifndef STORE_DISK_LAYOUT_H
#define STORE_DISK_LAYOUT_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"

/* The content of the file oci-layout. */
#define STORE_OCI_LAYOUT "{\"imageLayoutVersion\":\"1.0.0\"}"

/*
 * layout_check - check the types of the parts that exist.
 * fd      the store directory; path is its name for messages
 * foreign true, and *owner, if one of them belongs to another user than this process
 * errors  -ELOOP a symbolic link; -EINVAL another type
 */
int layout_check(int fd, const char *path, bool *foreign, uid_t *owner, struct err *err) MUST_CHECK;

/* layout_exists - true if the store exists, created by this version or another one. */
bool layout_exists(int fd);

/*
 * layout_make - create what is missing.
 * errors  -EINVAL the directory contains other files
 */
int layout_make(int fd, const char *path, struct err *err) MUST_CHECK;

/*
 * layout_make_aside - create the part of imagefs/ that containers need in another directory; 0 or
 * -errno.
 */
int layout_make_aside(int fd) MUST_CHECK;

/* layout_version - -ENOTSUP if another version of the program wrote the store. */
int layout_version(int fd, const char *path, struct err *err) MUST_CHECK;

#endif
