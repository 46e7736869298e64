/*
 * Progress on stderr, if stderr is a terminal and the user did not ask for quiet: either one bar
 * that is erased at the end, or one line for each of several transfers, which stays.
 *
 * threads any; NULL is legal everywhere and shows nothing
 */
#ifndef BASE_PROGRESS_H
#define BASE_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct progress;

/*
 * progress_bar - create a bar: "Saving [===>   ] 12MB/40MB 3MB/s 9s left". progress_end() erases
 * it.
 * total   bytes; 0: unknown, only the count is shown
 * returns NULL: no terminal, quiet, or out of memory
 */
struct progress *progress_bar(const char *what, uint64_t total, bool quiet);

/*
 * progress_lines - create n lines, empty until progress_state(). Their last states stay on the
 * screen.
 */
struct progress *progress_lines(size_t n, bool quiet);

/* progress_end - finish and free; NULL is legal. */
void progress_end(struct progress *p);

static inline void cleanup_progress(struct progress **p)
{
	progress_end(*p);
}
#define _cleanup_progress_ __attribute__((cleanup(cleanup_progress)))

/*
 * progress_state - set the text of line i: "5f70bf18a086: Pushed". Copied.
 * total   bytes; if not 0, a bar is shown. Counting starts again from 0
 */
void progress_state(struct progress *p, size_t i, const char *label, const char *state,
		    uint64_t total);

/* progress_add - count more bytes of the single bar; progress_add_line - of line i. */
void progress_add(struct progress *p, uint64_t bytes);
void progress_add_line(struct progress *p, size_t i, uint64_t bytes);

/* progress_set_line - set the count of line i. It may decrease, if a transfer restarts. */
void progress_set_line(struct progress *p, size_t i, uint64_t bytes);

/* progress_hide - erase what is drawn until the next update. */
void progress_hide(struct progress *p);

/*
 * progress_print - print a line above the bars. NULL: print it without bars.
 * line    without a newline
 */
void progress_print(struct progress *p, FILE *to, const char *line);

/*
 * progress_replaces_stdout - true if stdout is a terminal, too, so that the lines replace
 * docker's per-layer output. False for NULL.
 */
bool progress_replaces_stdout(const struct progress *p);

#define PROGRESS_RATE_MAX 72

/*
 * progress_rate - format the end of a line: " 12.3MB/s 1m05s left", or "" in the first second.
 * done    bytes in the last ms milliseconds
 * left    bytes to go; 0: unknown
 */
void progress_rate(uint64_t done, uint64_t left, int64_t ms, char out[static PROGRESS_RATE_MAX]);

#endif
