/*
 * Which blobs of a store are reachable from index.json and from the containers' base images,
 * through image indexes and manifests, by anything that looks like a descriptor. Only blobs that
 * are certainly unreachable are garbage.
 */
#ifndef STORE_UPKEEP_REACHABLE_H
#define STORE_UPKEEP_REACHABLE_H

#include <stdbool.h>

#include "base/err.h"
#include "store/oci/digest.h"

struct descriptor;
struct map;
struct reachable;
struct refs;
struct store;

/*
 * reachable_new - find the blobs reachable from refs and the store's containers. The caller holds
 * the store's lock while it relies on the result. Free with reachable_free().
 */
int reachable_new(struct store *s, const struct refs *refs, struct reachable **out,
		  struct err *err) MUST_CHECK;

/*
 * reachable_new_of - find the blobs reachable from one descriptor, itself included, as far as
 * they are in the store. index.json and containers are ignored.
 */
int reachable_new_of(struct store *s, const struct descriptor *d, struct reachable **out,
		     struct err *err) MUST_CHECK;

bool reachable_has(const struct reachable *r, const struct digest *blob);

/*
 * reachable_from - an image or container from which a blob is reachable: "image NAME" or
 * "container NAME"; NULL: none. Borrowed.
 */
const char *reachable_from(const struct reachable *r, const struct digest *blob);

/*
 * reachable_uncertain - why more blobs may be reachable: a manifest or a container that cannot be
 * read. NULL: the result is complete. Escaped; borrowed.
 */
const char *reachable_uncertain(const struct reachable *r);

/* reachable_blobs - digest -> non-NULL; borrowed. */
const struct map *reachable_blobs(const struct reachable *r);

void reachable_free(struct reachable *r);

#endif
