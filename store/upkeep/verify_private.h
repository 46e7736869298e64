/*
 * What the two halves of verify share: blobs, and what refers to them.
 */
#ifndef STORE_UPKEEP_VERIFY_PRIVATE_H
#define STORE_UPKEEP_VERIFY_PRIVATE_H

#include "base/map.h"
#include "store/oci/digest.h"
#include "store/upkeep/verify.h"

struct progress;

struct verify {
	struct store *store;
	const struct verify_options *o;
	struct verify_result *result;
	struct map wanted; /* digests to check; used where images were named */
	struct map layers; /* digests that an image or a container has as a layer */
	struct map bad;	   /* blobs that are not what they are called */
	struct map stale;  /* blobs whose index is damaged still */
	struct progress *progress;
};

/* verify_say - one line; broken: count it. */
void verify_say(struct verify *v, bool broken, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* verify_not_checked - a thing of which nothing is known, and why. */
void verify_not_checked(struct verify *v, const char *what, const char *why);

/*
 * verify_bad_still - a blob that was found bad is hashed again: somebody may have put a whole one in
 * its place. 1, 0, -errno.
 */
int verify_bad_still(struct verify *v, const struct digest *d, struct err *err);

/* verify_blobs - all that are there, or those in wanted; indexes and seekable copies with them. */
int verify_blobs(struct verify *v, struct err *err);

/* verify_leftovers - files that belong to nothing. */
int verify_leftovers(struct verify *v, struct err *err);

/* verify_collect - what images and containers name goes into layers, and into wanted where images were named. */
int verify_collect(struct verify *v, struct err *err);

/* verify_images, verify_containers - what is listed can be opened to its last entry. */
int verify_images(struct verify *v, struct err *err);
int verify_containers(struct verify *v, struct err *err);

#endif
