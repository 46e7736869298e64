/*
 * What the parts of load share: where the members of an archive come from,
 * and where the images that were found in it go.
 */
#ifndef STORE_TRANSFER_LOAD_PRIVATE_H
#define STORE_TRANSFER_LOAD_PRIVATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/map.h"
#include "store/disk/refs.h"
#include "store/layer/ingest.h"
#include "store/oci/digest.h"
#include "store/oci/manifest.h"

struct buf;
struct err;
struct json_t;
struct load_options;
struct load_result;
struct progress;
struct store;
struct txn;

#define LOAD_IMAGES_MAX 4096

/* What people take for an image archive, and what to do with it. */
#define LOAD_NO_TREE "the tar of a root file system is for imagefs import"

/*
 * A source of members, named by their paths below its root: no leading '/',
 * no "." and no ".." in them.
 */
struct load_source;

struct load_source_ops {
	const char *no_image; /* what is said where it holds no images */
	bool (*has)(struct load_source *src, const char *path);

	/*
	 * A JSON member, appended to out.
	 * errors  -ENOENT, -EFBIG over BLOB_JSON_MAX, -EINVAL it is something else
	 */
	int (*text)(struct load_source *src, const char *path, struct buf *out, struct err *err);

	/*
	 * A layer, that is in the transaction or in the store then.
	 * like    the digest that it must have; NULL: not known
	 * errors  -ENOENT, -EBADMSG, or what ingest says
	 */
	int (*layer)(struct load_source *src, const char *path, const struct digest *like,
		     struct ingest_result *out, struct err *err);

	/* The members one after the other; *pos starts at 0. NULL at the end, or where they cannot be listed. */
	const char *(*next)(struct load_source *src, size_t *pos);

	void (*free)(struct load_source *src);
};

struct load_source {
	const struct load_source_ops *ops;
};

/* load_archive_open - read the whole of a tar stream into a source. */
int load_archive_open(struct txn *t, int fd, struct progress *p, struct load_source **out,
		      struct err *err);

struct load;

/* load_dir_open - a directory as a source. fd is borrowed. */
int load_dir_open(struct load *l, int fd, struct progress *p, struct load_source **out,
		  struct err *err);

/* One load, from begin to publish. */
struct load {
	struct txn *txn;
	const struct load_options *options;
	struct load_source *src;
	struct load_result *result;
	struct refs before;  /* what the store had */
	struct json_t *list; /* load_docker_tags(): manifest.json, once it was read */
	size_t json_bytes;   /* load_v1(): what was parsed so far */
	struct map known;    /* load_known_diff_id(): diff ID -> struct digest of a layer */
	bool known_read;
};

/*
 * The three meanings of an archive. Each adds the images that it finds, and notes with load_leave()
 * which it cannot use.
 * load_oci also takes names from a docker manifest.json that lies beside the layout.
 */
int load_oci(struct load *l, struct err *err);
int load_docker(struct load *l, struct err *err);
int load_v1(struct load *l, struct err *err);

/*
 * load_docker_tags - the RepoTags that manifest.json gives to the image of this config.
 * fn is called with each; it returns 0 to go on.
 */
int load_docker_tags(struct load *l, const struct digest *config,
		     int (*fn)(void *arg, const char *tag, struct err *err), void *arg,
		     struct err *err);

/* load_parents - which of the images that were found was committed on which, as manifest.json has it. */
int load_parents(struct load *l, struct err *err);

/* load_docker_list - manifest.json as l->list, checked. */
int load_docker_list(struct load *l, struct err *err);

/* load_layer - the layer at path, whole and valid. where names it in messages. */
int load_layer(struct load *l, const char *path, const struct digest *like, const char *where,
	       struct ingest_result *out, struct err *err);

/*
 * load_layer_plain - load_layer() for a docker-archive: bzip2 and xz, for which OCI has no
 * media type, become plain tar.
 */
int load_layer_plain(struct load *l, const char *path, const char *where, struct ingest_result *out,
		     struct err *err);

/* load_check_diff_id - the layer is the one that the config names. */
int load_check_diff_id(const struct ingest_result *layer, const struct digest *want,
		       const char *where, struct err *err);

/* load_layer_descriptor - what a manifest of ours says of a layer. 0 or -ENOMEM. */
int load_layer_descriptor(const struct ingest_result *layer, struct descriptor *out);

/*
 * load_put - a small blob into the transaction.
 * like    the digest that it must have, or NULL
 * errors  -EBADMSG
 */
int load_put(struct load *l, const void *data, size_t len, const struct digest *like,
	     struct digest *out, struct err *err);

/*
 * load_put_image - config and layers of a docker-archive become an OCI image.
 * layers      n_layers descriptors; borrowed
 * manifest    descriptor of its manifest, a new one or the one that the store has; caller frees
 * id          the image ID
 */
int load_put_image(struct load *l, const struct buf *config, const struct descriptor *layers,
		   size_t n_layers, struct descriptor *manifest, struct digest *id,
		   struct err *err);

/*
 * load_add - an image was found, and is whole: that is checked here. name: full reference, or NULL. An
 * image that is there already, by this name or, without a name, by any, is not added again.
 * errors  -ENOTSUP it is not for the platform that was asked for; what image_check() says
 */
int load_add(struct load *l, const char *name, const struct descriptor *manifest,
	     const struct digest *id, struct err *err);

/*
 * load_leave - an image, or what was taken for one, cannot be used, and the others are loaded.
 * name      what to call it; NULL: err says it
 * no_image  it is none
 * r, err    why; of a -errno that is no image's fault (memory, disk) nothing is noted, and it is returned
 */
int load_leave(struct load *l, const char *name, bool no_image, int r, struct err *err);

/*
 * Layers that the store has already, and that an archive may go without. They are the transaction's then.
 * load_known_blob     by the digest of the blob
 * load_known_diff_id  one of the store's images has it
 * errors  -ENOENT, or what reading the layer's index says
 */
int load_known_blob(struct load *l, const struct digest *blob, struct ingest_result *out,
		    struct err *err);
int load_known_diff_id(struct load *l, const struct digest *diff_id, struct ingest_result *out,
		       struct err *err);

/*
 * load_path - a path as an archive's JSON or a link gives it, made one of a source.
 * base    the directory that it is relative to; "" for the root
 * up      ".." is followed inside the root instead of being refused
 * out     heap string
 * errors  -EINVAL it leaves the root, or is empty
 */
int load_path(const char *base, const char *path, bool up, char **out);

#endif
