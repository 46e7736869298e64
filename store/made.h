/*
 * Directories that a mount made and its end removes. Each daemon notes them
 * in imagefs/mounts/<pid>.made, one path a line, and holds a lock on that
 * file while it lives: the notes of a daemon that was killed are free, and
 * taken over by the next mount, or by the umount, of the same directories.
 */
#ifndef STORE_MADE_H
#define STORE_MADE_H

struct err;
struct made;
struct store;

/* made_new - s is borrowed. Nothing is written before made_dir() makes something. */
int made_new(struct store *s, struct made **out, struct err *err);

/* made_free - the directories stay; the notes too, for whoever takes them over. */
void made_free(struct made *m);

/*
 * made_dir - make a directory where it is missing, and note it.
 * path    absolute; its parent exists
 */
int made_dir(struct made *m, const char *path, struct err *err);

/* made_adopt - take over what dead daemons noted about dir and what is in it. */
void made_adopt(struct made *m, const char *dir);

/* made_remove - remove path, if it was noted and is empty; "" stands for all that is noted, the last first. */
void made_remove(struct made *m, const char *path);

#endif
