/*
 * The store directory: a valid OCI Image Layout with a folder of ours in it.
 *
 *     oci-layout, index.json, blobs/<alg>/<hex>
 *     imagefs/version, imagefs/lock
 *     imagefs/layers/<alg>/<hex>.idx    layer indexes
 *     imagefs/cache/<alg>/<hex>.zst     seekable copies of layers that are not
 *     imagefs/containers/<name>/
 *     imagefs/mounts/                   control sockets of the daemons that serve this store
 *     imagefs/tmp/                      everything is born here
 *
 * Who adds blobs holds the lock shared; who rewrites index.json or removes
 * anything holds it exclusively. imagefs(5) describes the files.
 */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/map.h"

struct err;

/* A variable: where the user of root's account says so, somebody else's store is written to: paths, or "*". */
#define STORE_TRUST "IMAGEFS_TRUST_STORE"

struct store {
	char *path;	 /* as the user gave it, made absolute */
	int fd;		 /* the store directory */
	int imagefs_fd;	 /* its imagefs/ */
	int lock_fd;	 /* -1 only where nothing is written */
	char *read_only; /* why nothing can be written, or NULL */
	bool fixed;	 /* containers cannot be written either */
	char *aside;	 /* store_set_aside(): the directory, or NULL */
	uint64_t swept;	 /* bytes of killed processes' leftovers that exclusive locks removed */
	struct map deaf; /* mounts.h: daemons that did not answer this command */
	struct map layer_sizes; /* image_size()'s: a thousand images share most of their layers */
};

/*
 * store_open - open the store at path; it is made where it is missing or empty. One that cannot be written
 * to is opened for reading. path may be a symbolic link; nothing in the store is.
 * errors  -EINVAL something else is there; -ENOTSUP a newer version wrote it
 */
int store_open(const char *path, struct store **out, struct err *err);
void store_close(struct store *s);

/*
 * store_writable - -EROFS, with the reason, where the store can only be read: its file system is read-only, this
 * user has no right to, or this user is root and the store is somebody else's.
 */
int store_writable(const struct store *s, struct err *err);

/*
 * store_give - a new file, which nobody else gets at yet, becomes the store's owner's: what root writes to another user's
 * store is not to shut that one out. Nothing happens in one's own. 0 or -errno.
 */
int store_give(const struct store *s, int fd);

/*
 * store_set_aside - containers, sockets and temporary files are those of dir from here on, where they can be
 * written, and not those of this store, which can only be read. dir is absolute; what is missing in it is made.
 */
int store_set_aside(struct store *s, const char *dir, struct err *err);

/* store_containers_writable - as store_writable(), for what store_set_aside() lets be written. */
int store_containers_writable(const struct store *s, struct err *err);

/*
 * store_default_path - $IMAGEFS_STORE, /var/lib/imagefs, or below $XDG_DATA_HOME or the home directory.
 * Caller frees; -ENOENT: no home directory is known.
 */
int store_default_path(char **out, struct err *err);

enum store_lock_mode { STORE_LOCK_SHARED, STORE_LOCK_EXCLUSIVE };

/*
 * store_lock - wait for the lock. Not recursive, one holder per struct store.
 * An exclusive lock sweeps what dead processes left in imagefs/tmp.
 */
int store_lock(struct store *s, enum store_lock_mode mode, struct err *err);
void store_unlock(struct store *s);

#endif
