/*
 * Directories that a mount made and its end removes. Each daemon notes them
 * in imagefs/mounts/<pid>.made, one path a line, and holds a lock on that
 * file while it lives: the notes of a daemon that was killed are free, and
 * taken over by the next mount, or by the umount, of the same directories.
 */
#ifndef STORE_DISK_MOUNT_DIRS_H
#define STORE_DISK_MOUNT_DIRS_H

struct err;
struct mount_dirs;
struct store;

/* mount_dirs_new - s is borrowed. Nothing is written before mount_dirs_make() makes something. */
int mount_dirs_new(struct store *s, struct mount_dirs **out, struct err *err);

/* mount_dirs_free - the directories stay; the notes too, for whoever takes them over. */
void mount_dirs_free(struct mount_dirs *m);

/*
 * mount_dirs_make - make a directory where it is missing, and note it.
 * path    absolute; its parent exists
 */
int mount_dirs_make(struct mount_dirs *m, const char *path, struct err *err);

/* mount_dirs_adopt - take over what dead daemons noted about dir and what is in it. */
void mount_dirs_adopt(struct mount_dirs *m, const char *dir);

/* mount_dirs_remove - remove path, if it was noted and is empty; "" stands for all that is noted, the last first. */
void mount_dirs_remove(struct mount_dirs *m, const char *path);

#endif
