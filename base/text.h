/* Text for users: escaping of untrusted names, sizes and times as docker prints them, tables. */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "base/cleanup.h"

struct buf;

/* TEXT_S - the plural ending of a regular noun: printf("%u blob%s", n, TEXT_S(n)). */
#define TEXT_S(n) ((n) == 1 ? "" : "s")

/* text_printable - length of the valid UTF-8 sequence at s if it is safe to print, else 0. */
size_t text_printable(const char *s);

/*
 * text_escape - append name with control characters, invalid UTF-8 and backslashes as \xHH. 0 or
 * -ENOMEM.
 */
int text_escape(struct buf *out, const char *name);

/* text_escape_line - the same for len bytes, as one line; backslashes are kept. */
int text_escape_line(struct buf *out, const char *s, size_t len);

/* text_neutralise - replace each byte that is not safe to print by '?', in place. */
void text_neutralise(char *s);

/* text_quote - append len bytes quoted as a Go string: "a\n\"\x1b\u009b". 0 or -ENOMEM. */
int text_quote(struct buf *out, const char *s, size_t len);

/*
 * text_ellipsis - append s, truncated to max characters of which the last is an ellipsis. 0 or
 * -ENOMEM.
 */
int text_ellipsis(struct buf *out, const char *s, size_t max) MUST_CHECK;

/*
 * text_decode - decode the code point at s; returns its length, 0 if it is not valid UTF-8.
 * end     reading stops there
 */
size_t text_decode(const char *s, const char *end, uint32_t *c);

/* text_is_utf8 - true if all of s is valid UTF-8, as JSON requires. */
bool text_is_utf8(const char *s);

/* text_encode - append a code point as UTF-8; 0 or -ENOMEM. */
int text_encode(struct buf *out, uint32_t c) MUST_CHECK;

/* text_size - format bytes as docker does: decimal units, three digits ("1.16GB"). */
void text_size(uint64_t bytes, char out[static 32]);

/* text_size_long - the same with four digits ("886.9kB"), as some docker commands print it. */
void text_size_long(uint64_t bytes, char out[static 32]);

/* text_ago - format seconds as docker does, without " ago" ("About an hour", "3 weeks"). */
void text_ago(int64_t seconds, char out[static 48]);

/* text_time - format as RFC 3339 in UTC, with nanoseconds if they are not 0, as Go does. */
void text_time(struct timespec t, char out[static 48]);

/*
 * text_date - format as Go prints a time in UTC ("2023-01-02 15:04:05 +0000 UTC"), without a
 * fraction.
 */
void text_date(struct timespec t, char out[static 48]);

/* The Unix time of 0001-01-01 00:00:00 UTC: Go's zero time, which stands for an unset one. */
#define YEAR_ONE (-62135596800LL)

/* text_parse_time - parse RFC 3339 with Z or an offset; 0 or -EINVAL. */
int text_parse_time(const char *s, struct timespec *out) MUST_CHECK;

/* text_parse_u64 - parse a string of decimal digits, at most max; 0 or -EINVAL. */
int text_parse_u64(const char *s, uint64_t max, uint64_t *out) MUST_CHECK;

/* A table with docker's spacing: each column is as wide as its widest cell plus 3. */
struct text_table {
	size_t cols, n, cap;
	char **cells;
};

void text_table_init(struct text_table *t, size_t cols);
/*
 * text_table_add - append the next cell, copied and escaped; rows fill from the left. 0 or
 * -ENOMEM.
 */
int text_table_add(struct text_table *t, const char *cell) MUST_CHECK;
void text_table_print(const struct text_table *t);
void text_table_fini(struct text_table *t);

/*
 * text_bool - parse a boolean as Go does: "true", "1", "F" and so on. Returns 1, 0, or -1:
 * invalid.
 */
int text_bool(const char *s) MUST_CHECK;

#endif
