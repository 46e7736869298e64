/*
 * A credentials file, docker's config.json or podman's auth.json: look-ups, and changes that
 * preserve all other content.
 * spec    docker's config.json; containers-auth.json(5)
 */
#ifndef REGISTRY_AUTH_CREDFILE_H
#define REGISTRY_AUTH_CREDFILE_H

#include <stdbool.h>

#include "base/err.h"
#include "base/json.h"

struct cred;

#define CREDFILE_MAX (4 * 1024 * 1024)

/*
 * credfile_load - read the file as JSON.
 * errors  -ENOENT missing or empty, without a message; -EINVAL invalid, with the line. Messages
 *         contain nothing of the file's text
 */
int credfile_load(const char *path, json_t **out, struct err *err) MUST_CHECK;

/*
 * credfile_find - find the entry for a registry, or for a namespace that contains the repository.
 * what    names the file in messages
 * errors  -ENOENT no entry, without a message; -EINVAL an invalid entry
 */
int credfile_find(const json_t *root, const char *what, const char *key, const char *path,
		  struct cred *out, struct err *err) MUST_CHECK;

/* credfile_helper - the credential helper of a registry, borrowed; NULL: none. */
const char *credfile_helper(const json_t *root, const char *key);

/*
 * credfile_name - the key of a registry: host[:port], "docker.io" for Docker Hub's names; NULL: out
 * of memory. n is the length of name.
 */
char *credfile_name(const char *name, size_t n);

/*
 * credfile_put - replace all entries of a registry by one, or remove them if c is NULL.
 * empty   write an empty entry: a helper stores the credential
 * docker  use docker's key for Docker Hub
 * returns 1 changed, 0 nothing to remove, -errno
 */
int credfile_put(json_t *root, const char *key, const struct cred *c, bool empty,
		 bool docker) MUST_CHECK;

/*
 * credfile_update - read a file, call edit(), and if that returns 1, replace the file atomically
 * with mode 0600. Symbolic links are followed; a missing directory is created with mode 0700.
 * Concurrent updates are serialized by a lock.
 * root    an empty object if the file is missing
 */
int credfile_update(const char *path, int (*edit)(json_t *root, void *arg, struct err *err),
		    void *arg, struct err *err) MUST_CHECK;

#endif
