/*
 * Mount sources: other repositories of a registry that have a blob, so that a push can mount it
 * instead of uploading it. They are derived from the digests that the store records for each name
 * that was pulled or pushed.
 */
#ifndef REGISTRY_MOUNT_SOURCES_H
#define REGISTRY_MOUNT_SOURCES_H

#include "base/err.h"

struct manifest;
struct map;
struct reference;
struct store;

/*
 * mount_sources_find - find repositories that have blobs of a manifest to be pushed to `to`.
 * out     digest -> path of a repository on the same domain ("library/debian"), heap, added to; if
 *         several have the blob, the newest name's. Freed with map_fini(out, free)
 */
int mount_sources_find(struct store *s, const struct reference *to, const struct manifest *m,
		       struct map *out, struct err *err) MUST_CHECK;

#endif
