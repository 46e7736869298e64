/*
 * The folders and files of a store directory: made where it is new, looked at where it is not. None of them
 * is a symbolic link, and what root writes to belongs to root.
 */
#ifndef STORE_DISK_LAYOUT_H
#define STORE_DISK_LAYOUT_H

#include <stdbool.h>
#include <sys/types.h>

struct err;

/* What the file oci-layout says. */
#define STORE_OCI_LAYOUT "{\"imageLayoutVersion\":\"1.0.0\"}"

/*
 * layout_check - whatever is there is a directory or a file, as it should be.
 * fd      the store directory, path its name for messages
 * foreign true, and *owner, where one of them is not this process's user's
 * errors  -ELOOP a symbolic link; -EINVAL something else
 */
int layout_check(int fd, const char *path, bool *foreign, uid_t *owner, struct err *err);

/* layout_is_there - it was made already, by this version or another one. */
bool layout_is_there(int fd);

/*
 * layout_make - make what is missing.
 * errors  -EINVAL the directory holds something else
 */
int layout_make(int fd, const char *path, struct err *err);

/* layout_make_aside - what containers need of imagefs/, in another directory; 0 or -errno. */
int layout_make_aside(int fd);

/* layout_version - -ENOTSUP where another version of the program made it. */
int layout_version(int fd, const char *path, struct err *err);

#endif
