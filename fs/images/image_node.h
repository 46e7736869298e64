/*
 * What the images tree is made of at run time: images shown at places, trees
 * shown as views, layers that the kernel knows files of. They live as long as
 * the kernel remembers something of them.
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
	pthread_mutex_t lock; /* all below, but for what is marked */
	struct objects objects;
	struct namespace ns;
	struct layer_node **layers; /* by layer_id() */
	uint32_t n_layers;
	bool has_acl; /* one of them has an access list */
	/* Held while an image is read for a place; lock is not. */
	pthread_mutex_t making;
	/* Of the index.json that ns was made from; of the main thread alone. */
	struct stat seen;
	pthread_key_t buffer; /* each thread's own, for contents */
};

/* An image at a place. Immutable, but for views. */
struct image_node {
	struct object obj;
	struct ns_entry *ns_entry; /* a reference */
	struct descriptor desc;	   /* as the place had it */
	struct timespec created;
	struct buf manifest, config;
	struct digest *layers; /* the lowest first */
	size_t n_layers;
	struct tree_node **tree_nodes; /* borrowed; [0] rootfs, [1 + i] layer i */
};

/* A tree that is shown as rootfs or as one of layers/NN. Immutable. */
struct tree_node {
	struct object obj;
	struct image_node *image_node; /* a reference */
	size_t tree_index;	       /* in shown->views */
	struct shared_tree *shared;
};

/* A layer that the kernel knows files of. Immutable. */
struct layer_node {
	struct object obj;
	struct layer *layer;
};

/* images_unlock - free what lost its last reference meanwhile, without the lock where that may take
 * long. */
void images_unlock(struct images *im);

/* images_drop_all - free every object, whoever refers to it: the kernel is gone. */
void images_drop_all(struct images *im);

/*
 * Both return an object with one reference more, called without the lock.
 * errors  -EIO the store's fault, already in the log; -ENOMEM
 *
 * image_node_get  the image at a place; -ENOENT there is none any more
 * tree_node_get   its rootfs (slot 0) or layer slot - 1
 */
int image_node_get(struct images *im, struct ns_entry *p, struct image_node **out);
int tree_node_get(struct images *im, struct image_node *s, size_t tree_index,
		  struct tree_node **out);

/* layer_node_get - with one reference more; called with the lock held. NULL: no memory. */
struct layer_node *layer_node_get(struct images *im, struct layer *l);

#endif
