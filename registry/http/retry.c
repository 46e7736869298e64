/*
 * Exponential backoff with jitter. A server's Retry-After takes precedence.
 */
#include "registry/http/retry.h"

#include <stdint.h>
#include <sys/random.h>

#include "base/err.h"
#include "base/log.h"
#include "registry/http/http.h"

#define FIRST_MS 250
#define LONGEST_MS (15 * 1000)
#define TOTAL_MAX 64

bool retry_status(long status)
{
	return status == 408 || status == 429 ||
	       (status >= 500 && status < 600 && status != 501 && status != 505);
}

static unsigned jitter(unsigned ms)
{
	uint32_t n = 0;

	if (getrandom(&n, sizeof(n), 0) != (ssize_t)sizeof(n))
		return ms;
	/* Between half and all of the delay. */
	return ms / 2 + n % (ms / 2 + 1);
}

bool retry_wait(struct retry *t, int r, const struct http_response *answer, bool progress)
{
	int64_t after = answer ? answer->retry_after : -1;
	unsigned ms = FIRST_MS, i;

	t->failed = progress ? 1 : t->failed + 1;
	t->total++;
	if (r < 0 ? !http_transient(r) : !answer || !retry_status(answer->status))
		return false;
	if (t->failed >= RETRY_TRIES || t->total >= TOTAL_MAX || after > RETRY_AFTER_MAX)
		return false;
	for (i = 1; i < t->failed && ms < LONGEST_MS; i++)
		ms *= 2;
	ms = after >= 0 ? (unsigned)after * 1000 : jitter(ms < LONGEST_MS ? ms : LONGEST_MS);
	log_debug("retry in %u ms", ms);
	return http_sleep(t->http, ms) == 0;
}

int retry_reported(const struct retry *t, int r, struct err *err)
{
	return t->total > 1 ? err_wrap(err, r, "after %u tries", t->total) : r;
}
