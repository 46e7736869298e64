/*
 * What the two halves of pull share: the image, and its layers.
 */
#ifndef REGISTRY_PULL_PRIVATE_H
#define REGISTRY_PULL_PRIVATE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "registry/pull.h"
#include "store/oci/digest.h"
#include "store/oci/manifest.h"

struct client;
struct http;
struct progress;
struct txn;

/* One image on its way. */
struct pull_image {
	struct store *store;
	const struct pull_options *options;
	struct http *http;	   /* cancelled when a layer fails */
	struct client *client;	   /* that gave the manifest */
	struct txn *txn;	   /* keeps what is there until the image is published */
	struct progress *progress; /* a line for each layer; may be NULL */
	struct descriptor desc;	   /* of the manifest */
	struct manifest manifest;
	struct digest *diff_ids; /* of its layers, as the config has them */
	struct digest id;
	bool known;	  /* the store lists this image already */
	unsigned fetched; /* layers that were not there */
};

/* pull_layers - all layers are in the store then, and kept by the transaction. */
int pull_layers(struct pull_image *image, struct err *err) MUST_CHECK;

#endif
