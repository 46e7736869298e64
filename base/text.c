/* The formats follow docker's go-units and Go's RFC 3339 output. */
#include "base/text.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"

size_t text_decode(const char *text, const char *end, uint32_t *out)
{
	const unsigned char *s = (const unsigned char *)text;
	uint32_t c;
	size_t n, i;

	if (text >= end)
		return 0;
	*out = s[0];
	if (s[0] < 0x80)
		return 1;
	if (s[0] >= 0xc2 && s[0] <= 0xdf)
		n = 2, c = s[0] & 0x1f;
	else if (s[0] >= 0xe0 && s[0] <= 0xef)
		n = 3, c = s[0] & 0x0f;
	else if (s[0] >= 0xf0 && s[0] <= 0xf4)
		n = 4, c = s[0] & 0x07;
	else
		return 0;
	if ((size_t)(end - text) < n)
		return 0;
	for (i = 1; i < n; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (s[i] & 0x3f);
	}
	if ((n == 3 && c < 0x800) || (n == 4 && c < 0x10000) || c > 0x10ffff ||
	    (c >= 0xd800 && c <= 0xdfff))
		return 0;
	*out = c;
	return n;
}

bool text_is_utf8(const char *s)
{
	const char *end = s + strlen(s);
	uint32_t c;
	size_t n;

	for (; *s; s += n) {
		n = text_decode(s, end, &c);
		if (!n)
			return false;
	}
	return true;
}

int text_encode(struct buf *out, uint32_t c)
{
	char s[4];
	size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4, i;

	for (i = n - 1; i > 0; i--, c >>= 6)
		s[i] = (char)(0x80 | (c & 0x3f));
	s[0] = (char)(n == 1 ? c : (0xf00u >> n & 0xffu) | c);
	return buf_append(out, s, n);
}

/* Length of the printable sequence at s that ends before end, or 0. */
static size_t printable(const char *s, const char *end)
{
	uint32_t c = 0;
	size_t n = text_decode(s, end, &c);

	/* C0 and C1 controls, and characters that change the direction of text. */
	if (c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x200e || c == 0x200f ||
	    (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069))
		return 0;
	return n;
}

size_t text_printable(const char *text)
{
	return printable(text, text + strnlen(text, 4));
}

int text_escape(struct buf *out, const char *name)
{
	const unsigned char *s = (const unsigned char *)name;
	int r = 0;

	while (*s && r == 0) {
		size_t n = text_printable((const char *)s);

		if (n && *s != '\\') {
			r = buf_append(out, s, n);
			s += n;
		} else {
			r = buf_printf(out, "\\x%02x", *s);
			s++;
		}
	}
	return r;
}

int text_escape_line(struct buf *out, const char *s, size_t len)
{
	const char *end = s + len;
	int r = 0;

	while (s < end && r == 0) {
		size_t n = printable(s, end);

		if (n)
			r = buf_append(out, s, n);
		else
			r = buf_printf(out, "\\x%02x", (unsigned char)*s);
		s += n ? n : 1;
	}
	return r;
}

void text_neutralise(char *s)
{
	while (*s) {
		size_t n = text_printable(s);

		if (n == 0)
			*s = '?';
		s += n ? n : 1;
	}
}

int text_quote(struct buf *out, const char *s, size_t len)
{
	static const char names[] = "abfnrtv\\\"", values[] = "\a\b\f\n\r\t\v\\\"";
	const char *end = s + len;
	int r = buf_putc(out, '"');

	while (s < end && r == 0) {
		const char *known = *s ? strchr(values, *s) : NULL;
		size_t n = printable(s, end);
		uint32_t c = 0;

		if (known) {
			n = 1;
			r = buf_printf(out, "\\%c", names[known - values]);
		} else if (n) {
			r = buf_append(out, s, n);
		} else {
			n = text_decode(s, end, &c);
			r = n > 1 ? buf_printf(out, "\\u%04x", (unsigned)c)
				  : buf_printf(out, "\\x%02x", (unsigned char)*s);
		}
		s += n ? n : 1;
	}
	return r < 0 ? r : buf_putc(out, '"');
}

