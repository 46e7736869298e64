/*
 * Several progress bars on stderr, one line each, where that is a terminal and the user did not ask
 * for quiet: the layers of an image on their way.
 * threads any; NULL is legal everywhere and shows nothing
 */
#ifndef BASE_BARS_H
#define BASE_BARS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct bars;

/* bars_new - n lines, empty until bars_state(). NULL: no terminal, quiet, or no memory. */
struct bars *bars_new(size_t n, bool quiet);

/* bars_free - the last states stay on the screen. */
void bars_free(struct bars *b);

/*
 * bars_state - what line i says: "5f70bf18a086: Pushed". Copied.
 * total   bytes; a bar is shown where it is not 0. What was counted starts from 0
 */
void bars_state(struct bars *b, size_t i, const char *label, const char *state, uint64_t total);

/* bars_add - so many bytes of line i more; bars_set - so many in all: a resumed transfer may fall back. */
void bars_add(struct bars *b, size_t i, uint64_t bytes);
void bars_set(struct bars *b, size_t i, uint64_t bytes);

/* bars_say - a line on stdout, without its newline, above the bars; bars_print - the same on any stream. */
void bars_say(struct bars *b, const char *line);
void bars_print(struct bars *b, FILE *to, const char *line);

/*
 * bars_show_lines - the bars stand for docker's lines about each layer: stdout is the same terminal.
 * False for NULL.
 */
bool bars_show_lines(const struct bars *b);

#endif
