/*
 * Between the parts of client: one request of the protocol with all that belongs to it.
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
	char *scope;	    /* of tokens; NULL: none is needed. Changes with client_also() */
	int64_t not_before; /* ms, monotonic: the server has asked for patience */
};

/* client_path - BASE/v2/REPOSITORY/ and what the format gives. Heap; NULL: no memory. */
char *client_path(const struct client *c, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/*
 * client_once - a request with the credentials that it needs, without repeating it otherwise.
 * q->authorization and q->endpoint are filled in.
 * scope    NULL: the client's
 * returns  0 where an answer came
 */
int client_once(struct client *c, struct http_request *q, const char *scope,
		struct http_response *out, struct err *err) MUST_CHECK;

/* client_call - the same, repeated where that may help. For what may be done twice. */
int client_call(struct client *c, struct http_request *q, const char *scope,
		struct http_response *out, struct err *err) MUST_CHECK;

#define WEB_PAGE "the server answered with a web page: is it a registry?"

/* client_error - an answer that is no success, in the registry's words; returns a -errno. */
int client_error(const struct http_response *r, struct err *err);

#endif