int text_ellipsis(struct buf *out, const char *s, size_t max)
{
	size_t n, chars = 0, cut = 0;

	for (n = 0; s[n]; n++) {
		if (((unsigned char)s[n] & 0xc0) == 0x80)
			continue;
		if (++chars == max)
			cut = n;
	}
	if (chars <= max)
		return buf_append(out, s, n);
	return buf_append(out, s, cut) < 0 ? -ENOMEM : buf_puts(out, "\xe2\x80\xa6");
}

static void print_size(uint64_t bytes, int digits, char out[static 32])
{
	static const char *const units[] = { "B", "kB", "MB", "GB", "TB", "PB", "EB" };
	double v = (double)bytes;
	size_t u = 0;

	while (v >= 1000.0 && u + 1 < sizeof(units) / sizeof(units[0])) {
		v /= 1000.0;
		u++;
	}
	snprintf(out, 32, "%.*g%s", digits, v, units[u]);
	/* %.3g of 999.9 is 1e+03, an exponent. */
	if (strchr(out, 'e'))
		snprintf(out, 32, "1%s", units[u + 1 < 7 ? u + 1 : u]);
}

void text_size(uint64_t bytes, char out[static 32])
{
	print_size(bytes, 3, out);
}

void text_size_long(uint64_t bytes, char out[static 32])
{
	print_size(bytes, 4, out);
}

/* A Go duration is at most 292 years. */
#define AGO_MAX (INT64_MAX / 1000000000)

void text_ago(int64_t seconds, char out[static 48])
{
	int64_t s = MIN(seconds, AGO_MAX), min = s / 60, hours = (s + 1800) / 3600;

	if (s < 1)
		snprintf(out, 48, "Less than a second");
	else if (s == 1)
		snprintf(out, 48, "1 second");
	else if (s < 60)
		snprintf(out, 48, "%" PRId64 " seconds", s);
	else if (min == 1)
		snprintf(out, 48, "About a minute");
	else if (min < 60)
		snprintf(out, 48, "%" PRId64 " minutes", min);
	else if (hours == 1)
		snprintf(out, 48, "About an hour");
	else if (hours < 48)
		snprintf(out, 48, "%" PRId64 " hours", hours);
	else if (hours < 24 * 7 * 2)
		snprintf(out, 48, "%" PRId64 " days", hours / 24);
	else if (hours < 24 * 30 * 2)
		snprintf(out, 48, "%" PRId64 " weeks", hours / 24 / 7);
	else if (hours < 24 * 365 * 2)
		snprintf(out, 48, "%" PRId64 " months", hours / 24 / 30);
	else
		snprintf(out, 48, "%" PRId64 " years", s / 3600 / 24 / 365);
}

void text_time(struct timespec t, char out[static 48])
{
	char frac[16] = "";
	struct tm tm;
	size_t n;

	if (!gmtime_r(&t.tv_sec, &tm) || tm.tm_year + 1900 > 9999 || tm.tm_year + 1900 < 0) {
		snprintf(out, 48, "0001-01-01T00:00:00Z");
		return;
	}
	if (t.tv_nsec) {
		snprintf(frac, sizeof(frac), ".%09ld", t.tv_nsec % 1000000000L);
		for (n = strlen(frac); frac[n - 1] == '0'; n--)
			frac[n - 1] = '\0';
	}
	snprintf(out, 48, "%04d-%02d-%02dT%02d:%02d:%02d%sZ", (tm.tm_year + 1900) % 10000,
		 (tm.tm_mon + 1) % 100, tm.tm_mday % 100, tm.tm_hour % 100, tm.tm_min % 100,
		 tm.tm_sec % 100, frac);
}

void text_date(struct timespec t, char out[static 48])
{
	struct tm tm;

	if (!gmtime_r(&t.tv_sec, &tm) || strftime(out, 48, "%Y-%m-%d %H:%M:%S +0000 UTC", &tm) == 0)
		snprintf(out, 48, "0001-01-01 00:00:00 +0000 UTC");
}

static bool digits(const char **s, int n, int *out)
{
	*out = 0;
	while (n--) {
		if (**s < '0' || **s > '9')
			return false;
		*out = *out * 10 + (*(*s)++ - '0');
	}
	return true;
}

static bool literal(const char **s, char c)
{
	return *(*s)++ == c;
}

