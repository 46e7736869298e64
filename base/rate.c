/*
 * The mean since the beginning: steady, and right in the end.
 */
#include "base/rate.h"

#include <stdio.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/text.h"

#define FIRST_MS 1000
/* Longer is not said: it was hardly going on. */
#define LEFT_MAX_S (100 * 3600)

int64_t rate_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

void rate_text(uint64_t done, uint64_t left, int64_t began, int64_t now, char out[static RATE_MAX])
{
	int64_t ms = now - began;
	char size[32], time[32] = "";
	double rate, s;
	unsigned n;

	out[0] = '\0';
	if (!done || ms < FIRST_MS)
		return;
	rate = (double)done * 1000 / (double)ms;
	text_size((uint64_t)MIN(rate, 1e18), size);
	s = (double)left / rate;
	if (left && s < LEFT_MAX_S) {
		n = (unsigned)s + 1;
		if (n >= 3600)
			snprintf(time, sizeof(time), " %uh%02um left", n / 3600, n / 60 % 60);
		else if (n >= 60)
			snprintf(time, sizeof(time), " %um%02us left", n / 60, n % 60);
		else
			snprintf(time, sizeof(time), " %us left", n);
	}
	snprintf(out, RATE_MAX, " %s/s%s", size, time);
}
