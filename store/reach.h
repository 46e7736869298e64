/*
 * Which blobs of a store are in use: what index.json and the containers' base
 * images lead to, through image indexes and manifests, by whatever in them
 * looks like a descriptor. Only what is known to be in no such place is garbage.
 */
#ifndef STORE_REACH_H
#define STORE_REACH_H

#include <stdbool.h>

#include "store/digest.h"

struct err;
struct descriptor;
struct map;
struct reach;
struct refs;
struct store;

/*
 * reach_new - all that refs and the store's containers lead to. The caller holds the store's
 * lock where nothing may change until it has acted. Freed with reach_free().
 */
int reach_new(struct store *s, const struct refs *refs, struct reach **out, struct err *err);

/*
 * reach_new_of - what one descriptor leads to, itself included, as far as the store has it.
 * Neither index.json nor the containers count.
 */
int reach_new_of(struct store *s, const struct descriptor *d, struct reach **out, struct err *err);

bool reach_has(const struct reach *r, const struct digest *blob);

/*
 * reach_doubt - why more may be in use than is known here: a manifest or a container that cannot
 * be read. NULL where all is known. Escaped; borrowed.
 */
const char *reach_doubt(const struct reach *r);

/* reach_blobs - digest -> something; borrowed. */
const struct map *reach_blobs(const struct reach *r);

void reach_free(struct reach *r);

#endif
