/*
 * How an image came about: the entries of its config's history, each with the
 * layer that it made.
 * spec    OCI image-spec config.md, "history"
 */
#ifndef STORE_IMAGE_HISTORY_H
#define STORE_IMAGE_HISTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "store/oci/digest.h"

struct err;
struct image;
struct refs;
struct store;

struct history_step {
	struct digest id;		  /* of the image that ended here; unset: not known */
	struct timespec created;	  /* where dated */
	bool dated;			  /* the entry says when */
	const char *created_by, *comment; /* borrowed from the image; never NULL */
	uint64_t size;			  /* of the files in its layer; bytes */
};

struct history {
	struct history_step *v; /* the newest first */
	size_t n;
};

#define _cleanup_history_ __attribute__((cleanup(history_fini)))

/*
 * history_read - of an image, which must outlive it. The newest step has the image's ID, those below the
 * IDs of the parents that the store knows. The newest entry that is not marked empty made the top layer,
 * and so on; layers that are left are steps without words, at the end, entries that are left have size 0.
 */
int history_read(struct store *s, const struct image *i, const struct refs *refs,
		 struct history *out, struct err *err);
void history_fini(struct history *h);

#endif
