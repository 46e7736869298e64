/* Shared by the verification of blobs (verify.c) and of what references them (verify_refs.c). */
#ifndef STORE_UPKEEP_VERIFY_PRIVATE_H
#define STORE_UPKEEP_VERIFY_PRIVATE_H

#include "base/err.h"
#include "base/map.h"
#include "store/oci/digest.h"
#include "store/upkeep/verify.h"

struct progress;

struct verify {
	struct store *store;
	const struct verify_options *o;
	struct verify_result *result;
	struct map wanted; /* digests to check, if images were named */
	struct map layers; /* digests of layers of images and containers */
	struct map bad;	   /* damaged blobs */
	struct map stale;  /* blobs whose index is still damaged */
	struct progress *progress;
};

/* verify_say - report one line; broken: count it. */
void verify_say(struct verify *v, bool broken, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* verify_not_checked - report that an object could not be checked, and why. */
void verify_not_checked(struct verify *v, const char *what, const char *why);

/*
 * verify_bad_still - hash a damaged blob again, because another process may have replaced it.
 * True if still damaged: 1, 0, -errno.
 */
int verify_bad_still(struct verify *v, const struct digest *d, struct err *err) MUST_CHECK;

/* verify_blobs - verify all blobs, or those in wanted, with their indexes and seekable copies. */
int verify_blobs(struct verify *v, struct err *err) MUST_CHECK;

/* verify_leftovers - report files that belong to nothing. */
int verify_leftovers(struct verify *v, struct err *err) MUST_CHECK;

/*
 * verify_collect - add the digests of images and containers to layers and, if images were named,
 * to wanted.
 */
int verify_collect(struct verify *v, struct err *err) MUST_CHECK;

/*
 * verify_images, verify_containers - check that every image and container can be opened
 * completely.
 */
int verify_images(struct verify *v, struct err *err) MUST_CHECK;
int verify_containers(struct verify *v, struct err *err) MUST_CHECK;

#endif
