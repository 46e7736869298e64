/*
 * One file of credentials, docker's config.json or podman's auth.json: what is in it for a registry,
 * and changes to it that leave everything else alone.
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
 * credfile_load - the file as JSON.
 * errors  -ENOENT it is not there, or empty, no message; -EINVAL damaged, with the line; nothing of its text is shown
 */
int credfile_load(const char *path, json_t **out, struct err *err) MUST_CHECK;

/*
 * credfile_find - what the file itself has for a registry, or for the part of it that a repository is in.
 * what    names the file in messages
 * errors  -ENOENT nothing, no message; -EINVAL an entry that cannot be read
 */
int credfile_find(const json_t *root, const char *what, const char *key, const char *path,
		  struct cred *out, struct err *err) MUST_CHECK;

/* credfile_helper - the credential helper for a registry, borrowed; NULL: none. */
const char *credfile_helper(const json_t *root, const char *key);

/* credfile_name - a registry as keys have it: host[:port], "docker.io" for the Hub's names; n: bytes that count. NULL: no memory. */
char *credfile_name(const char *name, size_t n);

/*
 * credfile_put - replace all that is there for a registry by one entry, or drop it (c is NULL).
 * empty   an entry without anything: a helper has it
 * docker  the Hub as docker writes it
 * returns 1 changed, 0 nothing was there to drop, -errno
 */
int credfile_put(json_t *root, const char *key, const struct cred *c, bool empty,
		 bool docker) MUST_CHECK;

/*
 * credfile_update - change a file: read, edit() and, where that returns 1, renamed into place with mode 0600.
 * A symbolic link stays one; a missing directory is made with mode 0700. Others that do the same wait.
 * root    an empty object where there was no file
 */
int credfile_update(const char *path, int (*edit)(json_t *root, void *arg, struct err *err),
		    void *arg, struct err *err) MUST_CHECK;

#endif
