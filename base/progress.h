/*
 * A progress bar on stderr with the rate and the time left, only where that is a terminal and the user did
 * not ask for quiet.
 */
#ifndef BASE_PROGRESS_H
#define BASE_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct progress {
	char what[48];
	uint64_t done, total;	 /* bytes; total 0: not known */
	int64_t began, shown_at; /* rate_now() */
	bool on, drawn;
};

void progress_start(struct progress *p, const char *what, uint64_t total, bool quiet);
void progress_add(struct progress *p, uint64_t bytes);
/* progress_end - take the bar off the screen. */
void progress_end(struct progress *p);

#endif
