/*
 * Follows docker's rules: cli/opts and api/types/filters for the syntax, api/types/time for times.
 */
#include "tools/print/filter.h"

#include <ctype.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/text.h"

/* A copy without surrounding blanks. */
static char *trimmed(const char *s, size_t len)
{
	while (len && isspace((unsigned char)*s)) {
		s++;
		len--;
	}
	while (len && isspace((unsigned char)s[len - 1]))
		len--;
	return strndup(s, len);
}

static int put(struct filter *f, char *key, char *value, struct err *err)
{
	struct filter_item *v = realloc(f->v, (f->n + 1) * sizeof(*v));

	if (v)
		f->v = v;
	if (!v || !key || !value) {
		free(key);
		free(value);
		return err_nomem(err);
	}
	v[f->n].key = key;
	v[f->n++].value = value;
	return 0;
}

int filter_put(struct filter *f, const char *key, const char *value, struct err *err)
{
	return put(f, strdup(key), strdup(value), err);
}

int filter_add(struct filter *f, const char *arg, struct err *err)
{
	const char *eq = strchr(arg, '=');
	char *key, *c;

	if (!*arg)
		return 0;
	if (!eq)
		return err_set(err, EINVAL, "bad format of filter (expected name=value)");
	key = trimmed(arg, (size_t)(eq - arg));
	for (c = key; c && *c; c++)
		*c = (char)tolower((unsigned char)*c);
	return put(f, key, trimmed(eq + 1, strlen(eq + 1)), err);
}

int filter_option(void *filter, char *value, struct err *err)
{
	int r = filter_add(filter, value, err);

	return r < 0 ? err_wrap(err, r, "-f %s", value) : 0;
}

void filter_fini(struct filter *f)
{
	while (f->n) {
		f->n--;
		free(f->v[f->n].key);
		free(f->v[f->n].value);
	}
	free(f->v);
	f->v = NULL;
}

/* "invalid filter 'WHAT'", escaped because the value may contain control characters. */
static int invalid(const char *what, const char *value, struct err *err)
{
	struct buf b _cleanup_buf_ = BUF_INIT;

	if (text_escape_line(&b, what, strlen(what)) < 0 ||
	    (value && (buf_puts(&b, "=[") < 0 || text_escape_line(&b, value, strlen(value)) < 0 ||
		       buf_putc(&b, ']') < 0)))
		return err_nomem(err);
	return err_set(err, EINVAL, "invalid filter '%s'", buf_str(&b));
}

/* One of the values between '|' begins with key and '='. */
static bool is_known(const char *key, const char *known)
{
	size_t len = strlen(key);

	for (; *known; known += strcspn(known, "|"), known += *known == '|')
		if (strncmp(known, key, len) == 0 && known[len] == '=')
			return true;
	return false;
}

int filter_check(const struct filter *f, const char *known, struct err *err)
{
	size_t i;

	for (i = 0; i < f->n; i++)
		if (!is_known(f->v[i].key, known))
			return invalid(f->v[i].key, NULL, err);
	return 0;
}

const char *filter_next(const struct filter *f, const char *key, size_t *i)
{
	while (*i < f->n) {
		const struct filter_item *item = &f->v[(*i)++];

		if (strcmp(item->key, key) == 0)
			return item->value;
	}
	return NULL;
}

bool filter_has(const struct filter *f, const char *key)
{
	size_t i = 0;

	return filter_next(f, key, &i) != NULL;
}

int filter_bool(const struct filter *f, const char *key, bool *out, struct err *err)
{
	const char *value;
	size_t i = 0;
	int given = 0;

	while ((value = filter_next(f, key, &i))) {
		bool yes = strcmp(value, "true") == 0 || strcmp(value, "1") == 0;

		if (!yes && strcmp(value, "false") != 0 && strcmp(value, "0") != 0)
			return invalid(key, value, err);
		if (given && *out != yes)
			return invalid(key, "true false", err);
		*out = yes;
		given = 1;
	}
	return given;
}

bool filter_labels(const struct filter *f, const char *key,
		   const char *(*get)(void *ctx, const char *label), void *ctx)
{
	const char *want;
	size_t i = 0;

	while ((want = filter_next(f, key, &i))) {
		const char *eq = strchr(want, '='), *have;
		_cleanup_free_ char *name = eq ? strndup(want, (size_t)(eq - want)) : strdup(want);

		have = name ? get(ctx, name) : NULL;
		if (!have || (eq && strcmp(have, eq + 1) != 0))
			return false;
	}
	return true;
}

/* --- times ------------------------------------------------------------- */

/* Parse Go's duration: numbers with units. *out in ns; -EINVAL. */
static int parse_duration(const char *s, int64_t *out)
{
	static const struct {
		const char *name;
		double ns;
	} units[] = { { "ns", 1 },  { "us", 1e3 }, { "\xc2\xb5s", 1e3 }, { "ms", 1e6 },
		      { "s", 1e9 }, { "m", 60e9 }, { "h", 3600e9 } };
	double sum = 0, sign = *s == '-' ? -1 : 1;
	size_t i;
	char *end;

	s += *s == '-' || *s == '+';
	if (!*s)
		return -EINVAL;
	while (*s) {
		size_t digits = strspn(s, "0123456789.");
		double n;

		if (!digits || digits > 30)
			return -EINVAL;
		n = strtod(s, &end);
		if (end != s + digits)
			return -EINVAL;
		/* The unit extends to the next digit, so that "ms" is not parsed as "m". */
		digits = strcspn(end, "0123456789.");
		for (i = 0; i < ARRAY_SIZE(units); i++)
			if (strlen(units[i].name) == digits &&
			    memcmp(end, units[i].name, digits) == 0)
				break;
		if (i == ARRAY_SIZE(units))
			return -EINVAL;
		sum += n * units[i].ns;
		s = end + digits;
	}
	if (sum > 9e18)
		return -EINVAL;
	*out = (int64_t)(sign * sum);
	return 0;
}

