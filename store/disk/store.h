/*
 * The store: a valid OCI Image Layout with an additional directory imagefs/.
 *
 *     oci-layout, index.json, blobs/<alg>/<hex>
 *     imagefs/version, imagefs/lock
 *     imagefs/layers/<alg>/<hex>.idx    layer indexes
 *     imagefs/cache/<alg>/<hex>.zst     seekable copies of layers
 *     imagefs/containers/<name>/
 *     imagefs/mounts/                   control sockets of the daemons that serve this store
 *     imagefs/tmp/                      files of transactions before they are published
 *
 * Adding blobs requires the shared lock; rewriting index.json and removing files the exclusive
 * one. imagefs(5) describes the files.
 */
#ifndef STORE_DISK_STORE_H
#define STORE_DISK_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/map.h"

/* Environment variable that lets root write to stores of other users: paths, or "*". */
#define STORE_TRUST "IMAGEFS_TRUST_STORE"

/* Limit of index.json. */
#define STORE_INDEX_MAX (64u << 20)

struct store {
	char *path;	 /* absolute */
	int fd;		 /* the store directory */
	int imagefs_fd;	 /* its imagefs/ */
	int lock_fd;	 /* -1: the store is read-only */
	char *read_only; /* why the store is read-only, or NULL */
	bool fixed;	 /* containers are read-only, too */
	char *aside;	 /* store_set_aside(): the directory, or NULL */
	bool changed;	 /* store_changed() since the lock was taken */
	uint64_t
		swept; /* bytes of killed processes' temporary files that exclusive locks removed */
	struct map unresponsive; /* mounts.h: daemons that did not respond to this command */
	struct map layer_sizes;	 /* cache of image_size(): images share layers */
};

/*
 * store_open - open the store at path; a missing or empty directory is initialised. Without write
 * permission it is opened read-only. path may be a symbolic link; links inside the store are not
 * followed.
 * errors  -EINVAL the directory contains other files; -ENOTSUP written by a newer version
 */
int store_open(const char *path, struct store **out, struct err *err) MUST_CHECK;
void store_close(struct store *s);

/*
 * store_writable - 0, or -EROFS with the reason: the file system is read-only, the user has no
 * permission, or the user is root and the store belongs to another user.
 */
int store_writable(const struct store *s, struct err *err) MUST_CHECK;

/*
 * store_give - make a new file belong to the owner of the store, so that root does not lock out
 * the owner of another user's store. The file must not be visible to others yet. 0 or -errno.
 */
int store_give(const struct store *s, int fd) MUST_CHECK;

/*
 * store_set_aside - keep containers, sockets and temporary files in dir instead of a read-only
 * store.
 * dir     absolute; missing parts are created in it
 */
int store_set_aside(struct store *s, const char *dir, struct err *err) MUST_CHECK;

/*
 * store_containers_writable - like store_writable(), for containers; true with store_set_aside().
 */
int store_containers_writable(const struct store *s, struct err *err) MUST_CHECK;

/*
 * store_default_path - $IMAGEFS_STORE, /var/lib/imagefs for root, or below $XDG_DATA_HOME or the
 * home directory.
 * out     caller frees
 * errors  -ENOENT no home directory
 */
int store_default_path(char **out, struct err *err) MUST_CHECK;

/*
 * store_changed - record that images, names or containers have changed: store_unlock() then
 * notifies the mounts. The caller holds the lock. txn_publish() with a new index.json and changes
 * of the list of containers call it themselves.
 */
void store_changed(struct store *s);

#endif
