/*
 * An image: its manifest and config, and how it is found.
 * spec    OCI image-spec config.md
 */
#ifndef STORE_IMAGE_IMAGE_H
#define STORE_IMAGE_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "base/err.h"
#include "store/disk/refs.h"
#include "store/oci/manifest.h"

struct buf;
struct store;
struct txn;
struct json_t;

struct image {
	char *name;		/* full reference by which it was found; NULL: by ID */
	char *typed;		/* set by image_get(): the name as typed */
	struct descriptor desc; /* of the manifest */
	struct digest id;	/* image ID: the config's digest */
	struct manifest manifest;
	struct digest *diff_ids; /* manifest.n_layers diff IDs */
	struct json_t *config;	 /* the config, parsed and checked */
	struct timespec created; /* 0: not in the config */
};

void image_free(struct image *i);
static inline void cleanup_image(struct image **i)
{
	image_free(*i);
}
#define _cleanup_image_ __attribute__((cleanup(cleanup_image)))

/*
 * image_open - read the image of a manifest.
 * t       its blobs are searched, too; may be NULL
 * errors  -ENOENT a blob is missing; -EINVAL, -EBADMSG not an image
 */
int image_open(struct store *s, struct txn *t, const struct descriptor *manifest,
	       struct image **out, struct err *err) MUST_CHECK;

/*
 * image_keep - txn_keep() for the manifest, the config and the layers of an image.
 * errors  -ENOENT one is neither in the transaction nor in the store
 */
int image_keep(struct txn *t, const struct image *i, struct err *err) MUST_CHECK;

/*
 * image_get - find the image for a reference or a prefix of an image ID.
 * errors  -ENOENT "No such image: NAME"; -EINVAL ambiguous prefix
 */
int image_get(struct store *s, const char *name, struct image **out, struct err *err) MUST_CHECK;

/* image_is_listed - read index.json again; true if it still has this manifest. */
bool image_is_listed(struct store *s, const struct ref *ref);

/*
 * image_find - like image_get(), in refs that have been read; *pos is the position of the entry.
 */
int image_find(struct store *s, const struct refs *refs, const char *name, size_t *pos,
	       struct err *err) MUST_CHECK;

/* image_label - the value of a label, borrowed; NULL: no such label. */
const char *image_label(const struct image *i, const char *key);

/*
 * image_labels - call one() for each label; key and value are borrowed. A -errno from one() ends
 * the iteration and is returned.
 */
int image_labels(const struct image *i, int (*one)(void *ctx, const char *key, const char *value),
		 void *ctx) MUST_CHECK;

/*
 * image_command - entrypoint and command, separated by spaces. Caller frees; NULL: out of memory.
 */
char *image_command(const struct image *i);

/* image_is_dated - true if the config has a creation time. */
bool image_is_dated(const struct image *i);

/*
 * image_size - the total size of the files and symbolic links in its layers, from their indexes;
 * bytes.
 */
int image_size(struct store *s, const struct image *i, uint64_t *out, struct err *err) MUST_CHECK;

/*
 * image_check - check that all of an image can be read: blobs, indexes, hard links. The
 * transaction keeps its parts that are in the store.
 */
int image_check(struct txn *t, const struct descriptor *manifest, struct err *err) MUST_CHECK;

/*
 * image_publish - the last step of load, commit, import and pull: publish the transaction and set
 * the names. All or nothing. A name may be NULL: the image is kept without a name.
 */
struct image_name {
	const char *name; /* full reference, with a tag or a digest; or NULL */
	struct descriptor desc;
	struct digest id;
	struct digest parent;	   /* parent image ID; unset: none or unchanged */
	struct digest repo_digest; /* the registry's digest for the name; unset: unchanged */
	bool checked;		   /* image_check() succeeded in this transaction */
};
int image_publish(struct txn *t, const struct image_name *names, size_t n,
		  struct err *err) MUST_CHECK;

/* image_tag - let name, a full reference, refer to the image source (as in image_find()). */
int image_tag(struct store *s, const char *source, const char *name, struct err *err) MUST_CHECK;

#endif
