/*
 * Values of the Authorization header: Basic, and Bearer tokens of token servers. Tokens are cached
 * by (realm, service, scope), fetched once for all threads, and replaced when a registry rejects
 * them.
 *
 * Passwords and identity tokens are sent only to the registry and, over https, to its token server.
 * They are sent to a token server in plain text only if it is on the registry's own host and that
 * host is this machine or marked insecure in registries.conf. A public registry cannot redirect
 * clients to a private address.
 * spec    distribution's "Token Authentication"; RFC 7235, 7617, 6750; OAuth 2 for refresh tokens
 * threads any
 */
#ifndef REGISTRY_AUTH_AUTH_H
#define REGISTRY_AUTH_AUTH_H

#include "base/err.h"

struct auth;
struct buf;
struct cred;
struct endpoint;
struct http;

/* auth_new - h is borrowed and must outlive *out. Credentials come from creds_get(). */
int auth_new(struct http *h, struct auth **out, struct err *err) MUST_CHECK;
void auth_free(struct auth *a);

/*
 * auth_use - use c (copied) for every registry instead of stored credentials; for login, before any
 * other call. An identity token is requested from token servers, too.
 */
int auth_use(struct auth *a, const struct cred *c, struct err *err) MUST_CHECK;

/* auth_identity_token - the token to store instead of the password; heap. NULL: none was issued. */
char *auth_identity_token(struct auth *a);

/*
 * auth_header - the value of Authorization for a request.
 * scope   scopes of the request as defined for token servers: "repository:library/ubuntu:pull",
 *         separated by blanks; NULL: none
 * out     heap, freed with wipe_string(); NULL: send no header
 * errors  those of fetching a new token for one that expired
 */
int auth_header(struct auth *a, const struct endpoint *e, const char *scope, char **out,
		struct err *err) MUST_CHECK;

/*
 * auth_scrub - replace every secret of a in text, which a server sent, by asterisks; also secrets
 * escaped as in JSON.
 */
void auth_scrub(struct auth *a, struct buf *text);

/*
 * auth_challenged - handle a 401.
 * base_url    of the request: "https://registry-1.docker.io" (scheme and host are used)
 * scope       as given to auth_header()
 * challenges  values of all WWW-Authenticate headers, NULL-terminated
 * rejected    the Authorization that was sent; NULL: none
 * returns     0: repeat the request with the new auth_header(), at most twice per request
 * errors      -EACCES "unauthorized: authentication required", "denied: requested access to the
 *             resource is denied", or the token server's message; -EPROTO invalid response
 */
int auth_challenged(struct auth *a, const struct endpoint *e, const char *base_url,
		    const char *scope, const char *const *challenges, const char *rejected,
		    struct err *err) MUST_CHECK;

#endif
