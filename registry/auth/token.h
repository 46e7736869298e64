/*
 * One request to a token server, and its response.
 * spec    distribution's "Token Authentication Specification" and "Oauth2 Token Authentication"
 */
#ifndef REGISTRY_AUTH_TOKEN_H
#define REGISTRY_AUTH_TOKEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct cred;
struct endpoint;
struct http;

#define TOKEN_ANSWER_MAX (1024 * 1024)
#define TOKEN_MAX (256 * 1024)

struct token {
	char *text;
	int64_t lives;	/* seconds; 60 if the server does not say, as the specification requires */
	char *identity; /* the identity token, if requested and issued; otherwise NULL */
};

#define _cleanup_token_ __attribute__((cleanup(token_fini)))

struct token_request {
	const char *url;		 /* the realm */
	const struct endpoint *endpoint; /* of the realm's host */
	const char *service, *scope;	 /* scopes are separated by blanks; "" for none */
	const struct cred *cred;	 /* NULL: anonymous */
	bool offline;			 /* also request an identity token */
};

/*
 * token_fetch - fetch a token, with retries after transient errors.
 * out     token_fini()
 * errors  -EACCES the server's message for wrong credentials; -EPROTO no token in the response;
 *         those of http_do()
 */
int token_fetch(struct http *h, const struct token_request *q, struct token *out,
		struct err *err) MUST_CHECK;
void token_fini(struct token *t);

/* token_read - parse the body of a response. The caller adds the server to the error. */
int token_read(const char *text, size_t len, struct token *out, struct err *err) MUST_CHECK;

#endif
