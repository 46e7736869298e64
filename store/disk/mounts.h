/*
 * The daemons that serve a store, as seen by a command. Each daemon listens on a socket
 * imagefs/mounts/<pid>. A connection carries one request, which is one line:
 *
 *     refresh\n          read the store again; "ok\n" once the tree shows the change
 *     freeze NAME\n      finish writes to a container and block new ones; "ok\n"; lasts until
 *                        the connection is closed
 *     follow NAME\n      "ok\n": the container is in use, and the next refresh finds its new name;
 *                        "none\n": it is not in use; "error TEXT\n": it cannot be renamed now
 *     close NAME\n       release a container that is about to be removed; "ok\n" once closed,
 *                        "error TEXT\n" if it is busy
 *     unmount\n          unmount and exit; the connection is closed when all is unmounted
 *     where\n            "DIR\n": the mount point
 */
#ifndef STORE_DISK_MOUNTS_H
#define STORE_DISK_MOUNTS_H

#include <sys/types.h>

#include "base/err.h"

struct sockaddr_un;
struct store;

/*
 * mounts_refresh - make every daemon of this store refresh, and wait. Sockets of dead daemons are
 * removed.
 */
void mounts_refresh(struct store *s);

/*
 * mounts_freeze - block writes to a container until mounts_thaw().
 * fds     *n descriptors; mounts_thaw() closes and frees them
 */
int mounts_freeze(struct store *s, const char *container, int **fds, unsigned *n,
		  struct err *err) MUST_CHECK;
void mounts_thaw(int *fds, unsigned n);

/* mounts_close - make all daemons release a container; -EBUSY, with the reason, if one cannot. */
int mounts_close(struct store *s, const char *container, struct err *err) MUST_CHECK;

/*
 * mounts_follow - announce that a container is renamed. Returns 1: a daemon uses it and will
 * follow; 0: not in use; -EBUSY.
 */
int mounts_follow(struct store *s, const char *container, struct err *err) MUST_CHECK;

/* mounts_sweep - remove the sockets of killed daemons. */
void mounts_sweep(struct store *s);

/*
 * mounts_find - a pidfd of the daemon that serves this store at dir, or -ENOENT. The caller
 * closes it.
 */
int mounts_find(struct store *s, const char *dir) MUST_CHECK;

/*
 * mounts_of_dir - like mounts_find(), for a daemon on a read-only store: it is found by its
 * marker at dir.
 */
int mounts_of_dir(const char *dir) MUST_CHECK;

/*
 * mounts_dirs - the mount points of this store's daemons, NULL-terminated; free with
 * mounts_dirs_free(). NULL: out of memory.
 */
char **mounts_dirs(struct store *s);
void mounts_dirs_free(char **dirs);

/*
 * mounts_list - as mounts_dirs(), and the process of each.
 * pids  receives an array that the caller frees; 0: the process is in another PID namespace
 */
char **mounts_list(struct store *s, pid_t **pids);

/*
 * mounts_address - the address at which a daemon will bind its socket: name in dirfd
 * (imagefs/mounts). The path may be of any length.
 */
int mounts_address(int dirfd, const char *name, struct sockaddr_un *out) MUST_CHECK;

/*
 * mounts_peer_address - the address of an existing socket. It is valid while the returned
 * descriptor is open.
 */
int mounts_peer_address(int dirfd, const char *name, struct sockaddr_un *out) MUST_CHECK;

#endif
