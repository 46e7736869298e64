/*
 * Origins: at which other repositories of a registry a blob is already, so that a push can have it
 * mounted from there. Nothing is remembered for it: an image that was pulled from a repository, or
 * pushed there, is noted with the digest that it has there.
 */
#ifndef REGISTRY_MOUNT_SOURCES_H
#define REGISTRY_MOUNT_SOURCES_H

#include "base/err.h"

struct manifest;
struct map;
struct reference;
struct store;

/*
 * mount_sources_find - for the blobs of a manifest that goes to the repository `to`.
 * out     digest -> path of a repository on the same domain ("library/debian"), heap; the newest name's
 *         where there are several; map_fini(out, free). Added to.
 */
int mount_sources_find(struct store *s, const struct reference *to, const struct manifest *m,
		       struct map *out, struct err *err) MUST_CHECK;

#endif
