/*
 * References: the store's index.json, which names every image. An image
 * without a name is kept there too, without a ref.name, until it is removed.
 */
#ifndef STORE_REFS_H
#define STORE_REFS_H

#include <stddef.h>

#include "store/digest.h"
#include "store/manifest.h"

struct err;
struct json_t;
struct store;
struct txn;

struct ref {
	char *name; /* "docker.io/library/ubuntu:20.04"; NULL: the image has no name */
	struct descriptor
		desc;	  /* of its manifest, or of an image index that another tool put here */
	struct digest id; /* config digest: the image ID; unset where the manifest cannot be read */
	struct json_t *json; /* the entry as it was read, so that what others noted in it stays */
};

struct refs {
	struct ref *v;
	size_t n;
};

#define _cleanup_refs_ __attribute__((cleanup(refs_fini)))

/* refs_read - what index.json lists, in its order. Needs no lock: the file changes by rename. */
int refs_read(struct store *s, struct refs *out, struct err *err);
void refs_fini(struct refs *r);

/* refs_find - by full name; NULL where there is none. */
struct ref *refs_find(const struct refs *r, const char *name);

/*
 * refs_set - in memory: name (NULL: no name) now means this manifest. An image
 * that loses its last name by it stays, without one; a nameless entry of
 * an image that gets a name goes. 0 or -ENOMEM.
 * refs_drop - in memory: remove the entry at position i.
 */
int refs_set(struct refs *r, const char *name, const struct descriptor *manifest,
	     const struct digest *id);
void refs_drop(struct refs *r, size_t i);

/*
 * refs_stage - make this the index.json of the transaction: it is replaced when that is published,
 * last. The caller holds the exclusive lock from refs_read() to txn_publish().
 */
int refs_stage(struct txn *t, const struct refs *r, struct err *err);

#endif
