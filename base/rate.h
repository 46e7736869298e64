/*
 * How fast something goes on, and how long it still takes: the end of a progress bar's line.
 */
#ifndef BASE_RATE_H
#define BASE_RATE_H

#include <stdint.h>

#define RATE_MAX 72

/* rate_now - ms of the monotonic clock. */
int64_t rate_now(void);

/*
 * rate_text - " 12.3MB/s 1m05s left", or "" in the first second, when it could not be told.
 * done    so many bytes since began (rate_now()); left is what is missing yet, 0: not known
 */
void rate_text(uint64_t done, uint64_t left, int64_t began, int64_t now, char out[static RATE_MAX]);

#endif
