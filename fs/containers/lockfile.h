/*
 * Lock files beside the containers: .#NAME.lck, as systemd-nspawn makes one for a directory that it
 * uses.
 *
 * They are empty, exist in memory only, and are not listed. A file that is made again has the same
 * node; the kernel does the locking. The nodes have no container, and stay until the mount ends.
 */
#ifndef FS_CONTAINERS_LOCKFILE_H
#define FS_CONTAINERS_LOCKFILE_H

#include <fuse_lowlevel.h>
#include <pthread.h>
#include <stdbool.h>

#include "base/err.h"
#include "base/map.h"

struct fs;
struct live_table;
struct node;
struct stat;

struct lockfiles {
	pthread_mutex_t lock;
	struct map nodes; /* name -> struct node */
};

void lockfiles_init(struct lockfiles *l);
void lockfiles_fini(struct lockfiles *l);

/* lockfile_is - a node is one, and not the directory of all containers. */
bool lockfile_is(const struct node *n);

/*
 * lockfile_find - the file of that name, with a reference of the kernel's as far as it counts them.
 * make    NULL, or: make the file if it does not exist. The name must be that of a container in
 *         this table
 * errors  -ENOENT there is none; -EPERM no such name is made here
 */
int lockfile_find(struct lockfiles *l, const struct fs *fs, const char *name,
		  struct live_table *make, struct fuse_entry_param *out) MUST_CHECK;

/* lockfile_remove - -ENOENT, -EPERM as above. */
int lockfile_remove(struct lockfiles *l, const char *name) MUST_CHECK;

void lockfile_stat(const struct fs *fs, const struct node *n, struct stat *st);

#endif
