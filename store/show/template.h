/*
 * Templates: the part of Go's text/template that docker's users write, over
 * JSON. Text, field paths, variables, pipelines, if, range, with, comments and
 * trimming, and docker's functions: json, join, split, index, len, upper,
 * lower, title, truncate, pad, print, printf, println, the comparisons and
 * and, or, not. Everything else is an error that says where it stands.
 * spec    Go package text/template; docker's templates package
 */
#ifndef STORE_SHOW_TEMPLATE_H
#define STORE_SHOW_TEMPLATE_H

#include <stddef.h>

struct buf;
struct err;
struct json_t;
struct template;

/* Bounds: a template's bytes, how deep blocks and parentheses nest, and what a run may make. */
#define TEMPLATE_TEXT_MAX (64u << 10)
#define TEMPLATE_DEPTH_MAX 100
#define TEMPLATE_OUTPUT_MAX (64u << 20)

/*
 * template_new - parse.
 * errors  -EINVAL "template parsing error: template: :LINE: why"
 */
int template_new(const char *text, struct template **out, struct err *err);
void template_free(struct template *t);

/*
 * template_run - append what the template makes of data to out. The template
 * is not changed; data's reference counts are, so both belong to one thread.
 * Values print as Go's %v has them: lists "[a b]", maps "map[k:v]" sorted by key.
 * Docker's keys have docker's types: a missing Labels is an empty map, a
 * null Cmd an empty list. Controls in strings print as \xHH, but for newline and tab.
 * out     unchanged on error
 * errors  -EINVAL "template parsing error: template: :1:2: executing "" at <.X>: why"; -E2BIG too
 *         much output or work
 */
int template_run(const struct template *t, const struct json_t *data, struct buf *out,
		 struct err *err);

/* What a listing runs its template over: fields that are strings, and labels for {{.Label "k"}}. */
struct template_row;

int template_row_new(struct template_row **out, struct err *err);
void template_row_free(struct template_row *row);
void template_row_clear(struct template_row *row);

/* All copy. 0 or -ENOMEM. A value may hold any bytes. */
int template_row_set(struct template_row *row, const char *field, const char *value);
/* template_row_default - empty, where it is not set. */
int template_row_default(struct template_row *row, const char *field);
int template_row_set_label(struct template_row *row, const char *key, const char *value);

/*
 * template_run_row - the same over a row. Controls in its fields print as \xHH, newline and tab too, so
 * that a row is one line, unless the template says otherwise. An unknown field is "can't evaluate field X".
 * template_run_heads - over a row of column heads, as docker makes the first line of a table: functions
 * give back what they are given, an unknown field is <no value>, a label's head is the last part of its key.
 */
int template_run_row(const struct template *t, const struct template_row *row, struct buf *out,
		     struct err *err);
int template_run_heads(const struct template *t, const struct template_row *heads, struct buf *out,
		       struct err *err);

#endif
