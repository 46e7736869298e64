/*
 * A container in use: its base tree, its upper directory, who may change it now.
 *
 * Order of locks: copying, ns, the table of nodes, alias. The gate is entered
 * before all of them and left after.
 */
#ifndef FS_LIVE_LIVE_H
#define FS_LIVE_LIVE_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/map.h"
#include "fs/live/links.h"
#include "store/container/upper.h"

struct container;
struct err;
struct fs;
struct node;
struct nodes;
struct freeze;
struct shared_tree;
struct tree;

struct live {
	const struct fs *fs;
	struct nodes *nodes;
	const char *name; /* the last of names; may be read at any time, as none is freed before */
	char **names;	  /* that it has had */
	unsigned n_names;
	dev_t dev; /* of its directory, by which it is known under another name */
	ino_t ino;
	struct timespec born; /* when it was made; 0: its file system does not say */
	uint32_t id;	      /* in inode numbers */
	struct container *box;
	struct shared_tree *base; /* from the first use on */
	struct tree *tree;	  /* of base */
	struct links links;
	struct upper upper;
	bool ordered;	   /* sync_is_ordered() of upper */
	struct node *root; /* NULL while the kernel does not know it */
	unsigned refs;

	/* names, attributes, what is upper: held for reading or changing them */
	pthread_rwlock_t ns;
	pthread_mutex_t copying; /* one copy-up at a time */

	/* The gate: who works in it, and whether new ones may. */
	pthread_mutex_t gate;
	pthread_cond_t gate_moved;
	unsigned inside, changing, frozen;
	bool closed;
	int lock_fd; /* the container's lock; -1 until it is first used */
	bool swept;  /* work/, after that */

	pthread_mutex_t alias_lock;
	struct map alias;  /* inode number on disk -> struct live_alias */
	struct map taken;  /* inode numbers above NODE_UPPER that an alias has */
	uint64_t next_big; /* for inode numbers that are too large for their place */

	unsigned open_files; /* atomic */
	/* under the lock of struct passthrough: no open may begin to be passed through */
	unsigned still;
	struct freeze *freeze; /* fs/containers/freeze.c's */
};

/*
 * live_open - a container of the store, with one reference. Nothing is locked yet.
 * errors  -ENOENT
 */
int live_open(const struct fs *fs, struct nodes *nodes, const char *name, uint32_t id,
	      struct live **out, struct err *err);
void live_ref(struct live *live);

/* live_rename - it is called so from now on. 0 or -ENOMEM; one thread at a time. */
int live_rename(struct live *live, const char *name);

void live_unref(struct live *live);

/*
 * live_enter - begin an operation; change: one that may write. The first one
 * takes the container's lock and sweeps what a dead daemon left in work/.
 * Waits while the container is frozen.
 * errors  -EBUSY another daemon has the container; -ESTALE it was closed; -EROFS
 */
int live_enter(struct live *live, bool change);
void live_leave(struct live *live, bool change);

/* live_freeze - wait for the changes under way and hold new ones, until as many live_thaw(). */
void live_freeze(struct live *live);
void live_thaw(struct live *live);

/* live_is_locked - this daemon has it, and no other. */
bool live_is_locked(struct live *live);
bool live_is_frozen(struct live *live);

/* live_give_up - of a frozen one: it is not thawed any more, who waits for that gets ESTALE. */
void live_give_up(struct live *live);

/* live_close - for good: wait for what is under way, close every descriptor, give the lock back. */
void live_close(struct live *live);

/* live_gone - true where its directory is no longer that of its name in the store. */
bool live_gone(const struct live *live);

/*
 * live_ino - st_ino of a file that is upper_ino on disk.
 * live_alias_put - what was copied up keeps the number that it had. 0 or -ENOMEM.
 */
uint64_t live_ino_lower(const struct live *live, uint32_t tree_node);
uint64_t live_ino_upper(struct live *live, uint64_t upper_ino);
int live_alias_put(struct live *live, uint64_t upper_ino, uint64_t ino);
void live_alias_drop(struct live *live, uint64_t upper_ino);

/*
 * live_owner - who owns what this caller makes: the one who mounted without
 * being root acts as the image's root.
 */
void live_owner(uid_t *uid, gid_t *gid);

#endif
