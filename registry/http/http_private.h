/*
 * Shared by the files of http: a transfer, filled by the loop thread and emptied by its caller.
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

/* Bytes of a body that are buffered before the transfer is paused. */
#define HTTP_WINDOW (1u << 20)

struct http {
	CURLM *multi;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t ended;	       /* signals cancelled; uses the monotonic clock */
	struct http_transfer *pending; /* not yet added to multi */
	struct http_transfer *active;  /* used by the loop thread only */
	bool stop, cancelled;
	unsigned stall_seconds;
	char *system_ca; /* path of the CA bundle; NULL: libcurl's default */
};

struct http_transfer {
	struct http_transfer *next;
	struct http *http;
	const struct http_request *q;
	struct http_response *r; /* owned by the loop thread until headers or done is set */
	CURL *easy;
	char text[CURL_ERROR_SIZE];
	uint64_t at; /* bytes of the request body that were read */
	size_t header_bytes;
	bool informed; /* the headers are complete, and not those of a 1xx */
	int64_t moved; /* ms, monotonic: last time that data was sent or received */

	/* Protected by lock. */
	pthread_mutex_t lock;
	pthread_cond_t cond;
	unsigned char *window; /* ring buffer of HTTP_WINDOW bytes, allocated on first use */
	uint64_t in, out;      /* bytes received, and bytes consumed */
	bool paused, resume;   /* paused by the loop; the caller requests to resume */
	bool waiting;	       /* the caller waits for data */
	bool abort;	       /* the caller needs no more data */
	bool headers, done;
	int error; /* -errno of the loop or a callback; takes precedence over code */
	CURLcode code;
};

int http_loop_start(struct http *h, struct err *err) MUST_CHECK;
void http_loop_stop(struct http *h);

/* http_loop_add - start a transfer. The loop thread owns t->easy until t->done. */
int http_loop_add(struct http *h, struct http_transfer *t) MUST_CHECK;
void http_loop_wake(struct http *h);

/* http_loop_callbacks - set the callbacks of a transfer's easy handle. */
void http_loop_callbacks(struct http_transfer *t);

int64_t http_now(void);

#endif
