/*
 * Save: write images to an archive or a layout directory, with their manifests and layers
 * unchanged. The output is reproducible: the same images give the same bytes.
 *
 *     save.c         images and blobs to save
 *     save_json.c    index.json and manifest.json
 *     save_tar.c, save_dir.c    the two kinds of output
 *     save_file.c    a file that appears only when it is complete
 *
 * spec    OCI image-spec image-layout.md; Docker image specification v1.2
 */
#ifndef STORE_TRANSFER_SAVE_H
#define STORE_TRANSFER_SAVE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

struct store;

enum save_format {
	SAVE_DOCKER_ARCHIVE, /* a tar with an OCI layout and docker's manifest.json */
	SAVE_OCI_ARCHIVE,    /* a tar with an OCI layout */
	SAVE_OCI_DIR	     /* a directory with an OCI layout */
};

/* save_format_parse - "docker-archive", "oci-archive", "oci-dir"; 0 or -EINVAL. */
int save_format_parse(const char *s, enum save_format *out) MUST_CHECK;

/*
 * save - write images. The digest of each blob is verified.
 * names   references or image IDs; a repository without a tag stands for all its tags
 * output  a file, replaced when the output is complete; for SAVE_OCI_DIR a missing or empty
 *         directory; NULL: standard output
 * quiet   no progress bar
 * errors  -ENOENT no such image; -EBADMSG a blob of the store is damaged
 */
int save(struct store *s, char *const *names, size_t n, enum save_format format, const char *output,
	 bool quiet, struct err *err) MUST_CHECK;

#endif
