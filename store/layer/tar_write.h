/*
 * Writing reproducible tars: the same tree gives the same bytes on every machine. ustar headers,
 * pax records only for values that do not fit, no user names, no times except mtime.
 * spec    POSIX.1-2017 pax, "ustar Interchange Format", "pax Extended Header"; SCHILY.xattr of
 *         star, and LIBARCHIVE.xattr of bsdtar if the name contains '='; sparse files: GNU tar
 *         manual, "PAX Format, Version 1.0"
 */
#ifndef STORE_LAYER_TAR_WRITE_H
#define STORE_LAYER_TAR_WRITE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/sink.h"

/* A data range of a sparse file. */
struct tar_piece {
	uint64_t offset, length;
};

struct tar_entry {
	const char *path;   /* relative; without a trailing '/' */
	const char *target; /* of a symbolic or hard link */
	bool hardlink;	    /* a hard link to target; of st only owner, mode and mtime are used */
	struct stat st;	    /* type, mode, owner, size, mtime, rdev */
	struct buf xattrs;  /* pax records from tar_xattr(), in the order of the names */
	/*
	 * For a sparse file: its data ranges, sorted. Only these are written, consecutively, and
	 * tar_pad() takes tar_pieces_size(). NULL: not sparse.
	 */
	const struct tar_piece *pieces;
	size_t n_pieces;
};

/* tar_xattr - append the record of an extended attribute; 0 or -ENOMEM. */
int tar_xattr(struct buf *out, const char *name, const void *value, size_t len) MUST_CHECK;

/* tar_header - write an entry without its data, which the caller writes to the same sink. */
int tar_header(const struct sink *s, const struct tar_entry *e, struct err *err) MUST_CHECK;

uint64_t tar_pieces_size(const struct tar_entry *e);

/* tar_pad - pad size bytes of data to a full block. */
int tar_pad(const struct sink *s, uint64_t size, struct err *err) MUST_CHECK;

/* tar_end - write the two final zero blocks. */
int tar_end(const struct sink *s, struct err *err) MUST_CHECK;

#endif
