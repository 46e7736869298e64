/*
 * Manifests and image indexes, as they are stored and as we write them.
 * spec    OCI image-spec manifest.md, image-index.md, descriptor.md; Docker image manifest v2
 * schema 2
 */
#ifndef STORE_OCI_MANIFEST_H
#define STORE_OCI_MANIFEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "store/oci/digest.h"

struct buf;
struct err;
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
	/* Of an entry of an index only; NULL where not said. */
	char *os, *architecture, *variant;
	char *ref_name;	  /* org.opencontainers.image.ref.name */
	char *image_name; /* io.containerd.image.name */
};

int descriptor_parse(const struct json_t *j, struct descriptor *out, struct err *err);
int descriptor_copy(const struct descriptor *d, struct descriptor *out);
void descriptor_fini(struct descriptor *d);

/* A manifest of one image. */
struct manifest {
	struct descriptor config;
	struct descriptor *layers; /* the lowest first */
	size_t n_layers;
};

/*
 * manifest_parse - data is a manifest's text.
 * errors  -EINVAL; -ENOTSUP schema 1, an artifact without an image config, an index
 */
int manifest_parse(const char *data, size_t len, struct manifest *out, struct err *err);
void manifest_fini(struct manifest *m);

/*
 * manifest_check_layers - its layers can be read. A media type says little: tools write many, and
 * digest, diff ID and the first bytes decide. Only what is encrypted, and what is JSON and thus an
 * artifact's, is told by it.
 * errors  -ENOTSUP an artifact, -ENOKEY an image with an encrypted layer
 */
int manifest_check_layers(const struct manifest *m, struct err *err);

/* manifest_write - an OCI manifest's text, always the same for the same input. 0 or -ENOMEM. */
int manifest_write(const struct manifest *m, struct buf *out);

/* manifest_is_ours - text is what manifest_write() makes of m, so that nothing of anybody's is lost with it. 1, 0 or -ENOMEM. */
int manifest_is_ours(const struct manifest *m, const char *text, size_t len);

/*
 * manifest_write_docker - the same image as a Docker manifest, schema 2, for registries that take no other.
 * errors  -ENOTSUP a layer of a compression that Docker has no media type for; -ENOMEM
 */
int manifest_write_docker(const struct manifest *m, struct buf *out, struct err *err);

/* An index of manifests: index.json of a layout, or an image index blob. */
struct index {
	struct descriptor *entries;
	size_t n;
};

int index_parse(const char *data, size_t len, struct index *out, struct err *err);
void index_fini(struct index *x);

bool manifest_media_is_index(const char *media_type);
bool manifest_media_is_manifest(const char *media_type);

/* manifest_host_platform - OS/ARCH[/VARIANT] of this machine, in the words of Go. */
void manifest_host_platform(char out[static 64]);

/*
 * manifest_platform_fits - what a descriptor names is "linux/arm64/v8", or what a user types for it; a variant
 * counts where both name one. false where it names none.
 */
bool manifest_platform_fits(const struct descriptor *d, const char *platform);

/* manifest_platform_text - OS/ARCH[/VARIANT] of a descriptor; false: it does not name one. */
#define PLATFORM_MAX 128
bool manifest_platform_text(const struct descriptor *d, char out[static PLATFORM_MAX]);

/* manifest_platform_runs - this host runs programs of that platform; true where none is named. */
bool manifest_platform_runs(const struct descriptor *d);

/*
 * index_rank - how well an entry suits a platform, NULL: this host's.
 * returns 0 it is for that one; 1 but for a variant that one of them does not name, or this host runs it, too;
 *         2 it does not say; 3 it is for another one; -1 it is an attestation (unknown/unknown), and no image
 */
#define INDEX_RANKS 4
int index_rank(const struct descriptor *d, const char *platform);

/*
 * index_choose - the entry for a platform, or for the host where platform is
 * NULL ("linux/amd64"); attestation manifests (unknown/unknown) never.
 * returns its position, or -ENOTSUP with a message that lists what there is
 */
int index_choose(const struct index *x, const char *platform, struct err *err);

#endif
