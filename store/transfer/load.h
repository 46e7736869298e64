/*
 * Load: an image archive or an OCI layout directory comes into the store.
 *
 *     what is in it     load_archive.c (one pass over a tar stream), load_dir.c
 *     what it means     load_oci.c, load_docker.c, load_v1.c
 *
 * spec    OCI image-spec image-layout.md; Docker image specification v1, v1.1, v1.2
 */
#ifndef STORE_TRANSFER_LOAD_H
#define STORE_TRANSFER_LOAD_H

#include <stdbool.h>
#include <stddef.h>

#include "store/oci/digest.h"
#include "store/oci/manifest.h"

struct err;
struct store;

/* One line of the result: a name and what it means now. */
struct load_image {
	char *name;		 /* full reference; NULL: loaded without a name */
	struct descriptor desc;	 /* of its manifest */
	struct digest id;	 /* image ID */
	struct digest parent;	 /* that the archive says it was committed on; unset: none */
	struct digest displaced; /* the image that had the name before; unset: none, or this one */
	char *platform;		 /* "linux/arm64/v8"; NULL: this host runs it, or it does not say */
};

/* One of several that was not loaded: "app:1: why". */
struct load_left {
	char *text;
	bool no_image; /* it is something else, that may stand beside images; else it is damaged or not whole */
};

struct load_result {
	struct load_image *v; /* in the archive's order */
	size_t n;
	struct load_left *left;
	size_t n_left;
};

struct load_options {
	const char *platform; /* this one or nothing; NULL: this host's, else what there is */
	bool quiet;	      /* no progress bar */
};

#define _cleanup_load_result_ __attribute__((cleanup(load_result_fini)))

/*
 * load - read the archive or layout directory fd and publish the images in it, all at once. One
 * that cannot be used is left out, and the result says why; if that is true of all, it is an error.
 * fd      a file or a pipe, read to its end, or a directory; borrowed
 * what    what to call it in messages
 * out     the caller frees with load_result_fini()
 * errors  -EINVAL it is no image archive, or a damaged one; -EBADMSG a digest does not fit;
 *         -ENOENT it names a blob that neither it nor the store has; -ENOTSUP no image for the platform
 */
int load(struct store *s, int fd, const char *what, const struct load_options *o,
	 struct load_result *out, struct err *err);
void load_result_fini(struct load_result *r);

#endif
