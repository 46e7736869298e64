/*
 * Which blobs of a store are in use: what index.json and the containers' base
 * images lead to, through image indexes and manifests, by whatever in them
 * looks like a descriptor. Only what is known to be in no such place is garbage.
 */
#ifndef STORE_UPKEEP_REACHABLE_H
#define STORE_UPKEEP_REACHABLE_H

#include <stdbool.h>

#include "store/oci/digest.h"

struct err;
struct descriptor;
struct map;
struct reachable;
struct refs;
struct store;

/*
 * reachable_new - all that refs and the store's containers lead to. The caller holds the store's
 * lock where nothing may change until it has acted. Freed with reachable_free().
 */
int reachable_new(struct store *s, const struct refs *refs, struct reachable **out,
		  struct err *err);

/*
 * reachable_new_of - what one descriptor leads to, itself included, as far as the store has it.
 * Neither index.json nor the containers count.
 */
int reachable_new_of(struct store *s, const struct descriptor *d, struct reachable **out,
		     struct err *err);

bool reachable_has(const struct reachable *r, const struct digest *blob);

/*
 * reachable_from - the first image or container found that leads to a blob: "image NAME" or "container NAME";
 * NULL: none does. Borrowed.
 */
const char *reachable_from(const struct reachable *r, const struct digest *blob);

/*
 * reachable_uncertain - why more may be in use than is known here: a manifest or a container that cannot
 * be read. NULL where all is known. Escaped; borrowed.
 */
const char *reachable_uncertain(const struct reachable *r);

/* reachable_blobs - digest -> something; borrowed. */
const struct map *reachable_blobs(const struct reachable *r);

void reachable_free(struct reachable *r);

#endif
