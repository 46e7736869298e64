/*
 * What the images tree consists of at run time: images at namespace entries, their trees, and
 * layers that the kernel knows files of. Each is freed when the kernel has forgotten all of it.
 */
#ifndef FS_IMAGES_IMAGE_NODE_H
#define FS_IMAGES_IMAGE_NODE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <time.h>

#include "base/buf.h"
#include "base/err.h"
#include "fs/core/objects.h"
#include "fs/images/namespace.h"
#include "store/oci/digest.h"
#include "store/oci/manifest.h"

struct fs;
struct layer;
struct session;
struct shared_tree;
struct tree_node;

struct images {
	struct fs *fs;
	struct session *session;
	pthread_mutex_t lock; /* of all that follows, with the exceptions named there */
	struct objects objects;
	struct namespace ns;
	struct layer_node **layers; /* by layer_id() */
	uint32_t n_layers;
	bool has_acl; /* one of them has an access list */
	/* Held instead of lock while an image is read. */
	pthread_mutex_t making;
	/* Of the index.json that ns was made from. Used by the main thread only. */
	struct stat seen;
	pthread_key_t buffer; /* each thread's own, for contents */
};

/* The image at a namespace entry. Immutable, except for tree_nodes. */
struct image_node {
	struct object obj;
	struct ns_entry *ns_entry; /* a reference */
	struct descriptor desc;	   /* the entry's, when this was made */
	struct timespec created;
	struct buf manifest, config;
	struct digest *layers; /* the lowest first */
	size_t n_layers;
	struct tree_node **tree_nodes; /* borrowed; [0] rootfs, [1 + i] layer i */
};

/* A tree that is shown as rootfs or as layers/NN. Immutable. */
struct tree_node {
	struct object obj;
	struct image_node *image_node; /* a reference */
	size_t tree_index;	       /* in image_node->tree_nodes */
	struct shared_tree *shared;
};

/* A layer that the kernel knows files of. Immutable. */
struct layer_node {
	struct object obj;
	struct layer *layer;
};

/*
 * images_unlock - and free what has lost its last reference; what may take long is done without the
 * lock.
 */
void images_unlock(struct images *im);

/* images_drop_all - free every object, referenced or not: the session is over. */
void images_drop_all(struct images *im);

/*
 * Both return an object with one reference more, called without the lock.
 * errors  -EIO the store's fault, already in the log; -ENOMEM
 *
 * image_node_get  the image at a namespace entry; -ENOENT it has none any more
 * tree_node_get   its rootfs (tree_index 0) or layer tree_index - 1
 */
int image_node_get(struct images *im, struct ns_entry *entry, struct image_node **out) MUST_CHECK;
int tree_node_get(struct images *im, struct image_node *img, size_t tree_index,
		  struct tree_node **out) MUST_CHECK;

/* layer_node_get - with one reference more; called with the lock held. NULL: no memory. */
struct layer_node *layer_node_get(struct images *im, struct layer *l);

#endif
