/*
 * Containers: a name, a base image, and an upper directory in overlayfs' form.
 *
 *     imagefs/containers/<name>/container.json
 *                               upper/    what changed
 *                               work/     where a copy-up is born; same file system
 *                               lock      flock: whoever changes upper/ or reads it as a whole
 */
#ifndef STORE_CONTAINER_CONTAINER_H
#define STORE_CONTAINER_CONTAINER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "store/oci/digest.h"
#include "store/oci/manifest.h"

struct err;
struct image;
struct store;

struct container {
	char *name;
	char *image_name; /* what the user called the image at create; full reference or NULL */
	char *image_typed; /* the same as it was typed; familiar where it was not noted, NULL: by ID */
	struct digest image_id;
	struct descriptor manifest; /* of the base image */
	struct timespec created;
	bool read_only;	   /* as its store */
	bool unprivileged; /* upper/ uses user.* attributes (store/container/upper.h) */
	int fd;		   /* the container's directory */
};

/* container_name_check - [a-zA-Z0-9][a-zA-Z0-9_.-]+, 255 bytes at most; -EINVAL in docker's words.
 */
int container_name_check(const char *name, struct err *err);

/* container_name_free - a valid name that no container has now; -EINVAL, -EEXIST in docker's words. */
int container_name_free(struct store *s, const char *name, struct err *err);

/* container_name_random - a readable name that no container has. Caller frees. */
int container_name_random(struct store *s, char **out, struct err *err);

/*
 * container_create - a new one on an image; it appears whole or not at all.
 * The image cannot be collected while it has a container.
 * errors  -EEXIST docker's conflict line
 */
int container_create(struct store *s, const char *name, const struct image *image, struct err *err);

/* container_open - errors: -ENOENT "No such container: NAME" */
int container_open(struct store *s, const char *name, struct container **out, struct err *err);
void container_free(struct container *c);
static inline void cleanup_container(struct container **c)
{
	container_free(*c);
}
#define _cleanup_container_ __attribute__((cleanup(cleanup_container)))

/* container_is_there - -ENOENT where its name no longer means it: it was removed or renamed meanwhile. */
int container_is_there(struct store *s, const struct container *c, struct err *err);

/* container_name_now - the name that it has after a rename; caller frees. -ENOENT: it was removed. */
int container_name_now(struct store *s, const struct container *c, char **out);

/* container_list - names, sorted; *out is a NULL-terminated array that container_list_free() frees.
 */
int container_list(struct store *s, char ***out, struct err *err);
void container_list_free(char **names);

/*
 * Both are for a caller that has the container alone (store/container/container_lock.h), or does not mind other
 * users of it. Mounts show the change on return.
 *
 * container_remove  it and its upper directory are gone; -ENOENT
 * container_rename  it is called to from now on; -ENOENT, -EINVAL and -EEXIST in docker's words
 */
int container_remove(struct store *s, const char *name, struct err *err);
int container_rename(struct store *s, const char *name, const char *to, struct err *err);

/* container_flock - flock on the container's lock file; a descriptor to close, -EWOULDBLOCK, -errno.
 */
int container_flock(const struct container *c, bool exclusive, bool wait);

/* container_open_lock - the lock file, with open(2)'s flags; -EINVAL: what stands there is no file, or a link to one. */
int container_open_lock(const struct container *c, int flags);

/* container_changed_size - bytes of files and symbolic links in upper/. */
int container_changed_size(const struct container *c, uint64_t *out, struct err *err);

#endif
