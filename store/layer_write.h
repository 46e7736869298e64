/*
 * A container's upper directory as a layer's tar: sorted, with whiteouts and
 * opaque markers in the image's form.
 * spec    OCI image-spec layer.md, "Creating", "Whiteouts"
 */
#ifndef STORE_LAYER_WRITE_H
#define STORE_LAYER_WRITE_H

#include <stdbool.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/sink.h"

struct err;
struct layer;
struct layer_entry;
struct patterns;
struct upper;

/* The root directory as the layers below have it. */
struct layer_root {
	struct stat st;
	struct buf
		xattrs; /* pax records of those that a layer carries, in the order of their names */
};

/* layer_carries - true for the extended attributes that go into a layer: security.capability, user.*, access lists. */
bool layer_carries(const char *xattr);

/*
 * layer_xattrs - append a file's extended attributes, those that carries() is true for, as pax
 * records in the order of their names. fd: O_PATH will do.
 * errors  -EINVAL a name with a '='; -errno
 */
int layer_xattrs(const struct upper *u, int fd, bool (*carries)(const char *), struct buf *out);

/* layer_entry_xattrs - the same of an entry that a layer has; 0 or -ENOMEM. */
int layer_entry_xattrs(const struct layer *l, const struct layer_entry *e,
		       bool (*carries)(const char *), struct buf *out);

/*
 * layer_write - the whole tar, to its end.
 * base        the root directory gets an entry only where it differs from this
 * include     what is written, with the directories that it lies in; NULL or none: everything
 * exclude     what is not written all the same; NULL: nothing
 * empty       set where nothing changed; nothing is written then
 * errors      -EINVAL a name that would be read as a whiteout; -EIO a file that changed meanwhile
 */
int layer_write(const struct upper *u, const struct layer_root *base,
		const struct patterns *include, const struct patterns *exclude,
		const struct sink *out, bool *empty, struct err *err);

#endif
