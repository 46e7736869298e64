/*
 * References: the store's index.json, which names every image. An image
 * without a name is kept there too, without a ref.name, until it is removed.
 *
 * What belongs to an image and not to one of its names (parent, tagged) is
 * the same in all its entries, and stays while the image has one. What belongs
 * to a manifest (compressed) is the same in all entries of that.
 */
#ifndef STORE_DISK_REFS_H
#define STORE_DISK_REFS_H

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#include "base/map.h"
#include "store/oci/digest.h"
#include "store/oci/manifest.h"

struct err;
struct json_t;
struct store;
struct txn;

struct ref {
	char *name; /* "docker.io/library/ubuntu:20.04", or "docker.io/library/ubuntu@sha256:...",
		       by which it was pulled; NULL: the image has no name */
	/* of its manifest, or of an image index that another tool put here */
	struct descriptor desc;
	/* config digest: the image ID, of an index this host's; unset where there is none */
	struct digest id;
	struct digest parent;	/* image ID of the image that it was committed on; unset: none */
	struct timespec tagged; /* when the image last got a name; 0: it never did */
	/*
	 * what the registry knows this name by; unset: never pulled or pushed. In a repository
	 * one image's: its entries have it, no other image's
	 */
	struct digest repo_digest;
	/*
	 * a manifest of the same image with its plain layers compressed, as it was pushed;
	 * unset: none
	 */
	struct digest compressed;
	struct json_t *json; /* the entry as it was read, so that what others noted in it stays */
};

struct refs {
	struct ref *v;
	size_t n;
	/* index.json without its entries: others may have noted something in it */
	struct json_t *json;
	/* image IDs that entries have as their parent, with the number of those entries */
	struct map parents;
};

#define _cleanup_refs_ __attribute__((cleanup(refs_fini)))

/* refs_read - what index.json lists, in its order. Needs no lock: the file changes by rename. */
int refs_read(struct store *s, struct refs *out, struct err *err);
void refs_fini(struct refs *r);

/*
 * refs_resolve - from an entry down through image indexes to the manifest for this host, or to the
 * first that is there.
 * t       a transaction whose blobs count as there; may be NULL
 * d       is replaced; one of a manifest stays
 * errors  -ENOENT a blob is missing; -ENOTSUP there is none
 */
int refs_resolve(struct store *s, struct txn *t, struct descriptor *d, struct err *err);

/* refs_find - by full name; NULL where there is none. */
struct ref *refs_find(const struct refs *r, const char *name);

/* refs_same_repo - two full names that differ in the tag or digest at most. */
bool refs_same_repo(const char *a, const char *b);

/* ref_has_tag - its name has one. What has a name with a digest at most is dangling, as docker has it. */
bool ref_has_tag(const struct ref *r);

/* refs_has_tag - some name of the image has one. */
bool refs_has_tag(const struct refs *r, const struct digest *id);

/*
 * refs_find_digest - the entry that repository@digest means: one that the registry knows by this
 * digest, else one of this repository whose manifest it is; NULL where there is none.
 * repo    any full name in the repository
 */
struct ref *refs_find_digest(const struct refs *r, const char *repo, const struct digest *digest);

/* refs_parent - the image ID that an image was committed on, borrowed; NULL: none. */
const struct digest *refs_parent(const struct refs *r, const struct digest *id);

/*
 * refs_has_children - some image has this one as its parent. Without a name
 * such an image is an intermediate one: neither listed without -a nor dangling.
 */
bool refs_has_children(const struct refs *r, const struct digest *id);

/*
 * All in memory, until refs_stage().
 *
 * refs_set         name (NULL: no name) now means this manifest. An image that loses its last name by
 *                  it stays, without one or with the digest that the registry knows it by; a nameless
 *                  entry of an image that gets a name goes. What is known of the image, and of the
 *                  repository if it has it already, holds for the new name. A name with a digest needs
 *                  no entry where one with a tag can have that digest.
 * refs_untag       the name of the entry at position i goes; the entry with it where another one
 *                  keeps the image. True where the entry went: the ones behind it moved up.
 * refs_drop        the entry at position i goes
 * refs_set_parent  of an image; one that has a parent keeps it, and only an image that is there, and does not
 *                  descend from this one, is made one
 * refs_set_tagged  of an image
 * refs_set_digest  of a name; another image that had it in this repository has it no more
 * refs_set_compressed  of a manifest; NULL: none any more. False: no entry has it
 * return  0 or -ENOMEM
 */
int refs_set(struct refs *r, const char *name, const struct descriptor *manifest,
	     const struct digest *id);
bool refs_untag(struct refs *r, size_t i);
void refs_drop(struct refs *r, size_t i);
int refs_set_parent(struct refs *r, const struct digest *id, const struct digest *parent);
void refs_set_tagged(struct refs *r, const struct digest *id, struct timespec when);
void refs_set_digest(struct refs *r, const char *name, const struct digest *digest);
bool refs_set_compressed(struct refs *r, const struct digest *manifest,
			 const struct digest *compressed);

/*
 * refs_stage - make this the index.json of the transaction: it is replaced when that is published,
 * last. The caller holds the exclusive lock from refs_read() to txn_publish().
 */
int refs_stage(struct txn *t, const struct refs *r, struct err *err);

/* refs_text - what index.json says then, appended; 0 or -ENOMEM. */
int refs_text(const struct refs *r, struct buf *out);

#endif
