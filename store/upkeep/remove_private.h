/*
 * A removal: the steps of docker's report, and the layers in them.
 */
#ifndef STORE_UPKEEP_REMOVE_PRIVATE_H
#define STORE_UPKEEP_REMOVE_PRIVATE_H

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#include "base/err.h"
#include "base/map.h"
#include "store/disk/refs.h"
#include "store/image/chains.h"
#include "store/oci/digest.h"
#include "store/upkeep/gc.h"
#include "store/upkeep/remove.h"

/* A layer of a deleted image. */
struct gone_layer {
	struct digest blob, chain;
};

/* One step: a name was removed, or an image. */
struct step {
	enum removal_kind kind;
	char *text;
	unsigned arg;
	/* of a deleted image, top first; layers that other images have are dropped */
	struct gone_layer *layers;
	size_t n_layers;
	struct chain chain; /* of the same layers; its diff IDs belong to the step */
};

/* A container and its image. */
struct user {
	char *name;
	struct digest image, manifest;
	struct timespec created;
};

struct removal {
	struct store *store;
	bool locked, changed;
	struct refs refs;
	struct user *users; /* newest first */
	size_t n_users;
	struct step *steps;
	size_t n_steps, cap_steps;
	unsigned args;
	struct map candidates; /* blobs of the removed images: digest -> this */
	struct gc_result collected;
};

/*
 * removal_drop_kept_layers - keep only deleted layers in the report, each with the last image that
 * had it. -ENOMEM.
 */
int removal_drop_kept_layers(struct removal *r) MUST_CHECK;

#endif
