/*
 * Templates: the subset of Go's text/template that is used with docker, on JSON. Text, field
 * paths, variables, pipelines, if, range, with, comments and trimming, and docker's functions:
 * json, join, split, index, len, upper, lower, title, truncate, pad, print, printf, println, the
 * comparisons and and, or, not. Everything else is an error that names its position.
 * spec    Go package text/template; docker's templates package
 */
#ifndef STORE_SHOW_TEMPLATE_H
#define STORE_SHOW_TEMPLATE_H

#include <stddef.h>

#include "base/err.h"

struct buf;
struct json_t;
struct template;

/* Limits: bytes of a template, nesting of blocks and parentheses, bytes of output. */
#define TEMPLATE_TEXT_MAX (64u << 10)
#define TEMPLATE_DEPTH_MAX 100
#define TEMPLATE_OUTPUT_MAX (64u << 20)

/*
 * template_new - parse a template.
 * errors  -EINVAL "template parsing error: template: :LINE: why"
 */
int template_new(const char *text, struct template **out, struct err *err) MUST_CHECK;
void template_free(struct template *t);

/*
 * template_run - run a template on data and append the output to out. Values print as with Go's
 * %v: lists "[a b]", maps "map[k:v]" sorted by key. docker's keys have docker's types: a missing
 * Labels is an empty map, a null Cmd an empty list. Control characters in strings print as \xHH,
 * except newline and tab.
 * out     unchanged on error
 * errors  -EINVAL "template parsing error: template: :1:2: executing "" at <.X>: why"; -E2BIG too
 *         much output or work
 * threads template and data belong to one thread: reference counts of data change
 */
int template_run(const struct template *t, const struct json_t *data, struct buf *out,
		 struct err *err) MUST_CHECK;

/* A row of a listing: string fields, and labels for {{.Label "k"}}. */
struct template_row;

int template_row_new(struct template_row **out, struct err *err) MUST_CHECK;
void template_row_free(struct template_row *row);
void template_row_clear(struct template_row *row);

/* Arguments are copied. 0 or -ENOMEM. A value may contain any bytes. */
int template_row_set(struct template_row *row, const char *field, const char *value) MUST_CHECK;
/* template_row_default - set a field to "" unless it is set. */
int template_row_default(struct template_row *row, const char *field) MUST_CHECK;
int template_row_set_label(struct template_row *row, const char *key, const char *value) MUST_CHECK;

/*
 * template_run_row - run a template on a row. Control characters in fields, including newline and
 * tab, print as \xHH, so that a row is one line unless the template contains a newline. An
 * unknown field is "can't evaluate field X".
 *
 * template_run_heads - run it on column headings, for the first line of a table as in docker:
 * functions return their first argument, an unknown field is <no value>, a label's heading is the
 * last part of its key.
 */
int template_run_row(const struct template *t, const struct template_row *row, struct buf *out,
		     struct err *err) MUST_CHECK;
int template_run_heads(const struct template *t, const struct template_row *heads, struct buf *out,
		       struct err *err) MUST_CHECK;

#endif
