/* Disk usage of a store, and what prune would free. */
#ifndef STORE_UPKEEP_DF_H
#define STORE_UPKEEP_DF_H

#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "base/err.h"
#include "store/oci/digest.h"

struct store;

/* Files of one kind. */
struct df_kind {
	uint64_t n,
		active; /* number; of these, in use by a container or by an image that has one */
	uint64_t size, reclaimable; /* bytes (st_size); of these, what `prune -a` would free */
};

/*
 * A name of an image, or an image without one. As in docker, sizes are those of files in layers.
 */
struct df_image {
	char *name; /* full reference or NULL */
	struct digest id;
	struct timespec created;
	uint64_t size, shared; /* shared: in layers of other images, too */
	unsigned containers;
};

struct df_container {
	char *name, *image; /* image: full reference or NULL */
	struct digest image_id;
	struct timespec created;
	uint64_t size; /* of the changes */
};

struct df {
	struct df_kind images;	   /* blobs reachable from images */
	struct df_kind containers; /* upper directories */
	struct df_kind shared;	   /* layers of several images; also counted in images */
	struct df_kind indexes, cache;
	/* unreachable files, partial blobs, and files of killed processes */
	struct df_kind leftovers;
	uint64_t dead;		   /* bytes of the latter */
	uint64_t prune, prune_all; /* bytes that `prune` and `prune -a` would report */
	struct df_image *v_images; /* n_images, in the order of index.json */
	struct df_container *v_containers;
	size_t n_images, n_containers;
};

#define _cleanup_df_ __attribute__((cleanup(df_fini)))

/* df_read - compute the usage. The store's lock is held shared; free with df_fini(). */
int df_read(struct store *s, struct df *out, struct err *err) MUST_CHECK;
void df_fini(struct df *d);

#endif
