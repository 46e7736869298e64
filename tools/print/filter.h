/*
 * Filters: arguments of -f/--filter key=value, which may be repeated.
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
 * filter_add - parse one argument of -f, "key=value"; "label!=x" has the key "label!". Keys are
 * converted to lower case; an empty argument is ignored.
 * errors  -EINVAL "bad format of filter (expected name=value)"
 */
int filter_add(struct filter *f, const char *arg, struct err *err) MUST_CHECK;

/*
 * filter_option - filter_add() for a table of options (tools/cli/options.h): filter is a struct
 * filter.
 */
int filter_option(void *filter, char *value, struct err *err) MUST_CHECK;

/* filter_put - add a key and a value, both copied. */
int filter_put(struct filter *f, const char *key, const char *value, struct err *err) MUST_CHECK;
void filter_fini(struct filter *f);

/*
 * filter_check - allow only the keys in known, from a table of options:
 * "dangling=true|dangling=false|label=".
 * errors  -EINVAL "invalid filter 'x'"
 */
int filter_check(const struct filter *f, const char *known, struct err *err) MUST_CHECK;

/*
 * filter_next - the next value of a key, borrowed:
 * size_t i = 0; while ((v = filter_next(f, key, &i))) ...
 */
const char *filter_next(const struct filter *f, const char *key, size_t *i);
bool filter_has(const struct filter *f, const char *key);

/*
 * filter_bool - get a boolean: 1 or true, 0 or false.
 * returns 1: *out is set, 0: key is missing; -EINVAL "invalid filter 'dangling=[x]'"
 */
int filter_bool(const struct filter *f, const char *key, bool *out, struct err *err) MUST_CHECK;

/*
 * filter_labels - true if labels match all values of key ("label", "label!"), each "k" or "k=v".
 * get     returns the value of a label or NULL
 * returns true if there are no values; for "label!" the caller excludes what matches
 */
bool filter_labels(const struct filter *f, const char *key,
		   const char *(*get)(void *ctx, const char *label), void *ctx);

/*
 * filter_time - parse a time: RFC 3339 or a prefix of it (UTC), Unix seconds with a fraction, or a
 * duration before now ("24h", "1h30m").
 * errors  -EINVAL
 */
int filter_time(const char *value, struct timespec now, struct timespec *out,
		struct err *err) MUST_CHECK;

/*
 * filter_glob - match a string with a pattern of Go's path.Match: '*' and '?' do not match '/'.
 * returns 1, 0, or -EINVAL "syntax error in pattern"
 */
int filter_glob(const char *pattern, const char *s, struct err *err) MUST_CHECK;

#endif
