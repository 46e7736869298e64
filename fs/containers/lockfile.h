/*
 * Lock files beside the containers: .#NAME.lck, as systemd-nspawn makes one for a directory that it uses.
 *
 * They are empty, live in memory only, are not listed, and come again as the same file: locks are the kernel's.
 * Their nodes have no container, and stay until the mount ends.
 */
#ifndef FS_CONTAINERS_LOCKFILE_H
#define FS_CONTAINERS_LOCKFILE_H

#include <fuse_lowlevel.h>
#include <stdbool.h>

struct containers;
struct node;
struct stat;

/* lockfile_is - a node is one, and not the directory of all containers. */
bool lockfile_is(const struct containers *c, const struct node *n);

/*
 * lockfile_find - the file of that name, with a reference of the kernel's as far as it counts them.
 * make    also where there is none: the name must be that of a container
 * errors  -ENOENT there is none; -EPERM no such name is made here
 */
int lockfile_find(struct containers *c, const char *name, bool make, struct fuse_entry_param *out);

/* lockfile_remove - -ENOENT, -EPERM as above. */
int lockfile_remove(struct containers *c, const char *name);

void lockfile_stat(const struct containers *c, const struct node *n, struct stat *st);

#endif
