/*
 * Save: images leave the store as one archive or as a layout directory, with
 * the manifests and layers that came in, byte for byte. What is saved is the
 * same for the same images, whenever and wherever it is done.
 *
 *     save.c         which images, which blobs
 *     save_json.c    index.json and manifest.json
 *     save_tar.c, save_dir.c    the two shapes of output
 *     save_file.c    a file that appears whole or not at all
 *
 * spec    OCI image-spec image-layout.md; Docker image specification v1.2
 */
#ifndef STORE_TRANSFER_SAVE_H
#define STORE_TRANSFER_SAVE_H

#include <stdbool.h>
#include <stddef.h>

struct err;
struct store;

enum save_format {
	SAVE_DOCKER_ARCHIVE, /* a tar that is an OCI layout and has docker's manifest.json beside it */
	SAVE_OCI_ARCHIVE,    /* a tar that is an OCI layout */
	SAVE_OCI_DIR	     /* a directory that is an OCI layout */
};

/* save_format_parse - "docker-archive", "oci-archive", "oci-dir"; 0 or -EINVAL. */
int save_format_parse(const char *s, enum save_format *out);

/*
 * save - write images out. Every blob's digest is checked on its way.
 * names   references or image IDs; a repository without a tag means all its tags
 * output  a file, replaced when all is written; a directory that is missing or
 *         empty for SAVE_OCI_DIR; NULL: standard output
 * quiet   no progress bar
 * errors  -ENOENT no such image; -EBADMSG a blob of the store is damaged
 */
int save(struct store *s, char *const *names, size_t n, enum save_format format, const char *output,
	 bool quiet, struct err *err);

#endif
