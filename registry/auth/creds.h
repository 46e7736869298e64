/*
 * Credentials for registries, from docker's and podman's files and the credential helpers that
 * these configure.
 *
 * Files in order of precedence; the first that has the registry is used:
 *     $DOCKER_CONFIG/config.json               if $DOCKER_CONFIG is set
 *     $REGISTRY_AUTH_FILE                      if it is set
 *     ~/.docker/config.json                    if $DOCKER_CONFIG is not set
 *     $XDG_RUNTIME_DIR/containers/auth.json    podman's; else /run/containers/UID
 *     ${XDG_CONFIG_HOME:-~/.config}/containers/auth.json
 * New credentials are stored in the first of them.
 *
 * A registry is identified by its exact host[:port]. "docker.io" also matches the other names of
 * Docker Hub and docker's "https://index.docker.io/v1/". Secrets are never printed, nor is output
 * of a helper that may contain one.
 * spec    docker's config.json(5) and credential helper protocol; containers-auth.json(5)
 * threads any
 */
#ifndef REGISTRY_AUTH_CREDS_H
#define REGISTRY_AUTH_CREDS_H

#include <stdbool.h>

#include "base/err.h"

struct cred;

/*
 * creds_key - convert a registry name ("https://HOST/v1/", "index.docker.io") to a key:
 * host[:port], or "docker.io" for Docker Hub. Heap; NULL: out of memory.
 */
char *creds_key(const char *name);

/*
 * creds_get - look up the credentials of a registry.
 * key     host[:port], "docker.io"
 * path    the repository, for podman's entries of namespaces; NULL: none
 * out     cred_fini()
 * errors  -ENOENT none, without a message; others: a damaged file or a failed helper
 */
int creds_get(const char *key, const char *path, struct cred *out, struct err *err) MUST_CHECK;

/*
 * creds_put - store in the first file, or in the helper that it configures for this registry.
 * file    the file if it holds the secret in plain text, heap; otherwise NULL
 */
int creds_put(const char *key, const struct cred *c, char **file, struct err *err) MUST_CHECK;

/*
 * creds_erase - remove a registry from every file and helper.
 * found   true if there was a credential
 */
int creds_erase(const char *key, bool *found, struct err *err) MUST_CHECK;

#endif
