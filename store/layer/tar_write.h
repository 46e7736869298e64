/*
 * Writing a tar that is the same for the same tree, on every machine: ustar
 * headers, pax records only where a value does not fit, no user names, no
 * times but mtime.
 * spec    POSIX.1-2017 pax, "ustar Interchange Format", "pax Extended Header"; SCHILY.xattr of star,
 *         and LIBARCHIVE.xattr of bsdtar where the name has a '=';
 *         sparse files: GNU tar manual, "PAX Format, Version 1.0"
 */
#ifndef STORE_LAYER_TAR_WRITE_H
#define STORE_LAYER_TAR_WRITE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/sink.h"

struct err;

/* Bytes of a sparse file that are there. */
struct tar_piece {
	uint64_t offset, length;
};

struct tar_entry {
	const char *path;   /* relative; a directory's without the '/' at its end */
	const char *target; /* of a symbolic or hard link */
	bool hardlink;	    /* another name of target; st counts for owner, mode and mtime only */
	struct stat st;	    /* type, mode, owner, size, mtime, rdev */
	struct buf xattrs;  /* pax records, made by tar_xattr() in the order of the names */
	/*
	 * Of a sparse file, sorted: the data that follows is these pieces, one behind the other, and
	 * tar_pad() takes tar_pieces_size(). NULL: the file is whole.
	 */
	const struct tar_piece *pieces;
	size_t n_pieces;
};

/* tar_xattr - append the record of an extended attribute; 0 or -ENOMEM. */
int tar_xattr(struct buf *out, const char *name, const void *value, size_t len);

/* tar_header - everything of an entry but its data, which the caller writes to the same sink. */
int tar_header(const struct sink *s, const struct tar_entry *e, struct err *err);

uint64_t tar_pieces_size(const struct tar_entry *e);

/* tar_pad - behind size bytes of data, up to the next block. */
int tar_pad(const struct sink *s, uint64_t size, struct err *err);

/* tar_end - the two zero blocks. */
int tar_end(const struct sink *s, struct err *err);

#endif
