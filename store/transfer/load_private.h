/* Shared by the parts of load: the source of members, and the images found. */
#ifndef STORE_TRANSFER_LOAD_PRIVATE_H
#define STORE_TRANSFER_LOAD_PRIVATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/map.h"
#include "store/disk/refs.h"
#include "store/layer/ingest.h"
#include "store/oci/digest.h"
#include "store/oci/manifest.h"

struct buf;
struct json_t;
struct load_options;
struct load_result;
struct progress;
struct store;
struct txn;

#define LOAD_IMAGES_MAX 4096

/* The hint for a frequent mistake. */
#define LOAD_NO_TREE "the tar of a root file system is for imagefs import"

/* A source of members. Paths are relative to its root, without "." and "..". */
struct load_source;

struct load_source_ops {
	const char *no_image; /* message if it contains no images */
	bool (*has)(struct load_source *src, const char *path);

	/*
	 * Append a JSON member to out.
	 * errors  -ENOENT; -EFBIG over BLOB_JSON_MAX; -EINVAL not JSON
	 */
	int (*text)(struct load_source *src, const char *path, struct buf *out, struct err *err);

	/*
	 * Add a layer to the transaction, unless the store has it.
	 * like    the expected digest; NULL: unknown
	 * errors  -ENOENT, -EBADMSG, or those of ingest
	 */
	int (*layer)(struct load_source *src, const char *path, const struct digest *like,
		     struct ingest_result *out, struct err *err);

	/*
	 * Iterate over the members; *pos starts at 0. NULL: the end, or listing is not supported.
	 */
	const char *(*next)(struct load_source *src, size_t *pos);

	void (*free)(struct load_source *src);
};

struct load_source {
	const struct load_source_ops *ops;
};

/* load_archive_open - read a complete tar stream. */
int load_archive_open(struct txn *t, int fd, struct progress *p, struct load_source **out,
		      struct err *err) MUST_CHECK;

struct load;

/* load_dir_open - read members from a directory. fd is borrowed. */
int load_dir_open(struct load *l, int fd, struct progress *p, struct load_source **out,
		  struct err *err) MUST_CHECK;

/* State of a load. */
struct load {
	struct txn *txn;
	const struct load_options *options;
	struct load_source *src;
	struct load_result *result;
	struct refs before;  /* references before the load */
	struct json_t *list; /* load_docker_tags(): parsed manifest.json */
	size_t json_bytes;   /* load_v1(): bytes parsed so far */
	struct map known;    /* load_known_diff_id(): diff ID -> struct digest of a layer */
	bool known_read;
};

/*
 * The formats. Each adds the images that it finds and records unusable ones with load_leave().
 * load_oci() also takes names from docker's manifest.json next to the layout.
 */
int load_oci(struct load *l, struct err *err) MUST_CHECK;
int load_docker(struct load *l, struct err *err) MUST_CHECK;
int load_v1(struct load *l, struct err *err) MUST_CHECK;

/*
 * load_docker_tags - call fn with each RepoTag of the image with this config in manifest.json; fn
 * returns 0 to continue.
 */
int load_docker_tags(struct load *l, const struct digest *config,
		     int (*fn)(void *arg, const char *tag, struct err *err), void *arg,
		     struct err *err) MUST_CHECK;

/* load_parents - set the parents of the images, according to manifest.json. */
int load_parents(struct load *l, struct err *err) MUST_CHECK;

/* load_docker_list - parse and validate manifest.json into l->list. */
int load_docker_list(struct load *l, struct err *err) MUST_CHECK;

/* load_layer - add the layer at path, complete and valid. where: its name in messages. */
int load_layer(struct load *l, const char *path, const struct digest *like, const char *where,
	       struct ingest_result *out, struct err *err) MUST_CHECK;

/*
 * load_layer_plain - load_layer() for a docker-archive: bzip2 and xz, which have no OCI media
 * type, are stored uncompressed.
 */
int load_layer_plain(struct load *l, const char *path, const char *where, struct ingest_result *out,
		     struct err *err) MUST_CHECK;

/* load_check_diff_id - check that a layer has the diff ID in the config. */
int load_check_diff_id(const struct ingest_result *layer, const struct digest *want,
		       const char *where, struct err *err) MUST_CHECK;

/* load_layer_descriptor - the descriptor of a layer for a generated manifest. 0 or -ENOMEM. */
int load_layer_descriptor(const struct ingest_result *layer, struct descriptor *out) MUST_CHECK;

/*
 * load_put - add a small blob to the transaction.
 * like    the expected digest, or NULL
 * errors  -EBADMSG
 */
int load_put(struct load *l, const void *data, size_t len, const struct digest *like,
	     struct digest *out, struct err *err) MUST_CHECK;

/*
 * load_put_image - convert a docker-archive's config and layers to an OCI image.
 * layers      n_layers descriptors; borrowed
 * manifest    descriptor of the generated manifest, or of an existing one in the store; caller
 *             frees
 * id          the image ID
 */
int load_put_image(struct load *l, const struct buf *config, const struct descriptor *layers,
		   size_t n_layers, struct descriptor *manifest, struct digest *id,
		   struct err *err) MUST_CHECK;

/*
 * load_add - add an image that was found, after checking that it is complete. It is skipped if it
 * was added before: with the same name or, for name NULL, with any.
 * name    full reference, or NULL
 * errors  -ENOTSUP not for the requested platform; those of image_check()
 */
int load_add(struct load *l, const char *name, const struct descriptor *manifest,
	     const struct digest *id, struct err *err) MUST_CHECK;

/*
 * load_leave - record that an image is unusable, and continue with the others.
 * name      for the message; NULL: err contains it
 * no_image  it is not an image
 * r, err    the reason. An error that is not caused by the image (memory, disk) is not recorded
 * but returned
 */
int load_leave(struct load *l, const char *name, bool no_image, int r, struct err *err) MUST_CHECK;

/*
 * Layers that an archive may omit because the store has them. They are kept by the transaction.
 * load_known_blob     by the blob's digest
 * load_known_diff_id  by the diff ID, among the layers of the store's images
 * errors  -ENOENT, or those of reading the layer's index
 */
int load_known_blob(struct load *l, const struct digest *blob, struct ingest_result *out,
		    struct err *err) MUST_CHECK;
int load_known_diff_id(struct load *l, const struct digest *diff_id, struct ingest_result *out,
		       struct err *err) MUST_CHECK;

/*
 * load_path - normalise a path from an archive's JSON or link to a source's path.
 * base    the directory to which it is relative; "" for the root
 * up      resolve ".." inside the root instead of refusing it
 * out     heap string
 * errors  -EINVAL it leaves the root, or is empty
 */
int load_path(const char *base, const char *path, bool up, char **out) MUST_CHECK;

#endif
