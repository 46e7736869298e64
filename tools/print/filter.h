/*
 * Filters: what -f/--filter key=value asks for, given any number of times.
 */
#ifndef TOOLS_PRINT_FILTER_H
#define TOOLS_PRINT_FILTER_H

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#include "base/err.h"

struct filter_item {
	char *key, *value;
};

struct filter {
	struct filter_item *v;
	size_t n;
};

#define _cleanup_filter_ __attribute__((cleanup(filter_fini)))

/*
 * filter_add - one argument of -f, "key=value"; "label!=x" is the key "label!". The key in lower case;
 * an empty argument is nothing.
 * errors  -EINVAL "bad format of filter (expected name=value)"
 */
int filter_add(struct filter *f, const char *arg, struct err *err) MUST_CHECK;

/* filter_option - filter_add() for a table of options (tools/cli/options.h): filter is a struct filter. */
int filter_option(void *filter, char *value, struct err *err) MUST_CHECK;

/* filter_put - the same from a key and a value, both copied. */
int filter_put(struct filter *f, const char *key, const char *value, struct err *err) MUST_CHECK;
void filter_fini(struct filter *f);

/*
 * filter_check - only keys of known, the values in a table of options: "dangling=true|dangling=false|label=".
 * errors  -EINVAL "invalid filter 'x'"
 */
int filter_check(const struct filter *f, const char *known, struct err *err) MUST_CHECK;

/* filter_next - the next value of a key, borrowed: size_t i = 0; while ((v = filter_next(f, key, &i))) ... */
const char *filter_next(const struct filter *f, const char *key, size_t *i);
bool filter_has(const struct filter *f, const char *key);

/*
 * filter_bool - *out is set where key was given: 1 or true, 0 or false.
 * returns 1: it was given, 0: not; -EINVAL "invalid filter 'dangling=[x]'"
 */
int filter_bool(const struct filter *f, const char *key, bool *out, struct err *err) MUST_CHECK;

/*
 * filter_labels - do labels have all that key ("label", "label!") asks for, "k" or "k=v" each?
 * get     the value of a label or NULL
 * returns true where nothing is asked; for "label!" the caller leaves out what has them all
 */
bool filter_labels(const struct filter *f, const char *key,
		   const char *(*get)(void *ctx, const char *label), void *ctx);

/*
 * filter_time - a point in time: RFC 3339 or a part of it (in UTC), Unix seconds with a fraction, or
 * a duration before now ("24h", "1h30m").
 * errors  -EINVAL
 */
int filter_time(const char *value, struct timespec now, struct timespec *out,
		struct err *err) MUST_CHECK;

/*
 * filter_glob - does a whole string match docker's (Go's path.Match) pattern? '*' and '?' stop at '/'.
 * returns 1, 0, or -EINVAL "syntax error in pattern"
 */
int filter_glob(const char *pattern, const char *s, struct err *err) MUST_CHECK;

#endif
