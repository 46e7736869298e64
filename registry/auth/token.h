/*
 * One question to a token server, and its answer.
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
	int64_t lives; /* seconds, as the server says, or the 60 that the specification has for one that does not */
	char *identity; /* an identity token, where one was asked for and given; NULL */
};

#define _cleanup_token_ __attribute__((cleanup(token_fini)))

struct token_request {
	const char *url;		 /* the realm */
	const struct endpoint *endpoint; /* of the realm's host */
	const char *service, *scope;	 /* scope: several with a blank between; "" for none */
	const struct cred *cred;	 /* NULL: as nobody */
	bool offline;			 /* ask for an identity token, too */
};

/*
 * token_fetch - ask; what may be better a little later is asked again.
 * out     token_fini()
 * errors  -EACCES what the server says to wrong credentials; -EPROTO no token in the answer; those of http_do()
 */
int token_fetch(struct http *h, const struct token_request *q, struct token *out,
		struct err *err) MUST_CHECK;
void token_fini(struct token *t);

/* token_read - an answer's body; what it was asked from is in the caller's error. */
int token_read(const char *text, size_t len, struct token *out, struct err *err) MUST_CHECK;

#endif
