/*
 * All lines are redrawn at most ten times a second. The cursor stays below the last of several
 * lines, or at the end of a single bar.
 */
#include "base/progress.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/text.h"

#define REDRAW_MS 100
#define RATE_AFTER_MS 1000
/* Longer estimates are not shown: the transfer is stalled. */
#define LEFT_MAX_S (100 * 3600)
#define LABEL_MAX 48
#define STATE_MAX 128
#define LINE_MAX_BYTES 512
#define BAR_MAX 50
#define BAR_SINGLE 24

struct line {
	char label[LABEL_MAX]; /* "": not shown */
	char state[STATE_MAX];
	uint64_t done, total;
	uint64_t first; /* bytes present when counting began */
	int64_t began;	/* when the first byte was counted; 0: none yet */
};

struct progress {
	pthread_mutex_t lock;
	size_t n, drawn; /* lines on the screen now */
	int64_t drawn_at;
	bool single;
	bool replaces_stdout;
	struct line v[];
};

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* The mean since the start is steady and correct at the end. */
void progress_rate(uint64_t done, uint64_t left, int64_t ms, char out[static PROGRESS_RATE_MAX])
{
	char size[32], time[32] = "";
	double rate, s;
	unsigned n;

	out[0] = '\0';
	if (!done || ms < RATE_AFTER_MS)
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
	snprintf(out, PROGRESS_RATE_MAX, " %s/s%s", size, time);
}

struct progress *progress_lines(size_t n, bool quiet)
{
	struct progress *p;

	if (quiet || !n || !isatty(STDERR_FILENO))
		return NULL;
	p = calloc(1, sizeof(*p) + n * sizeof(p->v[0]));
	if (!p)
		return NULL;
	pthread_mutex_init(&p->lock, NULL);
	p->n = n;
	p->replaces_stdout = isatty(STDOUT_FILENO);
	return p;
}

struct progress *progress_bar(const char *what, uint64_t total, bool quiet)
{
	struct progress *p = progress_lines(1, quiet);

	if (!p)
		return NULL;
	p->single = true;
	snprintf(p->v[0].label, sizeof(p->v[0].label), "%s", what);
	p->v[0].total = total;
	p->v[0].began = p->drawn_at = now_ms();
	return p;
}

bool progress_replaces_stdout(const struct progress *p)
{
	return p && p->replaces_stdout;
}

