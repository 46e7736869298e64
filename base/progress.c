/*
 * The bar is redrawn ten times a second at the most, whatever the number of calls.
 */
#include "base/progress.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/text.h"

#define BAR_WIDTH 30
#define REDRAW_MS 100

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

void progress_start(struct progress *p, const char *what, uint64_t total, bool quiet)
{
	memset(p, 0, sizeof(*p));
	snprintf(p->what, sizeof(p->what), "%s", what);
	p->total = total;
	p->on = !quiet && isatty(STDERR_FILENO);
	p->shown_at = now_ms();
}

static void draw(const struct progress *p)
{
	char done[32], total[32], bar[BAR_WIDTH + 1];
	size_t n;

	text_size(p->done, done);
	if (!p->total) {
		fprintf(stderr, "\r\033[K%s %s", p->what, done);
		return;
	}
	n = (size_t)(MIN(p->done, p->total) * BAR_WIDTH / p->total);
	memset(bar, ' ', BAR_WIDTH);
	memset(bar, '=', n);
	if (n < BAR_WIDTH)
		bar[n] = '>';
	bar[BAR_WIDTH] = '\0';
	text_size(p->total, total);
	fprintf(stderr, "\r\033[K%s [%s] %s/%s", p->what, bar, done, total);
}

void progress_add(struct progress *p, uint64_t bytes)
{
	int64_t now;

	p->done += bytes;
	if (!p->on)
		return;
	now = now_ms();
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
