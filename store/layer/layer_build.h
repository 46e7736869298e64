/*
 * Building a layer's index. Entries are added in the order of the tar; the result is a file of
 * sorted records.
 * spec    OCI image-spec layer.md, "Whiteouts", "Hardlinks"
 */
#ifndef STORE_LAYER_LAYER_BUILD_H
#define STORE_LAYER_LAYER_BUILD_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "store/layer/layer_format.h"

struct buf;
struct layer_build;
struct spans;

/* An entry of the tar. */
struct build_entry {
	const char *path;     /* any form; normalised and validated here */
	const char *hardlink; /* target of a hard link; then the members below are ignored */
	enum entry_type type; /* ENTRY_DIR to ENTRY_FIFO */
	const char *target;   /* of a symbolic link */
	uint32_t mode, uid, gid;
	int64_t mtime;
	uint32_t mtime_nsec;
	uint64_t size; /* as in struct layer_entry */
};

struct layer_build *layer_build_new(void);
void layer_build_free(struct layer_build *b);

/*
 * layer_build_add - add an entry. Whiteouts are recognised by their names.
 * node    receives the node for extents and attributes; LAYER_NONE if the entry has none
 *         (whiteouts, hard links, AUFS metadata)
 * errors  -EINVAL ".." in the path, or a root that is not a directory; -ENAMETOOLONG; -E2BIG too
 *         many; -ELOOP
 */
int layer_build_add(struct layer_build *b, const struct build_entry *e, uint32_t *node,
		    struct err *err) MUST_CHECK;

/* layer_build_extent - add data of a file, in order and without overlaps. */
int layer_build_extent(struct layer_build *b, uint32_t node, const struct layer_extent *x,
		       struct err *err) MUST_CHECK;

/*
 * layer_build_xattr - add an extended attribute. The first value of a name wins. Private names of
 * overlay file systems are dropped.
 */
int layer_build_xattr(struct layer_build *b, uint32_t node, const char *name, const void *value,
		      size_t len, struct err *err) MUST_CHECK;

/*
 * layer_build_finish - append the index file.
 * h       the caller sets codec, flags, sizes and digests; the rest is set here
 * spans   with their windows
 * errors  -E2BIG, -ENOMEM
 */
int layer_build_finish(struct layer_build *b, struct layer_header *h, const struct spans *spans,
		       struct buf *out, struct err *err) MUST_CHECK;

#endif
