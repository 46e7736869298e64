/*
 * The history of an image: the entries of its config, each with its layer.
 * spec    OCI image-spec config.md, "history"
 */
#ifndef STORE_IMAGE_HISTORY_H
#define STORE_IMAGE_HISTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "base/err.h"
#include "store/oci/digest.h"

struct image;
struct refs;
struct store;

struct history_step {
	struct digest id;		  /* of the image at this step; unset: unknown */
	struct timespec created;	  /* valid if dated */
	bool dated;			  /* the entry has a time */
	const char *created_by, *comment; /* borrowed from the image; never NULL */
	uint64_t size;			  /* size of the layer's files; bytes */
};

struct history {
	struct history_step *v; /* newest first */
	size_t n;
};

#define _cleanup_history_ __attribute__((cleanup(history_fini)))

/*
 * history_read - read the history of an image, which must outlive out. The newest step has the
 * image's ID, older steps the IDs of the parents that the store knows. From the newest on, each
 * entry that is not marked empty corresponds to a layer. Excess layers become steps without text,
 * at the end; excess entries have size 0.
 */
int history_read(struct store *s, const struct image *i, const struct refs *refs,
		 struct history *out, struct err *err) MUST_CHECK;
void history_fini(struct history *h);

#endif
