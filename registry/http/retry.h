/*
 * Retries: after which failures, how often, and after which delay.
 */
#ifndef REGISTRY_HTTP_RETRY_H
#define REGISTRY_HTTP_RETRY_H

#include <stdbool.h>

#include "base/err.h"

struct http;
struct http_response;

#define RETRY_TRIES 6

struct retry {
	unsigned failed;   /* consecutive attempts without progress */
	unsigned total;	   /* attempts */
	struct http *http; /* http_cancel() ends the delay; may be NULL */
};

#define RETRY_INIT         \
	{                  \
		0, 0, NULL \
	}

#define RETRY_AFTER_MAX 60 /* seconds; a larger Retry-After is an error */

/* retry_status - true for transient statuses: 408, 429, and 5xx except 501 and 505. */
bool retry_status(long status);

/*
 * retry_wait - after a failed attempt: sleep before the next one, or give up.
 * r        the result of http_do(); 0 with an answer whose status is transient
 * answer   the response, for its Retry-After; may be NULL
 * progress the attempt transferred data, so the count of failures restarts
 * returns  true: try again
 */
bool retry_wait(struct retry *t, int r, const struct http_response *answer, bool progress);

/* retry_reported - add the number of attempts to err if it is more than one. Returns r. */
int retry_reported(const struct retry *t, int r, struct err *err) MUST_CHECK;

#endif
