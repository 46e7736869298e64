/*
 * Between the parts of http: one transfer, which the loop's thread fills and its caller empties.
 */
#ifndef REGISTRY_HTTP_HTTP_PRIVATE_H
#define REGISTRY_HTTP_HTTP_PRIVATE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <curl/curl.h>

#include "base/err.h"
#include "registry/http/http.h"

/* What may have come of a body before the transfer is paused. */
#define HTTP_WINDOW (1u << 20)

struct http {
	CURLM *multi;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t ended;	       /* cancelled has been set; on the monotonic clock */
	struct http_transfer *pending; /* to be added */
	struct http_transfer *active;  /* the loop's own list */
	bool stop, cancelled;
	unsigned stall_seconds;
	char *system_ca; /* path of the bundle; NULL: libcurl's own */
};

struct http_transfer {
	struct http_transfer *next;
	struct http *http;
	const struct http_request *q;
	struct http_response *r; /* the loop's until headers or done */
	CURL *easy;
	char text[CURL_ERROR_SIZE];
	uint64_t at; /* of the request's body: what was read of it */
	size_t header_bytes;
	bool informed; /* the header block is complete, and is the answer's: no 1xx */
	int64_t moved; /* ms, monotonic: when a byte last went or came */

	/* Under lock. */
	pthread_mutex_t lock;
	pthread_cond_t cond;
	unsigned char *window; /* a circle of HTTP_WINDOW bytes, made when the first comes */
	uint64_t in, out;      /* bytes that came, and that were taken */
	bool paused, resume;   /* the loop has paused it; the caller asks it to go on */
	bool waiting;	       /* the caller, for bytes */
	bool abort;	       /* the caller wants no more */
	bool headers, done;
	int error; /* -errno that the loop or a callback found; what libcurl says counts less */
	CURLcode code;
};

int http_loop_start(struct http *h, struct err *err) MUST_CHECK;
void http_loop_stop(struct http *h);

/* http_loop_add - t->easy is the loop's from here on until t->done. */
int http_loop_add(struct http *h, struct http_transfer *t) MUST_CHECK;
void http_loop_wake(struct http *h);

/* http_loop_callbacks - let the easy handle of a transfer call what is here. */
void http_loop_callbacks(struct http_transfer *t);

int64_t http_now(void);

#endif
