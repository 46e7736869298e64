/*
 * The tree DIR/containers: every container of the store, writable.
 */
#ifndef FS_CONTAINERS_CONTAINERS_H
#define FS_CONTAINERS_CONTAINERS_H

struct containers;
struct live;
struct err;
struct fs;
struct session;
struct session_ops;

/* What session_open() needs; the operations' userdata is a struct containers. */
extern const struct session_ops containers_session;

/* containers_new - fs is borrowed. Released with containers_free() after its session. */
int containers_new(struct fs *fs, struct containers **out, struct err *err);
void containers_free(struct containers *c);

/* containers_ready - its session is: what is left to be found out about the kernel. */
void containers_ready(struct containers *c);

/* containers_attach - the session that shows it, for notifications; before session_start(). */
void containers_attach(struct containers *c, struct session *s);

/*
 * All are called by the daemon's main thread, which holds no locks.
 *
 * containers_refresh  read the store's containers again and tell the kernel what changed; one that
 *                     was renamed goes on under its new name, with all who use it
 * containers_freeze   finish the writes to a container, hold new ones until containers_thaw() of *out;
 *                     may be called again for one that is frozen: then as many thaws.
 *                     -ENOENT: no such container
 * containers_give_up  the end is near: writes that wait for a thaw fail, so that their threads end
 * containers_follow   may a container be renamed: 1 yes, it is ours; 0 somebody else has it, or nobody;
 *                     -EBUSY it is frozen
 * containers_close    let go of a container's directory that is about to be removed:
 *                     flushed, its descriptors closed, gone from the tree; -EBUSY where files of it
 *                     are open, or it is frozen
 */
void containers_refresh(struct containers *c);
int containers_freeze(struct containers *c, const char *name, struct live **out, struct err *err);
void containers_thaw(struct containers *c, struct live *live);
void containers_give_up(struct containers *c);
int containers_follow(struct containers *c, const char *name, struct err *err);
int containers_close(struct containers *c, const char *name, struct err *err);

#endif
