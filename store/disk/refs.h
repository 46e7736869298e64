/*
 * References: the store's index.json, which names all images. An image without a name has an
 * entry without ref.name until it is removed.
 *
 * Properties of an image (parent, tagged) are the same in all its entries. Properties of a
 * manifest (compressed) are the same in all entries of that manifest.
 */
#ifndef STORE_DISK_REFS_H
#define STORE_DISK_REFS_H

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#include "base/err.h"
#include "base/map.h"
#include "store/oci/digest.h"
#include "store/oci/manifest.h"

struct json_t;
struct store;
struct txn;

struct ref {
	char *name; /* "docker.io/library/ubuntu:20.04", or "...ubuntu@sha256:..."; NULL: no name */
	/* of the manifest, or of an image index written by another tool */
	struct descriptor desc;
	/* image ID: the config's digest, for an index of this host's image; unset: unknown */
	struct digest id;
	struct digest parent;	/* image ID of the parent image; unset: none */
	struct timespec tagged; /* when the image was last tagged; 0: never */
	/*
	 * the registry's digest for this name; unset: never pulled or pushed. Within a
	 * repository, only one image has it
	 */
	struct digest repo_digest;
	/*
	 * the pushed manifest of the same image, with its uncompressed layers compressed; unset:
	 * none
	 */
	struct digest compressed;
	struct json_t *json; /* the entry as read: unknown members are kept */
};

struct refs {
	struct ref *v;
	size_t n;
	/* index.json without its entries: unknown members are kept */
	struct json_t *json;
	/* parent image IDs, with the number of their children's entries */
	struct map parents;
};

#define _cleanup_refs_ __attribute__((cleanup(refs_fini)))

/*
 * refs_read - read index.json, in its order. No lock is needed: the file is replaced by
 * rename(2).
 */
int refs_read(struct store *s, struct refs *out, struct err *err) MUST_CHECK;
void refs_fini(struct refs *r);

/*
 * refs_resolve - follow image indexes to the manifest for this host or, if there is none, to the
 * first available one.
 * t       its blobs count as available; may be NULL
 * d       replaced; a manifest's descriptor stays
 * errors  -ENOENT a blob is missing; -ENOTSUP no manifest
 */
int refs_resolve(struct store *s, struct txn *t, struct descriptor *d, struct err *err) MUST_CHECK;

/* refs_find - find an entry by its full name; NULL: not found. Borrowed. */
struct ref *refs_find(const struct refs *r, const char *name);

/* refs_same_repo - true if two full names differ at most in tag or digest. */
bool refs_same_repo(const char *a, const char *b);

/* ref_has_tag - true if the name has a tag. As in docker, an image without a tag is dangling. */
bool ref_has_tag(const struct ref *r);

/* refs_has_tag - true if any name of the image has a tag. */
bool refs_has_tag(const struct refs *r, const struct digest *id);

/*
 * refs_find_digest - find the entry for repository@digest: one whose repo_digest it is, else one
 * of this repository whose manifest it is; NULL: not found.
 * repo    any full name in the repository
 */
struct ref *refs_find_digest(const struct refs *r, const char *repo, const struct digest *digest);

/* refs_parent - the image ID of an image's parent, borrowed; NULL: none. */
const struct digest *refs_parent(const struct refs *r, const struct digest *id);

/*
 * refs_has_children - true if the image is another image's parent. If it has no name, it is an
 * intermediate image: listed with -a only, and not dangling.
 */
bool refs_has_children(const struct refs *r, const struct digest *id);

/*
 * These change the struct only, until refs_stage().
 *
 * refs_set         let name (NULL: no name) refer to this manifest. An image that loses its last
 *                  name keeps an entry without a name, or with repo@digest if it has a
 *                  repo_digest. The nameless entry of an image that gets a name is removed. The
 *                  new entry inherits the properties of the image and, in the same repository,
 *                  the repo_digest. A name with a digest gets no entry if an entry with a tag can
 *                  have that digest
 * refs_untag       remove the name of entry i, and the entry if another one keeps the image.
 *                  True: the entry was removed, and later ones moved up
 * refs_drop        remove entry i
 * refs_set_parent  of an image. A parent is only set once, and must be an existing image that
 *                  does not descend from this one
 * refs_set_tagged  of an image
 * refs_set_digest  set the repo_digest of a name; other images in the repository lose it
 * refs_set_compressed  of a manifest; NULL: none. False: no such entry
 * return  0 or -ENOMEM
 */
int refs_set(struct refs *r, const char *name, const struct descriptor *manifest,
	     const struct digest *id) MUST_CHECK;
bool refs_untag(struct refs *r, size_t i);
void refs_drop(struct refs *r, size_t i);
int refs_set_parent(struct refs *r, const struct digest *id,
		    const struct digest *parent) MUST_CHECK;
void refs_set_tagged(struct refs *r, const struct digest *id, struct timespec when);
void refs_set_digest(struct refs *r, const char *name, const struct digest *digest);
bool refs_set_compressed(struct refs *r, const struct digest *manifest,
			 const struct digest *compressed);

/*
 * refs_stage - let the transaction replace index.json, as its last step. The caller holds the
 * exclusive lock from refs_read() to txn_publish().
 */
int refs_stage(struct txn *t, const struct refs *r, struct err *err) MUST_CHECK;

/* refs_text - append the new text of index.json; 0 or -ENOMEM. */
int refs_text(const struct refs *r, struct buf *out) MUST_CHECK;

#endif
