/*
 * Import: a tar of a root file system becomes an image with one layer. A tar has no
 * configuration.
 */
#ifndef STORE_TRANSFER_IMPORT_H
#define STORE_TRANSFER_IMPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "store/oci/digest.h"

struct store;

struct import_options {
	const char *name;	    /* full reference or NULL */
	const char *message;	    /* NULL or "": docker's "Imported from -" */
	const char *platform;	    /* OS[/ARCH[/VARIANT]] or ARCH; NULL: this host's */
	const char *const *changes; /* Dockerfile instructions */
	size_t n_changes;
	int64_t timestamp; /* for created and history, seconds; -1: now */
	bool quiet;	   /* no progress bar */
};

/*
 * import - read the tar at fd to its end and publish the image. As in docker, whiteouts hide
 * nothing, because there is no lower layer, and are not shown.
 * fd      a file or a pipe; uncompressed, gzip or zstd (stored unchanged), bzip2 or xz (stored
 *         uncompressed, because they have no media type)
 * what    name for messages
 * id      receives the image ID
 * errors  -EINVAL not a tar, a damaged one, an invalid instruction or platform
 */
int import(struct store *s, int fd, const char *what, const struct import_options *o,
	   struct digest *id, struct err *err) MUST_CHECK;

#endif
