/*
 * Text for people: names made safe to print, sizes and times in docker's
 * words, columns.
 */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

struct buf;

/* TEXT_S - what a regular noun has behind it after the number n: printf("%u blob%s", n, TEXT_S(n)). */
#define TEXT_S(n) ((n) == 1 ? "" : "s")

/* text_printable - bytes of the valid UTF-8 sequence at s if a terminal may have it as it is, else 0. */
size_t text_printable(const char *s);

/*
 * text_escape - append name with everything that a terminal or a script could
 * take for more than text (controls, invalid UTF-8, backslash) as \xHH. 0 or -ENOMEM.
 */
int text_escape(struct buf *out, const char *name);

/*
 * text_escape_line - the same for len bytes of text that shall stay as it was typed: a backslash is
 * left alone. What comes out is one line.
 */
int text_escape_line(struct buf *out, const char *s, size_t len);

/* text_neutralise - each byte that text_printable() would not have becomes '?', in place: for messages of one line. */
void text_neutralise(char *s);

/* text_quote - append len bytes as Go quotes a constant: "a\n\"\x1b\u009b". 0 or -ENOMEM. */
int text_quote(struct buf *out, const char *s, size_t len);

/* text_ellipsis - append s, or of more than max characters the first max - 1 and an ellipsis. 0 or -ENOMEM. */
int text_ellipsis(struct buf *out, const char *s, size_t max);

/* text_decode - the code point at s, before end, and its length; 0: no valid UTF-8. */
size_t text_decode(const char *s, const char *end, uint32_t *c);

/* text_is_utf8 - all of s is; what JSON can say. */
bool text_is_utf8(const char *s);

/* text_encode - append a code point as UTF-8; 0 or -ENOMEM. */
int text_encode(struct buf *out, uint32_t c);

/* text_size - bytes as docker prints them: decimal units, three digits ("1.16GB"). */
void text_size(uint64_t bytes, char out[static 32]);

/* text_size_long - the same with four digits ("886.9kB"), as docker has it here and there. */
void text_size_long(uint64_t bytes, char out[static 32]);

/* text_ago - seconds as docker prints them, without " ago" ("About an hour", "3 weeks"). */
void text_ago(int64_t seconds, char out[static 48]);

/*
 * text_time - RFC 3339 in UTC; nanoseconds only where they are not 0, as Go prints them.
 */
void text_time(struct timespec t, char out[static 48]);

/* text_date - as Go prints a time in UTC ("2023-01-02 15:04:05 +0000 UTC"); no fraction. */
void text_date(struct timespec t, char out[static 48]);

/* Seconds of the first moment of year 1, which is how Go writes a time that was never set. */
#define YEAR_ONE (-62135596800LL)

/* text_parse_time - RFC 3339, with an offset or Z; 0 or -EINVAL. */
int text_parse_time(const char *s, struct timespec *out);

/* text_parse_u64 - decimal digits only, whole string, up to max; 0 or -EINVAL. */
int text_parse_u64(const char *s, uint64_t max, uint64_t *out);

/* A table that is printed with docker's spacing: columns as wide as their widest cell plus 3. */
struct text_table {
	size_t cols, n, cap;
	char **cells;
};

void text_table_init(struct text_table *t, size_t cols);
/* text_table_add - the next cell, copied and escaped; rows fill from the left. 0 or -ENOMEM. */
int text_table_add(struct text_table *t, const char *cell);
void text_table_print(const struct text_table *t);
void text_table_fini(struct text_table *t);

#endif
