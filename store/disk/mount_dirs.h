/*
 * Directories created for a mount and removed when it ends. Each daemon records them in
 * imagefs/mounts/<pid>.made, one path a line, and locks that file while it runs. If a daemon is
 * killed, its record is taken over by the next mount or umount of the same directories.
 */
#ifndef STORE_DISK_MOUNT_DIRS_H
#define STORE_DISK_MOUNT_DIRS_H

#include "base/err.h"

struct mount_dirs;
struct store;

/* mount_dirs_new - s is borrowed. The record is not written before a directory is created. */
int mount_dirs_new(struct store *s, struct mount_dirs **out, struct err *err) MUST_CHECK;

/* mount_dirs_free - free m. The directories and the record stay for a later owner. */
void mount_dirs_free(struct mount_dirs *m);

/*
 * mount_dirs_make - create a missing directory and record it.
 * path    absolute; its parent exists
 */
int mount_dirs_make(struct mount_dirs *m, const char *path, struct err *err) MUST_CHECK;

/* mount_dirs_adopt - take over the records of dead daemons for dir and mount points in it. */
void mount_dirs_adopt(struct mount_dirs *m, const char *dir);

/*
 * mount_dirs_remove - remove path if it is recorded and empty. "" removes all recorded
 * directories, last first.
 */
void mount_dirs_remove(struct mount_dirs *m, const char *path);

#endif
