/*
 * Building a layer's index: entries come in the order of the tar, and leave
 * as one file of sorted records.
 * spec    OCI image-spec layer.md, "Whiteouts", "Hardlinks"
 */
#ifndef STORE_LAYER_BUILD_H
#define STORE_LAYER_BUILD_H

#include <stddef.h>
#include <stdint.h>

#include "store/layer_format.h"

struct buf;
struct err;
struct layer_build;
struct spans;

/* An entry as the tar has it. */
struct build_entry {
	const char *path;     /* any form; made relative and checked here */
	const char *hardlink; /* path of the other name; then nothing below counts */
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
 * layer_build_add - the next entry; whiteouts are told by their names.
 * *node is then where extents and xattrs go, or LAYER_NONE where the entry is no node of its own
 * (whiteouts, hard links, AUFS metadata)
 * errors  -EINVAL ".." or a root that is no directory; -ENAMETOOLONG; -E2BIG too many; -ELOOP
 */
int layer_build_add(struct layer_build *b, const struct build_entry *e, uint32_t *node,
		    struct err *err);

/* layer_build_extent - data of a file: in order, not overlapping. */
int layer_build_extent(struct layer_build *b, uint32_t node, const struct layer_extent *x,
		       struct err *err);

/* layer_build_xattr - the first value of a name counts. Names of the overlay's own form are dropped. */
int layer_build_xattr(struct layer_build *b, uint32_t node, const char *name, const void *value,
		      size_t len, struct err *err);

/*
 * layer_build_finish - the index file's bytes.
 * h       codec, flags, sizes and digests filled in by the caller, the rest here
 * spans   and their windows
 */
int layer_build_finish(struct layer_build *b, struct layer_header *h, const struct spans *spans,
		       struct buf *out, struct err *err);

#endif
