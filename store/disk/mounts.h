/*
 * The mounts that serve a store, as a command sees them: each daemon listens
 * on a socket imagefs/mounts/<pid>. One request a connection, a line:
 *
 *     refresh\n          read the store again; "ok\n" once the tree shows it
 *     freeze NAME\n      finish writes to a container and hold new ones; "ok\n", until the
 *                        connection is closed
 *     follow NAME\n      "ok\n": it has the container, and the next refresh will find it under its new
 *                        name; "none\n": it has not; "error TEXT\n": it may not be renamed now
 *     close NAME\n       forget a container that is about to be removed; "ok\n" once
 *                        nothing holds its directory, "error TEXT\n" where it cannot be
 *     unmount\n          end; the connection is closed when everything is unmounted
 *     where\n            "DIR\n": what is mounted where
 */
#ifndef STORE_DISK_MOUNTS_H
#define STORE_DISK_MOUNTS_H

struct err;
struct sockaddr_un;
struct store;

/* mounts_refresh - tell every daemon of this store and wait; a dead daemon's socket is removed. */
void mounts_refresh(struct store *s);

/*
 * mounts_freeze - writes to a container wait until the descriptors are closed.
 * returns 0; *fds is an array of *n that mounts_thaw() closes and frees
 */
int mounts_freeze(struct store *s, const char *container, int **fds, unsigned *n, struct err *err);
void mounts_thaw(int *fds, unsigned n);

/* mounts_close - no daemon holds this container any more; -EBUSY names the reason. */
int mounts_close(struct store *s, const char *container, struct err *err);

/* mounts_follow - 1: a daemon has this container, and goes along when it is renamed; 0: none has it; -EBUSY. */
int mounts_follow(struct store *s, const char *container, struct err *err);

/* mounts_sweep - remove the sockets of daemons that were killed. */
void mounts_sweep(struct store *s);

/* mounts_find - a pidfd of the daemon that serves this store at DIR, or -ENOENT. The caller closes it. */
int mounts_find(struct store *s, const char *dir);

/* mounts_of_dir - as mounts_find(), of a daemon whose store can only be read: it has marked DIR. */
int mounts_of_dir(const char *dir);

/* mounts_dirs - where the daemons of this store are mounted: a NULL-terminated array that mounts_dirs_free() frees; NULL: no memory. */
char **mounts_dirs(struct store *s);
void mounts_dirs_free(char **dirs);

/* mounts_address - where a daemon will listen: name in the directory dirfd (imagefs/mounts), however long its path. */
int mounts_address(int dirfd, const char *name, struct sockaddr_un *out);

/* mounts_at - where one listens that has made its socket there: valid while the descriptor that is returned is open. */
int mounts_at(int dirfd, const char *name, struct sockaddr_un *out);

#endif
