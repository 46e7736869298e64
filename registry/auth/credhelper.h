/*
 * Credential helpers: programs docker-credential-NAME that keep secrets where they are safe.
 * spec    docker's credential helper protocol, version 1
 */
#ifndef REGISTRY_AUTH_CREDHELPER_H
#define REGISTRY_AUTH_CREDHELPER_H

#include "base/err.h"

struct cred;

#define CREDHELPER_SECONDS 120 /* a person may have to unlock something */
#define CREDHELPER_OUTPUT_MAX (1024 * 1024)

/*
 * All run the helper without a shell, with bounded output and time; its standard error is kept from the user's,
 * and its last line shown where the helper failed.
 * name    as the configuration has it: "pass"
 * server  the registry as docker calls it
 * errors  -ENOENT the helper knows nothing of it (get, erase); -ENOPKG there is no such helper; -EINVAL no name for a helper; -EPROTO, -ETIMEDOUT,
 *         -EFBIG; others as the system's, where it cannot be run
 */
int credhelper_get(const char *name, const char *server, struct cred *out,
		   struct err *err) MUST_CHECK;
int credhelper_store(const char *name, const char *server, const struct cred *c,
		     struct err *err) MUST_CHECK;
int credhelper_erase(const char *name, const char *server, struct err *err) MUST_CHECK;

#endif