/* The default applies if the size of the terminal is unknown. */
static void terminal_size(size_t *rows, size_t *columns)
{
	struct winsize w;
	bool known = ioctl(STDERR_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_row > 1 && w.ws_col > 1;

	*rows = known ? w.ws_row : 24;
	*columns = known ? w.ws_col : 80;
}

static void format_bar(const struct line *v, size_t width, char bar[static BAR_MAX + 1])
{
	size_t n = (size_t)((double)MIN(v->done, v->total) / (double)v->total * (double)width);

	memset(bar, ' ', width);
	memset(bar, '=', n);
	if (n < width)
		bar[n] = '>';
	bar[width] = '\0';
}

static size_t bar_width(const struct progress *p, size_t columns)
{
	if (p->single)
		return BAR_SINGLE;
	return columns > 90 ? MIN(columns - 76, (size_t)BAR_MAX) : 10;
}

static void draw_line(const struct progress *p, const struct line *v, size_t columns)
{
	char done[32], total[32], rate[PROGRESS_RATE_MAX] = "", bar[BAR_MAX + 1];
	char line[LINE_MAX_BYTES];
	uint64_t left = v->total > v->done ? v->total - v->done : 0;
	const char *colon = v->state[0] ? ": " : "";

	text_size(v->done, done);
	if (v->began && v->done > v->first)
		progress_rate(v->done - v->first, left, now_ms() - v->began, rate);
	if (v->total) {
		format_bar(v, bar_width(p, columns), bar);
		text_size(v->total, total);
		snprintf(line, sizeof(line), "%s%s%s [%s] %s/%s%s", v->label, colon, v->state, bar,
			 done, total, rate);
	} else if (p->single) {
		snprintf(line, sizeof(line), "%s %s%s", v->label, done, rate);
	} else {
		snprintf(line, sizeof(line), "%s%s%s", v->label, colon, v->state);
	}
	/* A wrapped line could not be erased. */
	fprintf(stderr, "\r\033[K%.*s%s", (int)(columns - 1), line, p->single ? "" : "\n");
}

static void erase(struct progress *p)
{
	if (p->drawn && p->single)
		fputs("\r\033[K", stderr);
	else if (p->drawn)
		fprintf(stderr, "\033[%zuA\r\033[J", p->drawn);
	p->drawn = 0;
}

/* If the lines do not all fit, running transfers come before finished ones. */
static void draw(struct progress *p)
{
	size_t rows, columns, room, i, used = 0, busy = 0;

	terminal_size(&rows, &columns);
	room = rows - 1;
	for (i = 0; i < p->n; i++) {
		used += p->v[i].label[0] != '\0';
		busy += p->v[i].total != 0;
	}
	erase(p);
	for (i = 0; i < p->n && p->drawn < room; i++) {
		const struct line *v = &p->v[i];

		if (!v->label[0] || (used > room && busy && !v->total))
			continue;
		draw_line(p, v, columns);
		p->drawn++;
	}
	fflush(stderr);
	p->drawn_at = now_ms();
}

void progress_state(struct progress *p, size_t i, const char *label, const char *state,
		    uint64_t total)
{
	if (!p || i >= p->n)
		return;
	pthread_mutex_lock(&p->lock);
	snprintf(p->v[i].label, sizeof(p->v[i].label), "%s", label);
	snprintf(p->v[i].state, sizeof(p->v[i].state), "%s", state);
	text_neutralise(p->v[i].label);
	text_neutralise(p->v[i].state);
	p->v[i].total = total;
	p->v[i].done = p->v[i].first = 0;
	p->v[i].began = 0;
	draw(p);
	pthread_mutex_unlock(&p->lock);
}

static void count(struct progress *p, size_t i, uint64_t bytes, bool more)
{
	struct line *v;

	if (!p || i >= p->n)
		return;
	pthread_mutex_lock(&p->lock);
	v = &p->v[i];
	v->done = more ? v->done + bytes : bytes;
	/*
	 * A first value, or one that drops, is a starting point: those bytes were not transferred
	 * now.
	 */
	if (!v->began || v->done < v->first) {
		v->began = now_ms();
		v->first = more ? 0 : v->done;
	}
	if (now_ms() - p->drawn_at >= REDRAW_MS)
		draw(p);
	pthread_mutex_unlock(&p->lock);
}

void progress_add(struct progress *p, uint64_t bytes)
{
	count(p, 0, bytes, true);
}

void progress_add_line(struct progress *p, size_t i, uint64_t bytes)
{
	count(p, i, bytes, true);
}

void progress_set_line(struct progress *p, size_t i, uint64_t bytes)
{
	count(p, i, bytes, false);
}

void progress_hide(struct progress *p)
{
	if (!p)
		return;
	pthread_mutex_lock(&p->lock);
	erase(p);
	pthread_mutex_unlock(&p->lock);
}

void progress_print(struct progress *p, FILE *to, const char *line)
{
	if (p) {
		pthread_mutex_lock(&p->lock);
		erase(p);
		fflush(stderr);
	}
	fprintf(to, "%s\n", line);
	fflush(to);
	if (p) {
		draw(p);
		pthread_mutex_unlock(&p->lock);
	}
}

void progress_end(struct progress *p)
{
	if (!p)
		return;
	if (p->single)
		erase(p);
	else
		draw(p);
	pthread_mutex_destroy(&p->lock);
	free(p);
}
