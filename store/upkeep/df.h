/*
 * What a store takes on the disk, and what prune would free of it.
 */
#ifndef STORE_UPKEEP_DF_H
#define STORE_UPKEEP_DF_H

#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "store/oci/digest.h"

struct err;
struct store;

/* Files of one kind. */
struct df_kind {
	uint64_t n, active; /* how many; of those, used by a container or an image that has one */
	uint64_t size, reclaimable; /* bytes (st_size); of those, what `prune -a` would free */
};

/* One name of an image, or an image without. Sizes as docker has them: of files in layers. */
struct df_image {
	char *name; /* full reference or NULL */
	struct digest id;
	struct timespec created;
	uint64_t size, shared; /* in layers that another image has, too */
	unsigned containers;
};

struct df_container {
	char *name, *image; /* image: full reference or NULL */
	struct digest image_id;
	struct timespec created;
	uint64_t size; /* of what changed */
};

struct df {
	struct df_kind images;	   /* blobs that images lead to */
	struct df_kind containers; /* upper directories */
	struct df_kind shared;	   /* layers that several images have; counted in images */
	struct df_kind indexes, cache;
	/* what nothing leads to, partial blobs, and what killed processes left */
	struct df_kind leftovers;
	uint64_t dead;		   /* bytes of the latter */
	uint64_t prune, prune_all; /* bytes that `prune` and `prune -a` would report */
	struct df_image *v_images; /* n_images, in the order of index.json */
	struct df_container *v_containers;
	size_t n_images, n_containers;
};

#define _cleanup_df_ __attribute__((cleanup(df_fini)))

/* df_read - with the store's lock held shared; the caller frees with df_fini(). */
int df_read(struct store *s, struct df *out, struct err *err);
void df_fini(struct df *d);

#endif
