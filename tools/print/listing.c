/*
 * Every form is a template; the default table's is made from its columns. Tables are aligned as by
 * Go's tabwriter in docker: a column has at least 10 characters, followed by 3 blanks.
 */
#include "tools/print/listing.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "store/show/template.h"

#define MIN_WIDTH 10
#define PADDING 3
/* Limit for all padding: one cell of a megabyte must not make every line that long. */
#define BLANKS_MAX (64u << 20)

struct listing {
	const struct listing_column *cols;
	size_t n_cols;
	char *text; /* of the template */
	struct template *template;
	struct template_row *row;
	struct buf rows; /* formatted rows */
	bool table;
	int failed;
	struct err err;
};

/* As in docker, \t and \n typed as two characters are replaced. */
static int unescape(const char *s, struct buf *out)
{
	int r = 0;

	for (; *s && r == 0; s++) {
		if (s[0] == '\\' && (s[1] == 't' || s[1] == 'n'))
			r = buf_putc(out, *++s == 't' ? '\t' : '\n');
		else
			r = buf_putc(out, *s);
	}
	return r;
}

static int default_text(const struct listing *l, struct buf *out)
{
	size_t i;
	int r = 0;

	for (i = 0; i < l->n_cols && r == 0; i++)
		if (l->cols[i].shown)
			r = buf_printf(out, "%s{{.%s}}", out->len ? "\t" : "", l->cols[i].field);
	return r;
}

static int make_text(struct listing *l, const char *format)
{
	struct buf out _cleanup_buf_ = BUF_INIT;
	size_t len;
	int r;

	if (format && strcmp(format, "json") == 0) {
		r = buf_puts(&out, "{{json .}}");
	} else if (!format || strcmp(format, "table") == 0) {
		l->table = true;
		r = default_text(l, &out);
	} else {
		l->table = strncmp(format, "table", 5) == 0;
		format += l->table ? 5 : 0;
		format += strspn(format, " ");
		r = unescape(format, &out);
		for (len = out.len; len && out.data[len - 1] == ' '; len--)
			out.data[len - 1] = '\0';
	}
	if (r == 0)
		l->text = buf_take(&out);
	return l->text ? 0 : -ENOMEM;
}

int listing_new(const struct listing_column *cols, size_t n, const char *format,
		struct listing **out, struct err *err)
{
	struct listing *l = calloc(1, sizeof(*l));
	int r;

	if (!l)
		return err_nomem(err);
	l->cols = cols;
	l->n_cols = n;
	r = make_text(l, format) < 0 ? err_nomem(err) : template_new(l->text, &l->template, err);
	if (r == 0)
		r = template_row_new(&l->row, err);
	if (r < 0) {
		listing_free(l);
		return r;
	}
	*out = l;
	return 0;
}

void listing_free(struct listing *l)
{
	if (!l)
		return;
	free(l->text);
	template_free(l->template);
	template_row_free(l->row);
	buf_fini(&l->rows);
	free(l);
}

/* A template that uses the whole row may show any field. */
bool listing_uses(const struct listing *l, const char *field)
{
	const char *s = l->text;
	size_t n = strlen(field);

	if (strstr(s, "json") || strchr(s, '$'))
		return true;
	while ((s = strchr(s, '.'))) {
		s++;
		if (!((*s >= 'A' && *s <= 'Z') || (*s >= 'a' && *s <= 'z')))
			return true;
		if (strncmp(s, field, n) == 0)
			return true;
	}
	return false;
}

/* Keep the first error; nothing is formatted after it. */
static int keep(struct listing *l, int r)
{
	if (r < 0 && !l->failed) {
		l->failed = r;
		if (r == -ENOMEM)
			err_nomem(&l->err);
	}
	return r;
}

int listing_set(struct listing *l, const char *field, const char *value)
{
	return keep(l, template_row_set(l->row, field, value));
}

int listing_set_label(struct listing *l, const char *key, const char *value)
{
	return keep(l, template_row_set_label(l->row, key, value));
}

int listing_end_row(struct listing *l)
{
	struct err err = ERR_INIT;
	size_t i;
	int r = l->failed;

	for (i = 0; i < l->n_cols && r == 0; i++)
		r = template_row_default(l->row, l->cols[i].field);
	if (r == 0)
		r = template_run_row(l->template, l->row, &l->rows, &err);
	if (r == 0)
		r = buf_putc(&l->rows, '\n');
	template_row_clear(l->row);
	if (r < 0 && !l->failed)
		l->err = err;
	return keep(l, r);
}

/* --- tables --------------------------------------------------------------- */

