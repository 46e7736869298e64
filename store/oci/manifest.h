/*
 * Manifests and image indexes: parsing, writing, and the choice of a platform.
 * spec    OCI image-spec manifest.md, image-index.md, descriptor.md; Docker image manifest v2
 *         schema 2
 */
#ifndef STORE_OCI_MANIFEST_H
#define STORE_OCI_MANIFEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "store/oci/digest.h"

struct buf;
struct json_t;

#define MEDIA_OCI_MANIFEST "application/vnd.oci.image.manifest.v1+json"
#define MEDIA_OCI_INDEX "application/vnd.oci.image.index.v1+json"
#define MEDIA_OCI_CONFIG "application/vnd.oci.image.config.v1+json"
#define MEDIA_OCI_LAYER "application/vnd.oci.image.layer.v1.tar"
#define MEDIA_OCI_LAYER_GZIP MEDIA_OCI_LAYER "+gzip"
#define MEDIA_OCI_LAYER_ZSTD MEDIA_OCI_LAYER "+zstd"
#define MEDIA_DOCKER_MANIFEST "application/vnd.docker.distribution.manifest.v2+json"
#define MEDIA_DOCKER_LIST "application/vnd.docker.distribution.manifest.list.v2+json"
#define MEDIA_DOCKER_CONFIG "application/vnd.docker.container.image.v1+json"
#define MEDIA_DOCKER_LAYER "application/vnd.docker.image.rootfs.diff.tar"
#define MEDIA_DOCKER_LAYER_GZIP "application/vnd.docker.image.rootfs.diff.tar.gzip"

#define MANIFEST_LAYERS_MAX 1024

struct descriptor {
	char *media_type;
	struct digest digest;
	int64_t size; /* bytes, never negative */
	/* For entries of an index only; NULL if missing. */
	char *os, *architecture, *variant;
	char *ref_name;	  /* org.opencontainers.image.ref.name */
	char *image_name; /* io.containerd.image.name */
};

int descriptor_parse(const struct json_t *j, struct descriptor *out, struct err *err) MUST_CHECK;
int descriptor_copy(const struct descriptor *d, struct descriptor *out) MUST_CHECK;
void descriptor_fini(struct descriptor *d);

/* An image manifest. */
struct manifest {
	struct descriptor config;
	struct descriptor *layers; /* lowest first */
	size_t n_layers;
};

/*
 * manifest_parse - parse and validate a manifest.
 * out     the caller calls manifest_fini()
 * errors  -EINVAL; -E2BIG too many layers; -ENOTSUP schema 1, an index, an artifact without an
 *         image config
 */
int manifest_parse(const char *data, size_t len, struct manifest *out, struct err *err) MUST_CHECK;
void manifest_fini(struct manifest *m);

/*
 * manifest_check_layers - check that the layers' media types are supported. Media types are
 * unreliable: digest, diff ID and the first bytes decide. Only encrypted layers, and artifacts
 * whose layers are JSON, are refused by media type.
 * errors  -ENOTSUP an artifact; -ENOKEY an encrypted layer
 */
int manifest_check_layers(const struct manifest *m, struct err *err) MUST_CHECK;

/* manifest_write - append an OCI manifest; the same input gives the same bytes. 0 or -ENOMEM. */
int manifest_write(const struct manifest *m, struct buf *out) MUST_CHECK;

/*
 * manifest_is_ours - true if text is exactly what manifest_write() writes for m, so that it can
 * be regenerated. 1, 0 or -ENOMEM.
 */
int manifest_is_ours(const struct manifest *m, const char *text, size_t len) MUST_CHECK;

/*
 * manifest_write_docker - append the image as a Docker manifest, schema 2, for registries that
 * accept no other type.
 * errors  -ENOTSUP a layer's compression has no Docker media type; -ENOMEM
 */
int manifest_write_docker(const struct manifest *m, struct buf *out, struct err *err) MUST_CHECK;

/* An image index: index.json of a layout, or an index blob. */
struct index {
	struct descriptor *entries;
	size_t n;
};

int index_parse(const char *data, size_t len, struct index *out, struct err *err) MUST_CHECK;
void index_fini(struct index *x);

bool manifest_media_is_index(const char *media_type);
bool manifest_media_is_manifest(const char *media_type);

/*
 * manifest_platform_fits - true if a descriptor's platform is platform ("linux/arm64/v8", in any
 * spelling a user may type). Variants are compared if both have one. False if the descriptor has
 * no platform.
 */
bool manifest_platform_fits(const struct descriptor *d, const char *platform);

/* manifest_platform_text - OS/ARCH[/VARIANT] of a descriptor; false if it has none. */
#define PLATFORM_MAX 128
bool manifest_platform_text(const struct descriptor *d, char out[static PLATFORM_MAX]);

/*
 * manifest_platform_runs - true if this host can run that platform, or if the descriptor has
 * none.
 */
bool manifest_platform_runs(const struct descriptor *d);

/*
 * index_rank - rank an entry of an index for a platform; NULL: this host's.
 * returns 0 same platform; 1 same except for a missing variant, or this host can run it; 2 the
 *         entry has no platform; 3 another platform; -1 an attestation (unknown/unknown), not an
 *         image
 */
#define INDEX_RANKS 4
int index_rank(const struct descriptor *d, const char *platform) MUST_CHECK;

/*
 * index_choose - choose the entry for a platform ("linux/amd64"); NULL: this host's. Attestations
 * (unknown/unknown) are skipped.
 * returns its position; -ENOTSUP with a message that lists the platforms
 */
int index_choose(const struct index *x, const char *platform, struct err *err) MUST_CHECK;

#endif
