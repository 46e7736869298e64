/*
 * HTTP requests over libcurl: one loop thread moves the bytes of all of
 * them, the caller of each waits for its answer and takes the body in its own
 * thread, so that a slow taker stalls nobody else.
 *
 * Redirects are followed here. What proves who asks (the Authorization header, a client
 * certificate) goes to the scheme, host and port that it was meant for, and to no other. Where
 * an answer leads to another host, that one's certificate may be of an authority that is trusted for
 * either: who runs a registry signs its storage by the same one.
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
#define HTTP_ERROR_BODY_MAX (1u << 20) /* bytes of a body that is no success; more is cut off */
#define HTTP_CHALLENGES_MAX 8

struct http_options {
	unsigned stall_seconds; /* no byte for so long ends a transfer; 0: HTTP_STALL_SECONDS */
};

/* http_new - o may be NULL. http_free() ends what is under way; no http_do() may be in it any more. */
int http_new(const struct http_options *o, struct http **out, struct err *err) MUST_CHECK;
void http_free(struct http *h);

/* http_cancel - every request under way, and every later one, fails with -ECANCELED. Threads: any. */
void http_cancel(struct http *h);

/* http_sleep - -ECANCELED, at once, when http_cancel() is or was called. h may be NULL. */
int http_sleep(struct http *h, unsigned ms) MUST_CHECK;

/* What came back. Strings are heap or NULL; http_response_fini() frees them. */
struct http_response {
	long status;
	char *url;			       /* that answered, after redirects */
	char *content_type;		       /* without its parameters, in lower case */
	char *location;			       /* absolute */
	char *digest;			       /* Docker-Content-Digest */
	char *range;			       /* Range, of an upload: "0-1023" */
	char *link;			       /* all of them, with commas between */
	char *chunk_min;		       /* OCI-Chunk-Min-Length */
	char *challenges[HTTP_CHALLENGES_MAX]; /* WWW-Authenticate, one header each */
	size_t n_challenges;
	int64_t content_length; /* -1: not said */
	int64_t range_start;	/* of Content-Range in a 206; -1: not said */
	int64_t retry_after;	/* seconds, 0 or more; -1: not said */
	struct buf text;	/* the body, where no sink took it */
};

#define _cleanup_response_ __attribute__((cleanup(http_response_fini)))
void http_response_fini(struct http_response *r);

struct http_request {
	const char *method;	    /* "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE" */
	const char *url;	    /* http:// or https:// */
	const char *const *headers; /* "Name: value", NULL behind the last; may be NULL */
	const char *authorization;  /* the header's value; NULL: none */
	const char *home; /* a URL of whom authorization and endpoint are meant for; NULL: url */
	const struct endpoint *
		endpoint; /* whose certificates count; elsewhere only its authority does. May be NULL */
	/*
	 * The body: length bytes of memory, or of fd from offset on where body is NULL. It is read by the loop's
	 * thread. A length of -1: no body.
	 */
	const void *body;
	int body_fd;
	uint64_t body_offset;
	int64_t body_length;
	/* a body of an answer beyond this is -EFBIG; 0: what is too much of it is left away */
	uint64_t max;
	bool no_redirect; /* a 3xx is the answer */
	/*
	 * sink    takes the body of a 2xx as it comes, in the caller's thread; an error ends the request and is
	 *         http_do()'s. NULL: the body goes to response.text
	 * head    is called before the first byte of it, where there is a sink; may be NULL
	 * sent    is told of bytes that went out; from the loop's thread; may be NULL
	 */
	int (*head)(void *arg, const struct http_response *r, struct err *err);
	int (*sink)(void *arg, const void *data, size_t len, struct err *err);
	void (*sent)(void *arg, uint64_t bytes);
	void *arg;
};

/*
 * http_do - one request, and the redirects that it meets. Threads: any.
 * returns 0 where an answer came to its end, whatever its status
 * errors  -ECONNREFUSED, -EHOSTUNREACH, -ETIMEDOUT, -ECONNRESET: none came, or it broke off (http_transient());
 *         -EPROTO no HTTP, or a redirect that is not followed; -EFBIG over max; -EKEYREJECTED the server's certificate; -ENOTCONN no TLS
 *         is spoken there; -ECANCELED; or what the sink said
 */
int http_do(struct http *h, const struct http_request *q, struct http_response *out,
	    struct err *err) MUST_CHECK;

/* http_transient - may the same request succeed a little later? r is http_do()'s error, or -EAGAIN for an answer of such a status. */
bool http_transient(int r);

/* http_library_version - of the libcurl in use. */
const char *http_library_version(void);

#endif
