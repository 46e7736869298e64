/*
 * All lines are drawn anew, ten times a second at the most, with the cursor below the last.
 */
#include "base/bars.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/rate.h"
#include "base/text.h"

#define REDRAW_MS 100
#define LABEL_MAX 24
#define STATE_MAX 128
#define LINE_MAX_BYTES 512
#define BAR_MAX 50

struct bar {
	char label[LABEL_MAX];
	char state[STATE_MAX];
	uint64_t done, total;
	uint64_t first; /* what was there already when it began */
	int64_t began;	/* rate_now() of the first byte; 0: none came yet */
};

struct bars {
	pthread_mutex_t lock;
	size_t n, drawn; /* lines on the screen now */
	int64_t shown_at;
	bool lines;
	struct bar v[];
};

struct bars *bars_new(size_t n, bool quiet)
{
	struct bars *b;

	if (quiet || !n || !isatty(STDERR_FILENO))
		return NULL;
	b = calloc(1, sizeof(*b) + n * sizeof(b->v[0]));
	if (!b)
		return NULL;
	pthread_mutex_init(&b->lock, NULL);
	b->n = n;
	b->lines = isatty(STDOUT_FILENO);
	return b;
}

bool bars_show_lines(const struct bars *b)
{
	return b && b->lines;
}

/* Lines and columns of the terminal; one that does not say has the usual ones. */
static void size_of(size_t *rows, size_t *columns)
{
	struct winsize w;
	bool known = ioctl(STDERR_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_row > 1 && w.ws_col > 1;

	*rows = known ? w.ws_row : 24;
	*columns = known ? w.ws_col : 80;
}

static void draw_line(const struct bar *v, size_t columns)
{
	char done[32], total[32], rate[RATE_MAX] = "", bar[BAR_MAX + 1], line[LINE_MAX_BYTES];
	uint64_t left = v->total > v->done ? v->total - v->done : 0;
	size_t n, width;

	if (v->total) {
		width = columns > 90 ? MIN(columns - 76, (size_t)BAR_MAX) : 10;
		n = (size_t)((double)MIN(v->done, v->total) / (double)v->total * (double)width);
		memset(bar, ' ', width);
		memset(bar, '=', n);
		if (n < width)
			bar[n] = '>';
		bar[width] = '\0';
		text_size(v->done, done);
		text_size(v->total, total);
		if (v->began && v->done > v->first)
			rate_text(v->done - v->first, left, v->began, rate_now(), rate);
		snprintf(line, sizeof(line), "%s: %s [%s] %s/%s%s", v->label, v->state, bar, done,
			 total, rate);
	} else {
		snprintf(line, sizeof(line), "%s: %s", v->label, v->state);
	}
	/* A line that wraps would be two. */
	fprintf(stderr, "\r\033[K%.*s\n", (int)(columns - 1), line);
}

static void erase(struct bars *b)
{
	if (b->drawn)
		fprintf(stderr, "\033[%zuA\r\033[J", b->drawn);
	b->drawn = 0;
}

/* As many as fit: where not all do, those that are on their way before those that are through. */
static void draw(struct bars *b)
{
	size_t rows, columns, room, i, used = 0, busy = 0;

	size_of(&rows, &columns);
	room = rows - 1;
	for (i = 0; i < b->n; i++) {
		used += b->v[i].state[0] != '\0';
		busy += b->v[i].total != 0;
	}
	erase(b);
	for (i = 0; i < b->n && b->drawn < room; i++) {
		const struct bar *v = &b->v[i];

		if (!v->state[0] || (used > room && busy && !v->total))
			continue;
		draw_line(v, columns);
		b->drawn++;
	}
	fflush(stderr);
	b->shown_at = rate_now();
}

void bars_state(struct bars *b, size_t i, const char *label, const char *state, uint64_t total)
{
	if (!b || i >= b->n)
		return;
	pthread_mutex_lock(&b->lock);
	snprintf(b->v[i].label, sizeof(b->v[i].label), "%s", label);
	snprintf(b->v[i].state, sizeof(b->v[i].state), "%s", state);
	text_neutralise(b->v[i].label);
	text_neutralise(b->v[i].state);
	b->v[i].total = total;
	b->v[i].done = b->v[i].first = 0;
	b->v[i].began = 0;
	draw(b);
	pthread_mutex_unlock(&b->lock);
}

static void count(struct bars *b, size_t i, uint64_t bytes, bool more)
{
	if (!b || i >= b->n)
		return;
	pthread_mutex_lock(&b->lock);
	b->v[i].done = more ? b->v[i].done + bytes : bytes;
	/* What is set first, and what falls back, was not transferred now. */
	if (!b->v[i].began || b->v[i].done < b->v[i].first) {
		b->v[i].began = rate_now();
		b->v[i].first = more ? 0 : b->v[i].done;
	}
	if (rate_now() - b->shown_at >= REDRAW_MS)
		draw(b);
	pthread_mutex_unlock(&b->lock);
}

void bars_add(struct bars *b, size_t i, uint64_t bytes)
{
	count(b, i, bytes, true);
}

void bars_set(struct bars *b, size_t i, uint64_t bytes)
{
	count(b, i, bytes, false);
}

void bars_print(struct bars *b, FILE *to, const char *line)
{
	if (!b) {
		fprintf(to, "%s\n", line);
		fflush(to);
		return;
	}
	pthread_mutex_lock(&b->lock);
	erase(b);
	fflush(stderr);
	fprintf(to, "%s\n", line);
	fflush(to);
	draw(b);
	pthread_mutex_unlock(&b->lock);
}

void bars_say(struct bars *b, const char *line)
{
	bars_print(b, stdout, line);
}

void bars_free(struct bars *b)
{
	if (!b)
		return;
	draw(b);
	pthread_mutex_destroy(&b->lock);
	free(b);
}