static int parse_unix(const char *s, struct timespec *out)
{
	long unit = 100000000;
	uint64_t v = 0;

	if (!isdigit((unsigned char)*s))
		return -EINVAL;
	for (; isdigit((unsigned char)*s); s++) {
		if (v > UINT32_MAX * (uint64_t)1000)
			return -EINVAL;
		v = v * 10 + (uint64_t)(*s - '0');
	}
	out->tv_sec = (time_t)v;
	out->tv_nsec = 0;
	if (*s == '.')
		for (s++; isdigit((unsigned char)*s); s++, unit /= 10)
			out->tv_nsec += (*s - '0') * unit;
	return *s ? -EINVAL : 0;
}

/* RFC 3339, at least a date: missing parts are 0, a missing offset is UTC. */
static int parse_date(const char *s, struct timespec *out)
{
	static const char rest[] = "0000-00-00T00:00:00Z";
	size_t n = strlen(s);
	char whole[64];

	if (n >= 20)
		return text_parse_time(s, out);
	if (n != 10 && n != 13 && n != 16 && n != 19)
		return -EINVAL;
	snprintf(whole, sizeof(whole), "%s%s", s, rest + n);
	return text_parse_time(whole, out);
}

int filter_time(const char *value, struct timespec now, struct timespec *out, struct err *err)
{
	struct buf b _cleanup_buf_ = BUF_INIT;
	int64_t ns;

	if (parse_duration(value, &ns) == 0) {
		out->tv_sec = now.tv_sec - ns / 1000000000;
		out->tv_nsec = now.tv_nsec - ns % 1000000000;
		if (out->tv_nsec < 0) {
			out->tv_sec--;
			out->tv_nsec += 1000000000;
		} else if (out->tv_nsec >= 1000000000) {
			out->tv_sec++;
			out->tv_nsec -= 1000000000;
		}
		return 0;
	}
	if (parse_unix(value, out) == 0 || parse_date(value, out) == 0)
		return 0;
	if (text_escape_line(&b, value, strlen(value)) < 0)
		return err_nomem(err);
	return err_set(err, EINVAL, "failed to parse value as time or duration: \"%s\"",
		       buf_str(&b));
}

/* --- patterns ------------------------------------------------------------ */

/* Decode one character of a pattern or string; invalid UTF-8 counts as single bytes. */
static uint32_t take(const char **s)
{
	uint32_t c;
	size_t n = text_decode(*s, *s + strnlen(*s, 4), &c);

	if (!n)
		c = (unsigned char)**s;
	*s += n ? n : 1;
	return c;
}

/* Parse a bound of a range in brackets; -EINVAL. */
static int take_bound(const char **p, uint32_t *out)
{
	if (!**p || **p == '-' || **p == ']')
		return -EINVAL;
	if (**p == '\\' && !*++*p)
		return -EINVAL;
	*out = take(p);
	return **p ? 0 : -EINVAL;
}

/* Match a set, from behind '[' to ']': 1, 0 or -EINVAL. */
static int match_set(const char **p, uint32_t c)
{
	bool negated = **p == '^', found = false;
	bool any = false;

	*p += negated;
	while (**p != ']' || !any) {
		uint32_t lo, hi;

		if (take_bound(p, &lo) < 0)
			return -EINVAL;
		hi = lo;
		if (**p == '-') {
			(*p)++;
			if (take_bound(p, &hi) < 0)
				return -EINVAL;
		}
		found |= lo <= c && c <= hi;
		any = true;
	}
	(*p)++;
	return found != negated;
}

/* Match one element of the pattern, except '*', with one character; advances both. */
static int match_one(const char **p, const char **s)
{
	const char *at = *s;
	uint32_t c = *at ? take(&at) : 0;
	int r;

	if (**p == '[') {
		(*p)++;
		r = match_set(p, c);
		/* Go checks the syntax of the set even if no character is left. */
		if (r == 1 && !**s)
			r = 0;
	} else if (**p == '?') {
		(*p)++;
		r = **s && c != '/';
	} else {
		if (**p == '\\' && !*++*p)
			return -EINVAL;
		r = take(p) == c && **s;
	}
	*s = at;
	return r;
}

static int check_pattern(const char *p)
{
	while (*p) {
		const char *s = "x";

		if (*p == '*')
			p++;
		else if (match_one(&p, &s) < 0)
			return -EINVAL;
	}
	return 0;
}

/* Backtracks to the last '*' only, so the time is bounded by the product of the lengths. */
static bool match(const char *p, const char *s)
{
	const char *star = NULL, *from = NULL;

	for (;;) {
		const char *p1 = p, *s1 = s;

		if (*p == '*') {
			star = ++p;
			from = s;
			continue;
		}
		if (!*p && !*s)
			return true;
		if (*p && match_one(&p1, &s1) == 1) {
			p = p1;
			s = s1;
			continue;
		}
		if (!star || !*from || *from == '/')
			return false;
		take(&from);
		p = star;
		s = from;
	}
}

int filter_glob(const char *pattern, const char *s, struct err *err)
{
	if (check_pattern(pattern) < 0)
		return err_set(err, EINVAL, "syntax error in pattern");
	return match(pattern, s);
}
