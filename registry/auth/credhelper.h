/*
 * Credential helpers: programs docker-credential-NAME that keep secrets in a secure storage.
 * spec    docker's credential helper protocol, version 1
 */
#ifndef REGISTRY_AUTH_CREDHELPER_H
#define REGISTRY_AUTH_CREDHELPER_H

#include "base/err.h"

struct cred;

#define CREDHELPER_SECONDS 120 /* the user may have to unlock the storage */
#define CREDHELPER_OUTPUT_MAX (1024 * 1024)

/*
 * All functions run the helper without a shell, with limits for output and time. Its standard error
 * is captured; the last line is shown if the helper fails.
 * name    from the configuration: "pass"
 * server  docker's name of the registry
 * errors  -ENOENT no credential (get, erase); -ENOPKG helper not found; -EINVAL invalid helper
 *         name; -EPROTO, -ETIMEDOUT, -EFBIG; other system errors if it cannot be executed
 */
int credhelper_get(const char *name, const char *server, struct cred *out,
		   struct err *err) MUST_CHECK;
int credhelper_store(const char *name, const char *server, const struct cred *c,
		     struct err *err) MUST_CHECK;
int credhelper_erase(const char *name, const char *server, struct err *err) MUST_CHECK;

#endif