int text_parse_time(const char *s, struct timespec *out)
{
	struct tm tm = { 0 };
	long nsec = 0, unit = 100000000;
	int h = 0, m = 0, sign = 0;

	if (strlen(s) < 20 || !digits(&s, 4, &tm.tm_year) || !literal(&s, '-') ||
	    !digits(&s, 2, &tm.tm_mon) || !literal(&s, '-') || !digits(&s, 2, &tm.tm_mday) ||
	    (*s != 'T' && *s != 't' && *s != ' '))
		return -EINVAL;
	s++;
	if (!digits(&s, 2, &tm.tm_hour) || !literal(&s, ':') || !digits(&s, 2, &tm.tm_min) ||
	    !literal(&s, ':') || !digits(&s, 2, &tm.tm_sec))
		return -EINVAL;
	if (tm.tm_mon < 1 || tm.tm_mon > 12 || tm.tm_mday < 1 || tm.tm_mday > 31 ||
	    tm.tm_hour > 23 || tm.tm_min > 59 || tm.tm_sec > 60)
		return -EINVAL;
	if (*s == '.') {
		for (s++; *s >= '0' && *s <= '9'; s++, unit /= 10)
			nsec += (*s - '0') * unit;
	}
	if (*s == '+' || *s == '-') {
		sign = *s++ == '-' ? -1 : 1;
		if (!digits(&s, 2, &h) || !literal(&s, ':') || !digits(&s, 2, &m))
			return -EINVAL;
	} else if (*s == 'Z' || *s == 'z') {
		s++;
	} else {
		return -EINVAL;
	}
	if (*s)
		return -EINVAL;
	tm.tm_year -= 1900;
	tm.tm_mon -= 1;
	out->tv_sec = timegm(&tm) - sign * (h * 3600 + m * 60);
	out->tv_nsec = nsec;
	return 0;
}

int text_parse_u64(const char *s, uint64_t max, uint64_t *out)
{
	uint64_t v = 0;

	if (!*s)
		return -EINVAL;
	for (; *s; s++) {
		uint64_t d = (uint64_t)(*s - '0');

		if (*s < '0' || *s > '9' || v > (max - d) / 10)
			return -EINVAL;
		v = v * 10 + d;
	}
	*out = v;
	return 0;
}

void text_table_init(struct text_table *t, size_t cols)
{
	memset(t, 0, sizeof(*t));
	t->cols = cols;
}

int text_table_add(struct text_table *t, const char *cell)
{
	struct buf b = BUF_INIT;

	if (t->n == t->cap) {
		size_t cap = t->cap ? t->cap * 2 : 64;
		char **cells = realloc(t->cells, cap * sizeof(*cells));

		if (!cells)
			return -ENOMEM;
		t->cells = cells;
		t->cap = cap;
	}
	if (text_escape(&b, cell) < 0) {
		buf_fini(&b);
		return -ENOMEM;
	}
	t->cells[t->n] = buf_take(&b);
	if (!t->cells[t->n])
		return -ENOMEM;
	t->n++;
	return 0;
}

/* Columns on a terminal, one for each code point; double-width characters are not considered. */
static size_t width(const char *s)
{
	size_t n = 0;

	for (; *s; s++)
		n += ((unsigned char)*s & 0xc0) != 0x80;
	return n;
}

void text_table_print(const struct text_table *t)
{
	size_t widths[16] = { 0 };
	size_t i, c, n;

	for (i = 0; i < t->n; i++) {
		c = i % t->cols;
		n = width(t->cells[i]);
		if (c < ARRAY_SIZE(widths) && n > widths[c])
			widths[c] = n;
	}
	for (i = 0; i < t->n; i++) {
		c = i % t->cols;
		fputs(t->cells[i], stdout);
		if (c + 1 == t->cols) {
			putchar('\n');
			continue;
		}
		for (n = width(t->cells[i]); c < ARRAY_SIZE(widths) && n < widths[c] + 3; n++)
			putchar(' ');
	}
}

void text_table_fini(struct text_table *t)
{
	size_t i;

	for (i = 0; i < t->n; i++)
		free(t->cells[i]);
	free(t->cells);
	memset(t, 0, sizeof(*t));
}

int text_bool(const char *s)
{
	static const char *const words[][6] = {
		{ "0", "f", "F", "false", "FALSE", "False" },
		{ "1", "t", "T", "true", "TRUE", "True" },
	};
	int value;
	size_t i;

	for (value = 0; value < 2; value++)
		for (i = 0; i < ARRAY_SIZE(words[value]); i++)
			if (strcmp(s, words[value][i]) == 0)
				return value;
	return -1;
}
