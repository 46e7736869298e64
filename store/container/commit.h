/* Commit: the changes of a container become a layer of a new image. */
#ifndef STORE_CONTAINER_COMMIT_H
#define STORE_CONTAINER_COMMIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "store/oci/codec.h"
#include "store/oci/digest.h"

struct container;
struct patterns;
struct store;

struct commit_options {
	const char *name; /* full reference or NULL */
	const char *author, *message;
	const char *const *changes; /* Dockerfile instructions */
	size_t n_changes;
	enum codec codec;  /* CODEC_NONE, CODEC_GZIP, CODEC_ZSTD */
	int64_t timestamp; /* for created and history, seconds; -1: now */
	bool quiet;	   /* no progress bar */
	/* The changes to commit; NULL: all (store/container/layer_write.h). */
	const struct patterns *include, *exclude;
};

/*
 * commit - write the layer, the config and the manifest, and publish the image. The caller holds
 * the container's shared lock (container_lock_shared()).
 * id      receives the image ID
 */
int commit(struct store *s, struct container *c, const struct commit_options *o, struct digest *id,
	   struct err *err) MUST_CHECK;

#endif
