/*
 * An image: its manifest, its config, and how a user finds it.
 * spec    OCI image-spec config.md
 */
#ifndef STORE_IMAGE_IMAGE_H
#define STORE_IMAGE_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "store/disk/refs.h"
#include "store/oci/manifest.h"

struct buf;
struct err;
struct store;
struct txn;
struct json_t;

struct image {
	char *name;		/* full reference it was found by; NULL when by ID */
	char *typed;		/* by image_get(): the name as the user gave it */
	struct descriptor desc; /* of the manifest */
	struct digest id;	/* image ID: the config's digest */
	struct manifest manifest;
	struct digest *diff_ids; /* manifest.n_layers of them */
	struct json_t *config;	 /* the config, parsed and checked */
	struct timespec created; /* 0 where the config does not say */
};

void image_free(struct image *i);
static inline void cleanup_image(struct image **i)
{
	image_free(*i);
}
#define _cleanup_image_ __attribute__((cleanup(cleanup_image)))

/*
 * image_open - read the image of a manifest's descriptor.
 * t       a transaction whose blobs count as there; may be NULL
 * errors  -ENOENT a blob is missing; -EINVAL, -EBADMSG it is not an image
 */
int image_open(struct store *s, struct txn *t, const struct descriptor *manifest,
	       struct image **out, struct err *err);

/*
 * image_keep - txn_keep() for all that an image needs: its manifest, config and layers.
 * errors  -ENOENT neither the transaction nor the store has one of them
 */
int image_keep(struct txn *t, const struct image *i, struct err *err);

/*
 * image_get - what a user means by name: a reference, or a prefix of an image ID.
 * errors  -ENOENT "No such image: NAME"; -EINVAL ambiguous prefix
 */
int image_get(struct store *s, const char *name, struct image **out, struct err *err);

/* image_is_listed - its manifest is in index.json still, now that it is read again. */
bool image_is_listed(struct store *s, const struct ref *ref);

/* image_find - the same on refs that were read already; *pos is its position there. */
int image_find(struct store *s, const struct refs *refs, const char *name, size_t *pos,
	       struct err *err);

/* image_label - the value of a label of its config, borrowed; NULL: it has none of that name. */
const char *image_label(const struct image *i, const char *key);

/* image_labels - each with its value, both borrowed, until one() returns a -errno, which is returned then. */
int image_labels(const struct image *i, int (*one)(void *ctx, const char *key, const char *value),
		 void *ctx);

/* image_command - its entrypoint and command, with spaces between. Caller frees; NULL: no memory. */
char *image_command(const struct image *i);

/* image_is_dated - its config says when it was made. */
bool image_is_dated(const struct image *i);

/* image_size - the sum of its layers' files and symbolic links, from their indexes; bytes. */
int image_size(struct store *s, const struct image *i, uint64_t *out, struct err *err);

/*
 * image_check - an image of a transaction, or of its store, can be opened to its last entry: blobs,
 * indexes, hard links. What the store has of it is kept by the transaction.
 */
int image_check(struct txn *t, const struct descriptor *manifest, struct err *err);

/*
 * image_publish - the tail of load, commit, import and pull: publish the
 * transaction and let each name mean its image.
 * names[k] may be NULL: kept without a name. All or nothing.
 */
struct image_name {
	const char *name; /* full reference, with a tag or a digest; or NULL */
	struct descriptor desc;
	struct digest id;
	struct digest parent; /* image ID that it was committed on; unset: none, or what is known */
	struct digest repo_digest; /* what a registry knows the name by; unset: nothing new */
	bool checked;		   /* image_check() was content with it, in this transaction */
};
int image_publish(struct txn *t, const struct image_name *names, size_t n, struct err *err);

/* image_tag - name, a full reference, means the image source (as image_find() has it) from now on. */
int image_tag(struct store *s, const char *source, const char *name, struct err *err);

#endif
