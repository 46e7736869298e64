/*
 * Shared by the files of client: one request of the protocol, authenticated and retried.
 */
#ifndef REGISTRY_CLIENT_PRIVATE_H
#define REGISTRY_CLIENT_PRIVATE_H

#include <pthread.h>
#include <stdbool.h>

#include "base/err.h"
#include "registry/client.h"
#include "registry/http/http.h"
#include "registry/http/retry.h"

struct client {
	struct http *http;
	struct auth *auth;
	const struct endpoint *endpoint;
	char *base; /* "https://host" */
	pthread_mutex_t lock;
	char *scope;	    /* of tokens; NULL: none needed. Changed by client_also() */
	int64_t not_before; /* ms, monotonic: no request before this time (Retry-After) */
};

/* client_path - BASE/v2/REPOSITORY/ followed by the formatted text. Heap; NULL: out of memory. */
char *client_path(const struct client *c, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/*
 * client_once - send a request with credentials; repeated only to authenticate.
 * Fills in q->authorization and q->endpoint.
 * scope    NULL: the client's
 * returns  0 if a response was received, whatever its status
 */
int client_once(struct client *c, struct http_request *q, const char *scope,
		struct http_response *out, struct err *err) MUST_CHECK;

/* client_call - client_once() with retries, for idempotent requests. */
int client_call(struct client *c, struct http_request *q, const char *scope,
		struct http_response *out, struct err *err) MUST_CHECK;

#define WEB_PAGE "the server answered with a web page: is it a registry?"

/* client_error - convert an error response into a message in the registry's words and a -errno. */
int client_error(const struct http_response *r, struct err *err);

#endif
