/*
 * Shared by the files of pull: the image and its layers.
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

/* An image that is being pulled. */
struct pull_image {
	struct store *store;
	const struct pull_options *options;
	struct http *http;	   /* cancelled when a layer fails */
	struct client *client;	   /* of the endpoint that served the manifest */
	struct txn *txn;	   /* keeps what was downloaded until the image is published */
	struct progress *progress; /* a line for each layer; may be NULL */
	struct descriptor desc;	   /* of the manifest */
	struct manifest manifest;
	struct digest *diff_ids; /* of the layers, from the config */
	struct digest id;
	bool known;	  /* the image was in the store before */
	unsigned fetched; /* number of layers that were downloaded */
};

/* pull_layers - add all layers to the store, kept by the transaction. */
int pull_layers(struct pull_image *image, struct err *err) MUST_CHECK;

#endif
