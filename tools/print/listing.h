/*
 * Output of verbs that list: rows of docker's fields, printed as a table, as JSON or with the
 * user's template (--format).
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
	const char *field; /* docker's name of the field */
	const char *head;  /* heading of the column */
	bool shown;	   /* in the default table */
};

/*
 * listing_new - create a listing; cols is borrowed.
 * format  NULL or "table": the columns with shown; "json": one object per line; "table TEMPLATE":
 *         with a heading; otherwise a TEMPLATE for each row
 * errors  -EINVAL invalid template
 */
int listing_new(const struct listing_column *cols, size_t n, const char *format,
		struct listing **out, struct err *err) MUST_CHECK;
void listing_free(struct listing *l);

/* listing_uses - false if the output does not contain the field, so it need not be computed. */
bool listing_uses(const struct listing *l, const char *field);

/*
 * listing_set       - set a field of the current row; both strings are copied and may contain any
 *                   bytes, which are escaped when printed. Fields that are not set are empty.
 * listing_set_label - set one label, for {{.Label "key"}}.
 * listing_end_row   - complete the row. All return 0, -ENOMEM, or an error of the template once.
 */
int listing_set(struct listing *l, const char *field, const char *value);
int listing_set_label(struct listing *l, const char *key, const char *value);
int listing_end_row(struct listing *l);

/* listing_print - print all rows to stdout; if a row failed, print nothing and return the error. */
int listing_print(struct listing *l, struct err *err) MUST_CHECK;

#endif
