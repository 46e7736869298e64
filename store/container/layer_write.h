/*
 * Writing a container's upper directory as a layer's tar: sorted, with whiteouts and opaque
 * markers in the image's format.
 * spec    OCI image-spec layer.md, "Creating", "Whiteouts"
 */
#ifndef STORE_CONTAINER_LAYER_WRITE_H
#define STORE_CONTAINER_LAYER_WRITE_H

#include <stdbool.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/sink.h"

struct layer;
struct layer_entry;
struct patterns;
struct upper;

/* The root directory in the lower layers. */
struct layer_root {
	struct stat st;
	/* pax records of the attributes that belong in a layer, sorted by name */
	struct buf xattrs;
};

/*
 * layer_carries - true for extended attributes that belong in a layer: security.capability,
 * user.*, ACLs.
 */
bool layer_carries(const char *xattr);

/*
 * layer_xattrs - append a file's extended attributes as pax records, sorted by name.
 * fd      may be opened with O_PATH
 * carries selects attributes
 * errors  -errno
 */
int layer_xattrs(const struct upper *u, int fd, bool (*carries)(const char *),
		 struct buf *out) MUST_CHECK;

/* layer_entry_xattrs - the same of an entry that a layer has; 0 or -ENOMEM. */
int layer_entry_xattrs(const struct layer *l, const struct layer_entry *e,
		       bool (*carries)(const char *), struct buf *out) MUST_CHECK;

/*
 * layer_write - write the complete tar.
 * base        the root directory is written only if it differs from this
 * include     what to write, with its parent directories; NULL or empty: everything
 * exclude     what not to write, even if included; NULL: nothing
 * empty       set if there is no change; nothing is written then
 * errors      -EINVAL a name that would be read as a whiteout; -EIO a file changed while it was
 *             read
 */
int layer_write(const struct upper *u, const struct layer_root *base,
		const struct patterns *include, const struct patterns *exclude,
		const struct sink *out, bool *empty, struct err *err) MUST_CHECK;

#endif
