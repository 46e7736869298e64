/*
 * Containers: a name, a base image, and an upper directory in overlayfs' format.
 *
 *     imagefs/containers/<name>/container.json
 *                               upper/    the changes
 *                               work/     files during a copy-up; same file system
 *                               lock      flock(2): taken to change upper/ or to read it as a whole
 */
#ifndef STORE_CONTAINER_CONTAINER_H
#define STORE_CONTAINER_CONTAINER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "base/err.h"
#include "store/oci/digest.h"
#include "store/oci/manifest.h"

struct image;
struct store;

struct container {
	char *name;
	char *image_name;  /* full reference used at create; NULL: by ID */
	char *image_typed; /* the reference as typed, or its familiar form; NULL: by ID */
	struct digest image_id;
	struct descriptor manifest; /* of the base image */
	struct timespec created;
	bool read_only;	   /* the store is read-only */
	bool unprivileged; /* upper/ uses user.* attributes (store/container/upper.h) */
	int fd;		   /* the container's directory */
};

/*
 * container_name_check - check for [a-zA-Z0-9][a-zA-Z0-9_.-]+, at most 255 bytes; -EINVAL with
 * docker's message.
 */
int container_name_check(const char *name, struct err *err) MUST_CHECK;

/*
 * container_name_free - check that a name is valid and unused; -EINVAL, -EEXIST with docker's
 * messages.
 */
int container_name_free(struct store *s, const char *name, struct err *err) MUST_CHECK;

/* container_name_random - generate a readable unused name. Caller frees. */
int container_name_random(struct store *s, char **out, struct err *err) MUST_CHECK;

/*
 * container_create - create a container, atomically. Its image is not collected while it exists.
 * errors  -EEXIST with docker's message
 */
int container_create(struct store *s, const char *name, const struct image *image,
		     struct err *err) MUST_CHECK;

/*
 * container_open - open a container; container_free().
 * errors  -ENOENT "No such container: NAME"
 */
int container_open(struct store *s, const char *name, struct container **out,
		   struct err *err) MUST_CHECK;
void container_free(struct container *c);
static inline void cleanup_container(struct container **c)
{
	container_free(*c);
}
#define _cleanup_container_ __attribute__((cleanup(cleanup_container)))

/*
 * container_check_current - -ENOENT if the name no longer refers to this container: it was
 * removed or renamed.
 */
int container_check_current(struct store *s, const struct container *c, struct err *err) MUST_CHECK;

/*
 * container_name_now - the current name, after a possible rename; caller frees. -ENOENT: removed.
 */
int container_name_now(struct store *s, const struct container *c, char **out) MUST_CHECK;

/* container_list - the names, sorted, NULL-terminated; free with container_list_free(). */
int container_list(struct store *s, char ***out, struct err *err) MUST_CHECK;
void container_list_free(char **names);

/*
 * The caller holds the container's exclusive lock (store/container/container_lock.h), or accepts
 * that it is in use. Mounts show the change on return.
 *
 * container_remove  remove the container and its upper directory; -ENOENT
 * container_rename  rename it to to; -ENOENT, -EINVAL and -EEXIST with docker's messages
 */
int container_remove(struct store *s, const char *name, struct err *err) MUST_CHECK;
int container_rename(struct store *s, const char *name, const char *to, struct err *err) MUST_CHECK;

/*
 * container_flock - flock(2) the container's lock file; a descriptor to close, -EWOULDBLOCK,
 * -errno.
 */
int container_flock(const struct container *c, bool exclusive, bool wait) MUST_CHECK;

/*
 * container_open_lock - open the lock file with open(2)'s flags; -EINVAL: not a regular file, or
 * one with several links.
 */
int container_open_lock(const struct container *c, int flags) MUST_CHECK;

/* container_changed_size - total size of files and symbolic links in upper/; bytes. */
int container_changed_size(const struct container *c, uint64_t *out, struct err *err) MUST_CHECK;

#endif