/* Terminal columns, counted in code points as Go does. */
static size_t width(const char *s, size_t len)
{
	size_t n = 0, i;

	for (i = 0; i < len; i++)
		n += ((unsigned char)s[i] & 0xc0) != 0x80;
	return n;
}

struct line {
	const char *s, *end; /* the rest of the line */
};

/* The end of the next cell, if a tab follows it. */
static const char *cell_end(const struct line *l)
{
	return memchr(l->s, '\t', (size_t)(l->end - l->s));
}

/*
 * A column is a block of adjacent lines that all have a cell there, as wide as its widest cell.
 * Each call handles one cell of every line: widths[i] is the width of the cell in line i. An
 * overlong cell is not used for the width.
 */
static void measure(const struct line *lines, size_t n, size_t *widths)
{
	size_t max = n ? MAX(BLANKS_MAX / n, 100u) : 0, i, k, from;

	for (i = 0; i < n;) {
		size_t w = MIN_WIDTH;

		if (!cell_end(&lines[i])) {
			widths[i++] = 0;
			continue;
		}
		for (from = i; i < n && cell_end(&lines[i]); i++) {
			size_t have = width(lines[i].s, (size_t)(cell_end(&lines[i]) - lines[i].s));

			if (have <= max)
				w = MAX(w, PADDING + have);
		}
		for (k = from; k < i; k++)
			widths[k] = w;
	}
}

/* Split text into lines; NULL: out of memory. */
static struct line *split(const struct buf *text, size_t *n)
{
	const char *s = text->data, *end = s + text->len;
	struct line *lines;
	size_t i;

	*n = 0;
	for (i = 0; i < text->len; i++)
		*n += s[i] == '\n';
	lines = calloc(*n + 1, sizeof(*lines));
	for (i = 0; lines && i < *n; i++) {
		lines[i].s = s;
		lines[i].end = memchr(s, '\n', (size_t)(end - s));
		s = lines[i].end + 1;
	}
	return lines;
}

static int put_cell(struct buf *out, struct line *l, size_t w)
{
	const char *end = cell_end(l);
	size_t have = width(l->s, (size_t)(end - l->s));
	int r = buf_append(out, l->s, (size_t)(end - l->s));

	for (w = MAX(w, have + (have >= w)); have < w && r == 0; have++)
		r = buf_putc(out, ' ');
	l->s = end + 1;
	return r;
}

/* Cells are measured by column but printed by line, so each line is collected in a buffer. */
static int print_table(const struct buf *text)
{
	size_t n, i, left;
	_cleanup_free_ struct line *lines = split(text, &n);
	_cleanup_free_ size_t *widths = calloc(n + 1, sizeof(*widths));
	_cleanup_free_ struct buf *out = calloc(n + 1, sizeof(*out));
	int r = lines && widths && out ? 0 : -ENOMEM;

	do {
		left = 0;
		if (r == 0)
			measure(lines, n, widths);
		for (i = 0; i < n && r == 0; i++) {
			if (!widths[i])
				continue;
			r = put_cell(&out[i], &lines[i], widths[i]);
			left++;
		}
	} while (left && r == 0);
	for (i = 0; out && i < n; i++) {
		if (r == 0)
			printf("%s%.*s\n", buf_str(&out[i]), (int)(lines[i].end - lines[i].s),
			       lines[i].s);
		buf_fini(&out[i]);
	}
	return r;
}

/* The heading. Its errors are ignored: the rows have reported them. */
static int put_heads(struct listing *l, struct buf *out, struct err *err)
{
	size_t i;
	int r = 0;

	template_row_clear(l->row);
	for (i = 0; i < l->n_cols && r == 0; i++)
		r = template_row_set(l->row, l->cols[i].field, l->cols[i].head);
	if (r < 0)
		return err_nomem(err);
	r = template_run_heads(l->template, l->row, out, err);
	if (r == -EINVAL)
		r = 0;
	return r < 0 ? r : buf_putc(out, '\n') < 0 ? err_nomem(err) : 0;
}

int listing_print(struct listing *l, struct err *err)
{
	struct buf text _cleanup_buf_ = BUF_INIT;
	int r;

	if (l->failed)
		return err_set(err, -l->failed, "%s", l->err.msg);
	if (!l->table) {
		fwrite(buf_str(&l->rows), 1, l->rows.len, stdout);
		return 0;
	}
	r = put_heads(l, &text, err);
	if (r < 0)
		return r;
	if (buf_append(&text, l->rows.data, l->rows.len) < 0 || print_table(&text) < 0)
		return err_nomem(err);
	return 0;
}
