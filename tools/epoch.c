/*
 * Parses times with the functions for filters.
 */
#include "tools/epoch.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "base/err.h"
#include "base/text.h"

int epoch_parse(const char *s, int64_t *out, struct err *err)
{
	struct timespec t;
	uint64_t seconds;

	if (text_parse_u64(s, 253402300799ull, &seconds) == 0)
		*out = (int64_t)seconds;
	else if (text_parse_time(s, &t) == 0 && t.tv_sec >= 0)
		*out = t.tv_sec;
	else
		return err_set(err, EINVAL,
			       "invalid timestamp \"%s\": must be seconds since 1970 or RFC 3339",
			       s);
	return 0;
}

int epoch_env(int64_t *out, struct err *err)
{
	const char *epoch = getenv("SOURCE_DATE_EPOCH");

	return epoch && *epoch ? epoch_parse(epoch, out, err) : 0;
}
