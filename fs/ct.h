/*
 * A container in use: its base tree, its upper directory, who may change it now.
 *
 * Order of locks: copying, ns, the table of nodes, alias. The gate is entered
 * before all of them and left after.
 */
#ifndef FS_CT_H
#define FS_CT_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/map.h"
#include "fs/links.h"
#include "store/upper.h"

struct container;
struct err;
struct fs;
struct node;
struct nodes;
struct pause;
struct shared_tree;
struct tree;

struct ct {
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
	bool ordered;	   /* settle_is_ordered() of upper */
	struct node *root; /* NULL while the kernel does not know it */
	unsigned refs;

	pthread_rwlock_t
		ns; /* names, attributes, what is upper: held for reading or changing them */
	pthread_mutex_t copying; /* one copy-up at a time */

	/* The gate: who works in it, and whether new ones may. */
	pthread_mutex_t gate;
	pthread_cond_t gate_moved;
	unsigned inside, changing, frozen;
	bool closed;
	int lock_fd; /* the container's lock; -1 until it is first used */
	bool swept;  /* work/, after that */

	pthread_mutex_t alias_lock;
	struct map alias;  /* inode number on disk -> struct ct_alias */
	struct map taken;  /* inode numbers above NODE_UPPER that an alias has */
	uint64_t next_big; /* for inode numbers that are too large for their place */

	unsigned open_files; /* atomic */
	unsigned
		still; /* under the lock of struct through: no open may begin to be passed through */
	struct pause *pause; /* fs/pause.c's */
};

/*
 * ct_open - a container of the store, with one reference. Nothing is locked yet.
 * errors  -ENOENT
 */
int ct_open(const struct fs *fs, struct nodes *nodes, const char *name, uint32_t id,
	    struct ct **out, struct err *err);
void ct_ref(struct ct *ct);

/* ct_rename - it is called so from now on. 0 or -ENOMEM; one thread at a time. */
int ct_rename(struct ct *ct, const char *name);

void ct_unref(struct ct *ct);

/*
 * ct_enter - begin an operation; change: one that may write. The first one
 * takes the container's lock and sweeps what a dead daemon left in work/.
 * Waits while the container is frozen.
 * errors  -EBUSY another daemon has the container; -ESTALE it was closed; -EROFS
 */
int ct_enter(struct ct *ct, bool change);
void ct_leave(struct ct *ct, bool change);

/* ct_freeze - wait for the changes under way and hold new ones, until as many ct_thaw(). */
void ct_freeze(struct ct *ct);
void ct_thaw(struct ct *ct);

/* ct_is_locked - this daemon has it, and no other. */
bool ct_is_locked(struct ct *ct);
bool ct_is_frozen(struct ct *ct);

/* ct_give_up - of a frozen one: it is not thawed any more, who waits for that gets ESTALE. */
void ct_give_up(struct ct *ct);

/* ct_close - for good: wait for what is under way, close every descriptor, give the lock back. */
void ct_close(struct ct *ct);

/* ct_gone - true where its directory is no longer that of its name in the store. */
bool ct_gone(const struct ct *ct);

/*
 * ct_ino - st_ino of a file that is upper_ino on disk.
 * ct_alias_put - what was copied up keeps the number that it had. 0 or -ENOMEM.
 */
uint64_t ct_ino_lower(const struct ct *ct, uint32_t tree_node);
uint64_t ct_ino_upper(struct ct *ct, uint64_t upper_ino);
int ct_alias_put(struct ct *ct, uint64_t upper_ino, uint64_t ino);
void ct_alias_drop(struct ct *ct, uint64_t upper_ino);

/*
 * ct_owner - who owns what this caller makes: the one who mounted without
 * being root acts as the image's root.
 */
void ct_owner(uid_t *uid, gid_t *gid);

#endif
