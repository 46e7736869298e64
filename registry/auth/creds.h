/*
 * Credentials for registries, in the files of docker and podman and in the credential helpers that
 * these name.
 *
 * Files, the first that knows a registry counts:
 *     $DOCKER_CONFIG/config.json               where $DOCKER_CONFIG is set
 *     $REGISTRY_AUTH_FILE                      where it is set
 *     ~/.docker/config.json                    where $DOCKER_CONFIG is not set
 *     $XDG_RUNTIME_DIR/containers/auth.json    podman's; /run/containers/UID without $XDG_RUNTIME_DIR
 *     ${XDG_CONFIG_HOME:-~/.config}/containers/auth.json
 * What is stored goes into the first of them.
 *
 * A registry is its exact host[:port]; "docker.io" is also the Hub's other names and docker's
 * "https://index.docker.io/v1/". Nothing here prints a secret, and what a helper says is never
 * shown where a secret might be in it.
 * spec    docker's config.json(5) and credential helper protocol; containers-auth.json(5)
 * threads any
 */
#ifndef REGISTRY_AUTH_CREDS_H
#define REGISTRY_AUTH_CREDS_H

#include <stdbool.h>

#include "base/err.h"

struct cred;

/* creds_key - what a user calls a registry ("https://HOST/v1/", "index.docker.io") as a key: host[:port],
 * "docker.io" for the Hub. Heap; NULL: no memory. */
char *creds_key(const char *name);

/*
 * creds_get - what is known for a registry.
 * key     host[:port], "docker.io"
 * path    the repository there, for the entries that podman keeps of parts of a registry; NULL: none
 * out     cred_fini()
 * errors  -ENOENT nothing is known, no message; others a damaged file or a helper that failed
 */
int creds_get(const char *key, const char *path, struct cred *out, struct err *err) MUST_CHECK;

/*
 * creds_put - store in the first file, or the helper that it names for this registry.
 * file    the file that holds a secret in plain text now, heap; NULL: none does
 */
int creds_put(const char *key, const struct cred *c, char **file, struct err *err) MUST_CHECK;

/*
 * creds_erase - forget a registry in every file and helper.
 * found   whether anything was known
 */
int creds_erase(const char *key, bool *found, struct err *err) MUST_CHECK;

#endif
