/*
 * Lock files beside the containers: .#NAME.lck, as systemd-nspawn makes one for a directory that it uses.
 *
 * They are empty, live in memory only, are not listed, and come again as the same file: locks are the kernel's.
 * Their nodes have no container, and stay until the mount ends.
 */
#ifndef FS_CONTAINERS_LOCKFILE_H
#define FS_CONTAINERS_LOCKFILE_H

#include <fuse_lowlevel.h>
#include <pthread.h>
#include <stdbool.h>

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
 * make    the table of the containers, one of which the name must be of: also where there is no such file; or NULL
 * errors  -ENOENT there is none; -EPERM no such name is made here
 */
int lockfile_find(struct lockfiles *l, const struct fs *fs, const char *name,
		  struct live_table *make, struct fuse_entry_param *out);

/* lockfile_remove - -ENOENT, -EPERM as above. */
int lockfile_remove(struct lockfiles *l, const char *name);

void lockfile_stat(const struct fs *fs, const struct node *n, struct stat *st);

#endif
