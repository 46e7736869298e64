/*
 * Import: a tar of a root file system becomes an image of one layer. What was
 * configuration, if the tar came from an image, was lost when it was made.
 */
#ifndef STORE_TRANSFER_IMPORT_H
#define STORE_TRANSFER_IMPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "store/oci/digest.h"

struct err;
struct store;

struct import_options {
	const char *name;	    /* full reference or NULL */
	const char *message;	    /* NULL or "": "Imported from -", as docker has it */
	const char *platform;	    /* OS[/ARCH[/VARIANT]] or ARCH; NULL: this host's */
	const char *const *changes; /* Dockerfile instructions */
	size_t n_changes;
	int64_t timestamp; /* of created and history, s; -1: now */
	bool quiet;	   /* no progress bar */
};

/*
 * import - read the tar at fd to its end and publish the image.
 * fd      a file or a pipe; plain, or compressed with gzip, zstd (kept as it is), bzip2 or xz
 *         (for which no media type exists: stored plain)
 * what    what to call it in messages
 * id      receives the image ID
 * errors  -EINVAL no tar, a damaged one, a wrong instruction or platform
 * Whiteouts in it hide nothing, since nothing is below, and are not shown: as docker has it.
 */
int import(struct store *s, int fd, const char *what, const struct import_options *o,
	   struct digest *id, struct err *err);

#endif
