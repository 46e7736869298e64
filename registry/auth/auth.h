/*
 * What is sent as Authorization: Basic, and Bearer tokens that a token server gives, cached per
 * (realm, service, scope), fetched once however many ask, and fetched again when a registry does
 * not take one any more.
 *
 * What protects a password (and an identity token): it goes to the registry itself, or to a token
 * server over https; in plain text to a token server only on the registry's own host, where that is
 * this machine or registries.conf calls the registry insecure. A public registry cannot send
 * anybody to a private address.
 * spec    distribution's "Token Authentication"; RFC 7235, 7617, 6750; OAuth 2 for refresh tokens
 * threads any, at once
 */
#ifndef REGISTRY_AUTH_AUTH_H
#define REGISTRY_AUTH_AUTH_H

#include "base/err.h"

struct auth;
struct buf;
struct cred;
struct endpoint;
struct http;

/* auth_new - h is borrowed and must live longer. Credentials come from creds_get(). */
int auth_new(struct http *h, struct auth **out, struct err *err) MUST_CHECK;
void auth_free(struct auth *a);

/*
 * auth_use - take c (copied) for every registry instead of what is stored: for login, before any
 * other call. A token server is asked for an identity token as well.
 */
int auth_use(struct auth *a, const struct cred *c, struct err *err) MUST_CHECK;

/* auth_identity_token - what a token server gave to be kept in place of the password; heap, NULL: nothing. */
char *auth_identity_token(struct auth *a);

/*
 * auth_header - the value of Authorization for a request.
 * scope   what the request needs, as token servers have it: "repository:library/ubuntu:pull",
 *         several with a blank between; NULL: none
 * out     heap, to be wiped with wipe_string(); NULL where nothing is known yet: send none
 * errors  those of fetching a token anew that ran out
 */
int auth_header(struct auth *a, const struct endpoint *e, const char *scope, char **out,
		struct err *err) MUST_CHECK;

/*
 * auth_scrub - what a server says may be what it was told: every secret of a's that stands in text, also as JSON
 * has it, becomes asterisks, in place.
 */
void auth_scrub(struct auth *a, struct buf *text);

/*
 * auth_challenged - after a 401.
 * base_url    what was asked: "https://registry-1.docker.io" (scheme and host count)
 * scope       as given to auth_header()
 * challenges  the values of all WWW-Authenticate headers, NULL after the last
 * rejected    the Authorization that was sent; NULL: none
 * returns     0: ask again with what auth_header() says now. A caller asks again at most twice for
 *             one request
 * errors      -EACCES "unauthorized: authentication required", "denied: requested access to the
 *             resource is denied", or what the token server said; -EPROTO an answer that is none
 */
int auth_challenged(struct auth *a, const struct endpoint *e, const char *base_url,
		    const char *scope, const char *const *challenges, const char *rejected,
		    struct err *err) MUST_CHECK;

#endif
