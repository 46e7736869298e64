/*
 * What the verbs that list print with: rows of docker's fields, shown as a
 * table, as JSON or through the user's template (--format).
 *
 *     listing_new(columns, n, format, &l, &err);
 *     for each: listing_set(l, "ID", id); ... listing_end_row(l);
 *     listing_print(l, &err);
 *     listing_free(l);
 */
#ifndef TOOLS_PRINT_LISTING_H
#define TOOLS_PRINT_LISTING_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

struct listing;

struct listing_column {
	const char *field; /* docker's name of it */
	const char *head;  /* of its column */
	bool shown;	   /* in the default table */
};

/*
 * listing_new - cols is borrowed.
 * format  NULL or "table": those columns that are shown; "json": one object a line;
 *         "table TEMPLATE" with heads; else a TEMPLATE for each row
 * errors  -EINVAL the template
 */
int listing_new(const struct listing_column *cols, size_t n, const char *format,
		struct listing **out, struct err *err) MUST_CHECK;
void listing_free(struct listing *l);

/* listing_uses - true where the output may show a field, so that one that is dear to find out is left alone. */
bool listing_uses(const struct listing *l, const char *field);

/*
 * listing_set - a field of the row that is being made; both strings are copied, any bytes will do: they
 * are escaped where they are printed. A field that is not set is empty.
 * listing_set_label - one label, for {{.Label "key"}}.
 * listing_end_row - the row is complete. All: 0, -ENOMEM or what the template says, once, at the end.
 */
int listing_set(struct listing *l, const char *field, const char *value);
int listing_set_label(struct listing *l, const char *key, const char *value);
int listing_end_row(struct listing *l);

/* listing_print - all rows to stdout; nothing where a row failed, and why. */
int listing_print(struct listing *l, struct err *err) MUST_CHECK;

#endif
