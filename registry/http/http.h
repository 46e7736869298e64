/*
 * HTTP requests over libcurl. One loop thread transfers the data of all requests. Each caller waits
 * for its response and consumes the body in its own thread, so a slow caller does not block others.
 *
 * Redirects are followed. The Authorization header and client certificates are sent only to the
 * scheme, host and port that they are for. After a redirect to another host the registry's CA is
 * trusted, too, because private registries often sign their storage with the same CA.
 *
 * spec    RFC 9110, RFC 9112; OCI distribution-spec
 */
#ifndef REGISTRY_HTTP_HTTP_H
#define REGISTRY_HTTP_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

struct endpoint;
struct http;

#define HTTP_STALL_SECONDS 30
#define HTTP_ERROR_BODY_MAX (1u << 20) /* bytes of an error body; the rest is ignored */
#define HTTP_CHALLENGES_MAX 8

struct http_options {
	unsigned stall_seconds; /* timeout without any data; 0: HTTP_STALL_SECONDS */
};

/*
 * http_new  - create a client; o may be NULL.
 * http_free - cancel all requests. No thread may be in http_do().
 */
int http_new(const struct http_options *o, struct http **out, struct err *err) MUST_CHECK;
void http_free(struct http *h);

/* http_cancel - make all current and future requests fail with -ECANCELED. Threads: any. */
void http_cancel(struct http *h);

/* http_sleep - sleep; -ECANCELED as soon as http_cancel() is called. h may be NULL. */
int http_sleep(struct http *h, unsigned ms) MUST_CHECK;

/* A response. Strings are heap or NULL; http_response_fini() frees them. */
struct http_response {
	long status;
	char *url;			       /* of the response, after redirects */
	char *content_type;		       /* without its parameters, in lower case */
	char *location;			       /* absolute */
	char *digest;			       /* Docker-Content-Digest */
	char *range;			       /* Range, of an upload: "0-1023" */
	char *link;			       /* all Link headers, joined by commas */
	char *chunk_min;		       /* OCI-Chunk-Min-Length */
	char *challenges[HTTP_CHALLENGES_MAX]; /* WWW-Authenticate, one header each */
	size_t n_challenges;
	int64_t content_length; /* -1: unknown */
	int64_t range_start;	/* of Content-Range in a 206; -1: unknown */
	int64_t retry_after;	/* seconds, 0 or more; -1: none */
	struct buf text;	/* the body, if there is no sink */
};

#define _cleanup_response_ __attribute__((cleanup(http_response_fini)))
void http_response_fini(struct http_response *r);

struct http_request {
	const char *method;	    /* "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE" */
	const char *url;	    /* http:// or https:// */
	const char *const *headers; /* "Name: value", NULL-terminated; may be NULL */
	const char *authorization;  /* the header's value; NULL: none */
	const char *home; /* the server that authorization and endpoint are for; NULL: url */
	/* For TLS. After a redirect to another host only its CA is used. May be NULL. */
	const struct endpoint *endpoint;
	/*
	 * The request body: length bytes of memory, or of fd from offset if body is NULL. Read by
	 * the loop thread. A length of -1: no body.
	 */
	const void *body;
	int body_fd;
	uint64_t body_offset;
	int64_t body_length;
	/* Maximum size of the response body, larger is -EFBIG; 0: truncate at a built-in limit. */
	uint64_t max;
	bool no_redirect; /* return a 3xx response to the caller */
	/*
	 * sink    receives the body of a 2xx in the caller's thread; an error ends the request and
	 *         is returned by http_do(). NULL: the body is stored in response.text
	 * head    called before the first byte if there is a sink; may be NULL
	 * sent    receives the number of bytes sent; called by the loop thread; may be NULL
	 */
	int (*head)(void *arg, const struct http_response *r, struct err *err);
	int (*sink)(void *arg, const void *data, size_t len, struct err *err);
	void (*sent)(void *arg, uint64_t bytes);
	void *arg;
};

/*
 * http_do - send one request and follow redirects. Threads: any. returns 0 if a complete response
 * was received, whatever its status
 * errors  -ECONNREFUSED, -EHOSTUNREACH, -ETIMEDOUT, -ECONNRESET: no or an incomplete response
 *         (http_transient()); -EPROTO not HTTP, or a redirect that is not allowed; -EFBIG larger
 *         than max; -EKEYREJECTED invalid certificate; -ENOTCONN the server does not speak TLS;
 *         -ECANCELED; the sink's errors
 */
int http_do(struct http *h, const struct http_request *q, struct http_response *out,
	    struct err *err) MUST_CHECK;

/*
 * http_transient - true if a retry may succeed after r, an error of http_do(), or -EAGAIN for a
 * response whose status is transient.
 */
bool http_transient(int r);

/* http_library_version - of the libcurl in use. */
const char *http_library_version(void);

#endif
