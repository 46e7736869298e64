/*
 * A live container: one that the mount uses. Its base tree, its upper directory, its locks.
 *
 * Order of locks: copying, ns, the table of nodes, that of inode numbers. The gate is entered
 * before all of them and left after.
 */
#ifndef FS_LIVE_LIVE_H
#define FS_LIVE_LIVE_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "fs/live/gate.h"
#include "fs/live/ino_map.h"
#include "fs/live/links.h"
#include "store/container/upper.h"

struct container;
struct freeze;
struct fs;
struct node;
struct nodes;
struct passthrough;
struct shared_tree;
struct tree;

/* What all live containers share; borrowed. */
struct live_shared {
	const struct fs *fs;
	struct nodes *nodes;
	struct passthrough *passthrough;
	/*
	 * Called by the first operation while all others wait: live_prepare(), and what else the
	 * first use needs. 0 or -errno.
	 */
	int (*first_use)(void *live);
};

struct live {
	const struct fs *fs;
	struct nodes *nodes;
	struct passthrough *passthrough;
	struct gate gate;
	const char *name; /* the last of names; may be read at any time, as none is freed before */
	char **names;	  /* all that it has had */
	unsigned n_names;
	dev_t dev; /* of its directory, by which it is known under another name */
	ino_t ino;
	struct timespec born; /* its birth time; 0: the file system does not tell */
	struct container *box;
	int lock_fd;		  /* the container's lock; -1 before the first use; atomic */
	struct shared_tree *base; /* from the first use on */
	struct tree *tree;	  /* of base */
	struct links links;	  /* of tree */
	struct upper upper;
	struct ino_map inos;
	bool ordered;	   /* sync_is_ordered() of upper */
	struct node *root; /* NULL while the kernel does not know it */
	unsigned refs;

	/* of names, attributes, and what is upper */
	pthread_rwlock_t ns;
	pthread_mutex_t copying; /* one copy-up at a time */

	unsigned open_files; /* atomic */
	/*
	 * Both of fs/containers/freeze.c. still: under the lock of passthrough; not 0: no open may
	 * begin to be passed through.
	 */
	unsigned still;
	struct freeze *freeze;
};

/*
 * live_open - a container of the store, with one reference. Nothing is locked yet.
 * id      its number in inode numbers
 * errors  -ENOENT
 */
int live_open(const struct live_shared *shared, const char *name, uint32_t id, struct live **out,
	      struct err *err) MUST_CHECK;
void live_ref(struct live *live);
void live_unref(struct live *live);

/* live_rename - it has this name from now on. 0 or -ENOMEM; one thread at a time. */
int live_rename(struct live *live, const char *name) MUST_CHECK;

/*
 * live_prepare - the start of the first use: take the container's lock, open its base tree. Listing
 * containers needs neither. May be called again after a failure.
 * errors  -EBUSY another daemon has the container; -EIO its image cannot be read
 */
int live_prepare(struct live *live) MUST_CHECK;

/* live_is_locked - this daemon has the container's lock. */
bool live_is_locked(const struct live *live);

/* live_close - close the gate, then every descriptor, and give the lock back. */
void live_close(struct live *live);

/* live_gone - true where its directory is no longer that of its name in the store. */
bool live_gone(const struct live *live);

/* live_ino_lower - the inode number of a node of the base tree. */
uint64_t live_ino_lower(const struct live *live, uint32_t tree_node);

#endif
