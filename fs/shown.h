/*
 * What the images tree is made of at run time: images shown at places, trees
 * shown as views, layers that the kernel knows files of. They live as long as
 * the kernel remembers something of them.
 */
#ifndef FS_SHOWN_H
#define FS_SHOWN_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <time.h>

#include "base/buf.h"
#include "fs/namespace.h"
#include "fs/objects.h"
#include "store/digest.h"
#include "store/manifest.h"

struct fs;
struct layer;
struct session;
struct shared_tree;
struct view;

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
struct shown {
	struct object obj;
	struct place *place;	/* a reference */
	struct descriptor desc; /* as the place had it */
	struct timespec created;
	struct buf manifest, config;
	struct digest *layers; /* the lowest first */
	size_t n_layers;
	struct view **views; /* borrowed; [0] rootfs, [1 + i] layer i */
};

/* A tree that is shown as rootfs or as one of layers/NN. Immutable. */
struct view {
	struct object obj;
	struct shown *shown; /* a reference */
	size_t slot;	     /* in shown->views */
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
 * shown_get  the image at a place; -ENOENT there is none any more
 * view_get   its rootfs (slot 0) or layer slot - 1
 */
int shown_get(struct images *im, struct place *p, struct shown **out);
int view_get(struct images *im, struct shown *s, size_t slot, struct view **out);

/* layer_node_get - with one reference more; called with the lock held. NULL: no memory. */
struct layer_node *layer_node_get(struct images *im, struct layer *l);

#endif
