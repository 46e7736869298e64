/*
 * When a request is tried again: after what, how often, and how long later.
 */
#ifndef REGISTRY_HTTP_RETRY_H
#define REGISTRY_HTTP_RETRY_H

#include <stdbool.h>

#include "base/err.h"

struct http;
struct http_response;

#define RETRY_TRIES 6

struct retry {
	unsigned failed;   /* tries without any progress, so far */
	unsigned total;	   /* tries in all */
	struct http *http; /* whose http_cancel() ends the waiting; may be NULL */
};

#define RETRY_INIT         \
	{                  \
		0, 0, NULL \
	}

#define RETRY_AFTER_MAX 60 /* s; a server that wants more patience is given up */

/* retry_status - an answer that may be another one a little later: 408, 429, 5xx but 501 and 505. */
bool retry_status(long status);

/*
 * retry_wait - after a try that failed: sleep, or give up.
 * r        what http_do() returned; 0 with an answer of such a status
 * answer   the answer, for its Retry-After; may be NULL
 * progress it had moved bytes, so that the count of failures begins anew
 * returns  true: try again now
 */
bool retry_wait(struct retry *t, int r, const struct http_response *answer, bool progress);

/* retry_reported - err gets how often it was tried, where that was more than once. Returns r. */
int retry_reported(const struct retry *t, int r, struct err *err) MUST_CHECK;

#endif
