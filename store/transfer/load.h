/*
 * Load: add the images of an archive or of an OCI layout directory to the store.
 *
 *     access to members    load_archive.c (one pass over a tar stream), load_dir.c
 *     formats              load_oci.c, load_docker.c, load_v1.c
 *
 * spec    OCI image-spec image-layout.md; Docker image specification v1, v1.1, v1.2
 */
#ifndef STORE_TRANSFER_LOAD_H
#define STORE_TRANSFER_LOAD_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "store/oci/digest.h"
#include "store/oci/manifest.h"

struct store;

/* A loaded image and one of its names. */
struct load_image {
	char *name;		 /* full reference; NULL: loaded without a name */
	struct descriptor desc;	 /* of the manifest */
	struct digest id;	 /* image ID */
	struct digest parent;	 /* parent according to the archive; unset: none */
	struct digest displaced; /* image that had the name before; unset: none, or the same */
	char *platform;		 /* "linux/arm64/v8"; NULL: runs on this host, or unknown */
};

/* An image that was not loaded: "app:1: why". */
struct load_left {
	char *text;
	bool no_image; /* not an image, but allowed next to images; else damaged */
};

struct load_result {
	struct load_image *v; /* in the archive's order */
	size_t n;
	struct load_left *left;
	size_t n_left;
};

struct load_options {
	const char *platform; /* required platform; NULL: this host's if available */
	bool quiet;	      /* no progress bar */
};

#define _cleanup_load_result_ __attribute__((cleanup(load_result_fini)))

/*
 * load - read an archive or layout directory and publish its images at once. An unusable image is
 * skipped and reported in the result; it is an error only if there is no usable one.
 * fd      a file or a pipe, read to its end, or a directory; borrowed
 * what    name for messages
 * out     the caller frees with load_result_fini()
 * errors  -EINVAL not an image archive, or a damaged one; -EBADMSG a digest does not match;
 *         -ENOENT a blob is neither in the archive nor in the store; -ENOTSUP no image for the
 *         platform
 */
int load(struct store *s, int fd, const char *what, const struct load_options *o,
	 struct load_result *out, struct err *err) MUST_CHECK;
void load_result_fini(struct load_result *r);

#endif
