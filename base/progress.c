/*
 * The bar is redrawn ten times a second at the most, whatever the number of calls.
 */
#include "base/progress.h"

#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/rate.h"
#include "base/text.h"

#define BAR_WIDTH 24
#define LINE_MAX_BYTES 256
#define REDRAW_MS 100

void progress_start(struct progress *p, const char *what, uint64_t total, bool quiet)
{
	memset(p, 0, sizeof(*p));
	snprintf(p->what, sizeof(p->what), "%s", what);
	p->total = total;
	p->on = !quiet && isatty(STDERR_FILENO);
	p->began = p->shown_at = rate_now();
}

/* A line that wraps could not be drawn over. */
static void put_line(const char *line)
{
	struct winsize w;
	bool known = ioctl(STDERR_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_col > 1;

	fprintf(stderr, "\r\033[K%.*s", known ? w.ws_col - 1 : 79, line);
}

static void draw(const struct progress *p)
{
	char done[32], total[32], rate[RATE_MAX], bar[BAR_WIDTH + 1], line[LINE_MAX_BYTES];
	uint64_t left = p->total > p->done ? p->total - p->done : 0;
	size_t n;

	text_size(p->done, done);
	rate_text(p->done, left, p->began, p->shown_at, rate);
	if (!p->total) {
		snprintf(line, sizeof(line), "%s %s%s", p->what, done, rate);
		put_line(line);
		return;
	}
	n = (size_t)((double)(p->total - left) / (double)p->total * BAR_WIDTH);
	memset(bar, ' ', BAR_WIDTH);
	memset(bar, '=', n);
	if (n < BAR_WIDTH)
		bar[n] = '>';
	bar[BAR_WIDTH] = '\0';
	text_size(p->total, total);
	snprintf(line, sizeof(line), "%s [%s] %s/%s%s", p->what, bar, done, total, rate);
	put_line(line);
}

void progress_add(struct progress *p, uint64_t bytes)
{
	int64_t now;

	p->done += bytes;
	if (!p->on)
		return;
	now = rate_now();
	if (now - p->shown_at < REDRAW_MS)
		return;
	p->shown_at = now;
	p->drawn = true;
	draw(p);
}

void progress_end(struct progress *p)
{
	if (p->drawn)
		fputs("\r\033[K", stderr);
	p->drawn = false;
}
