/*
 * A recursive descent parser. Each table records how it was defined, because TOML forbids extending
 * most kinds later. Nesting depth is limited, so that neither parsing nor freeing can overflow the
 * stack.
 */
#include "registry/config/toml.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/text.h"

/* Maximum nesting of arrays and inline tables; maximum number of parts of a dotted key. */
#define MAX_DEPTH 32
#define MAX_PARTS 16

struct reader {
	const char *p, *end;
	const char *what;
	size_t line;
	unsigned int depth;
	struct err *err;
};

DEFINE_CLEANUP_PTR(struct toml, toml_free);

static int value(struct reader *r, struct toml **out);
static int key_value(struct reader *r, struct toml *table);

static int wrong(struct reader *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static int wrong(struct reader *r, const char *fmt, ...)
{
	char why[ERR_MSG_MAX / 2];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	return err_set(r->err, EINVAL, "%.400s: line %zu: %s", r->what, r->line, why);
}

static void free_value(void *t)
{
	toml_free(t);
}

void toml_free(struct toml *t)
{
	size_t i;

	if (!t)
		return;
	for (i = 0; i < t->n; i++)
		toml_free(t->v[i]);
	free(t->v);
	map_fini(&t->keys, free_value);
	free(t->text);
	free(t);
}

const struct toml *toml_get(const struct toml *table, const char *key)
{
	return table && table->type == TOML_TABLE ? map_get(&table->keys, key) : NULL;
}

static struct toml *node(struct reader *r, enum toml_type type, enum toml_made made)
{
	struct toml *t = calloc(1, sizeof(*t));

	if (!t) {
		err_nomem(r->err);
		return NULL;
	}
	t->type = type;
	t->made = made;
	t->line = r->line;
	return t;
}

/* Both take t, even on failure. */
static int append(struct reader *r, struct toml *array, struct toml *t)
{
	struct toml **v;

	/* Capacity doubles at each power of two. */
	if ((array->n & (array->n - 1)) == 0) {
		v = realloc(array->v, (array->n ? array->n * 2 : 1) * sizeof(struct toml *));
		if (!v) {
			toml_free(t);
			return err_nomem(r->err);
		}
		array->v = v;
	}
	array->v[array->n++] = t;
	return 0;
}

static int put(struct reader *r, struct toml *table, const char *key, struct toml *t)
{
	if (map_put(&table->keys, key, t) == 0)
		return 0;
	toml_free(t);
	return err_nomem(r->err);
}

static char peek(const struct reader *r)
{
	return r->p < r->end ? *r->p : '\0';
}

static bool take(struct reader *r, char c)
{
	if (r->p >= r->end || *r->p != c)
		return false;
	r->p++;
	return true;
}

static bool starts(const struct reader *r, const char *s)
{
	size_t n = strlen(s);

	return (size_t)(r->end - r->p) >= n && memcmp(r->p, s, n) == 0;
}

static void blanks(struct reader *r)
{
	while (peek(r) == ' ' || peek(r) == '\t')
		r->p++;
}

/* newline - consume a line end and count it. */
static bool newline(struct reader *r)
{
	if (starts(r, "\r\n"))
		r->p++;
	if (!take(r, '\n'))
		return false;
	r->line++;
	return true;
}

/* Control characters except tab are invalid in comments and single-line strings. */
static bool control(char c)
{
	return ((unsigned char)c < 0x20 && c != '\t') || c == 0x7f;
}

static int comment(struct reader *r)
{
	if (!take(r, '#'))
		return 0;
	while (r->p < r->end && *r->p != '\n' && !starts(r, "\r\n")) {
		if (control(*r->p++))
			return wrong(r, "control character in a comment");
	}
	return 0;
}

/* line_end - only a comment may precede the line end. */
static int line_end(struct reader *r)
{
	blanks(r);
	if (comment(r) < 0)
		return -EINVAL;
	if (r->p == r->end || newline(r))
		return 0;
	return wrong(r, "expected end of line");
}

/* Skip blanks, comments and line ends, which are allowed in an array. */
static int skip_lines(struct reader *r)
{
	do {
		blanks(r);
		if (comment(r) < 0)
			return -EINVAL;
	} while (newline(r));
	return 0;
}

static int escape_code(struct reader *r, int digits, struct buf *out)
{
	uint32_t c = 0;
	int i;

	for (i = 0; i < digits; i++) {
		char d = peek(r);

		if (!isxdigit((unsigned char)d))
			return wrong(r, "expected %d hexadecimal digits after \\%c", digits,
				     digits == 4 ? 'u' : 'U');
		c = c << 4 | (uint32_t)(isdigit((unsigned char)d) ? d - '0' : (d | 32) - 'a' + 10);
		r->p++;
	}
	if (c == 0 || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return wrong(r, "invalid character in an escape sequence");
	return text_encode(out, c) < 0 ? err_nomem(r->err) : 0;
}

/* escape - parse an escape sequence after the backslash; multi-line strings may fold lines. */
static int escape(struct reader *r, bool lines, struct buf *out)
{
	static const char from[] = "btnfr\"\\", to[] = "\b\t\n\f\r\"\\";
	const char *at, *start = r->p;
	char c = peek(r);

	if (c && (at = strchr(from, c))) {
		r->p++;
		return buf_putc(out, to[at - from]) < 0 ? err_nomem(r->err) : 0;
	}
	if (take(r, 'u'))
		return escape_code(r, 4, out);
	if (take(r, 'U'))
		return escape_code(r, 8, out);
	if (lines) {
		blanks(r);
		if (newline(r)) {
			do
				blanks(r);
			while (newline(r));
			return 0;
		}
		r->p = start;
	}
	return wrong(r, "unknown escape sequence");
}

/* string_end - true at the closing quote. Up to two quotes may precede the closing three. */
static bool string_end(struct reader *r, char quote, bool lines)
{
	if (peek(r) != quote)
		return false;
	if (!lines) {
		r->p++;
		return true;
	}
	if (r->end - r->p < 3 || r->p[1] != quote || r->p[2] != quote ||
	    (r->end - r->p > 3 && r->p[3] == quote))
		return false;
	r->p += 3;
	return true;
}

static int string_char(struct reader *r, char quote, bool lines, struct buf *out)
{
	const char *start = r->p;
	char c = peek(r);

	if (c == '\\' && quote == '"') {
		r->p++;
		return escape(r, lines, out);
	}
	if (newline(r)) {
		if (!lines) {
			r->line--;
			return wrong(r, "unterminated string");
		}
		c = '\n';
	} else if (r->p == r->end) {
		return wrong(r, "unterminated string");
	} else if (control(c)) {
		return wrong(r, "control character in a string");
	} else {
		r->p = start + 1;
	}
	return buf_putc(out, c) < 0 ? err_nomem(r->err) : 0;
}

/* string - parse a string at its first quote; lines: """ and ''' are allowed. */
static int string(struct reader *r, bool may_have_lines, char **out)
{
	struct buf text _cleanup_buf_ = BUF_INIT;
	char quote = *r->p++;
	bool lines = false;
	int ret;

	if (may_have_lines && r->end - r->p >= 2 && r->p[0] == quote && r->p[1] == quote) {
		lines = true;
		r->p += 2;
		newline(r);
	}
	while (!string_end(r, quote, lines)) {
		ret = string_char(r, quote, lines, &text);
		if (ret < 0)
			return ret;
	}
	*out = buf_take(&text);
	return *out ? 0 : err_nomem(r->err);
}

static bool bare(char c)
{
	return isalnum((unsigned char)c) || c == '_' || c == '-';
}

/* key_part - parse one part of a key: bare or quoted. */
static int key_part(struct reader *r, char **out)
{
	const char *start;

	blanks(r);
	if (peek(r) == '"' || peek(r) == '\'')
		return string(r, false, out);
	start = r->p;
	while (r->p < r->end && bare(*r->p))
		r->p++;
	if (r->p == start)
		return wrong(r, "expected a key");
	*out = strndup(start, (size_t)(r->p - start));
	return *out ? 0 : err_nomem(r->err);
}

/* deeper - the table that the last part of a name refers to; NULL: not a table, or closed. */
static struct toml *deeper(struct toml *t, enum toml_made made)
{
	if (t->type == TOML_ARRAY && t->made == TOML_TABLES && made == TOML_IMPLICIT)
		return t->v[t->n - 1];
	if (t->type != TOML_TABLE || t->made == TOML_INLINE)
		return NULL;
	return made == TOML_DOTTED && t->made != TOML_DOTTED ? NULL : t;
}

/*
 * path - parse a dotted key and return its last part; create the tables of the others.
 * made    TOML_IMPLICIT in a header, TOML_DOTTED before '='
 */
static int path(struct reader *r, struct toml **table, enum toml_made made, char **last)
{
	_cleanup_free_ char *part = NULL;
	struct toml *next;
	int n, ret;

	for (n = 1;; n++) {
		ret = key_part(r, &part);
		if (ret < 0)
			return ret;
		blanks(r);
		if (!take(r, '.')) {
			*last = TAKE_PTR(part);
			return 0;
		}
		if (n == MAX_PARTS)
			return wrong(r, "a key of more than %d parts", MAX_PARTS);
		next = map_get(&(*table)->keys, part);
		if (!next) {
			next = node(r, TOML_TABLE, made);
			if (!next)
				return -ENOMEM;
			ret = put(r, *table, part, next);
			if (ret < 0)
				return ret;
		}
		*table = deeper(next, made);
		if (!*table)
			return wrong(r, "'%.100s' cannot be extended", part);
		free(TAKE_PTR(part));
	}
}

static int array(struct reader *r, struct toml **out)
{
	_cleanup_(cleanup_toml_free) struct toml *t = node(r, TOML_ARRAY, TOML_PLAIN);
	struct toml *item;
	int ret;

	if (!t)
		return -ENOMEM;
	r->p++;
	for (;;) {
		ret = skip_lines(r);
		if (ret < 0)
			return ret;
		if (take(r, ']'))
			break;
		ret = value(r, &item);
		if (ret == 0)
			ret = append(r, t, item);
		if (ret == 0)
			ret = skip_lines(r);
		if (ret < 0)
			return ret;
		if (take(r, ','))
			continue;
		if (!take(r, ']'))
			return wrong(r, "expected ',' or ']' in an array");
		break;
	}
	*out = TAKE_PTR(t);
	return 0;
}

/* The table is filled before its kind closes it. */
static int inline_table(struct reader *r, struct toml **out)
{
	_cleanup_(cleanup_toml_free) struct toml *t = node(r, TOML_TABLE, TOML_DOTTED);
	int ret;

	if (!t)
		return -ENOMEM;
	r->p++;
	blanks(r);
	while (!take(r, '}')) {
		ret = key_value(r, t);
		if (ret < 0)
			return ret;
		blanks(r);
		if (peek(r) == '}')
			continue;
		if (!take(r, ','))
			return wrong(r, "expected ',' or '}' in an inline table");
		blanks(r);
		if (peek(r) == '}')
			return wrong(r, "expected a key");
	}
	t->made = TOML_INLINE;
	*out = TAKE_PTR(t);
	return 0;
}

static bool digits(const char *p, const char *end, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (p + i >= end || !isdigit((unsigned char)p[i]))
			return false;
	return true;
}

/* word - true, false, a number or a date; a date may have a blank before its time. */
static int word(struct reader *r, struct toml **out)
{
	_cleanup_(cleanup_toml_free) struct toml *t = node(r, TOML_OTHER, TOML_PLAIN);
	const char *start = r->p, *number;
	size_t n;

	if (!t)
		return -ENOMEM;
	while (r->p < r->end && (bare(*r->p) || strchr("+.:", *r->p)) && *r->p)
		r->p++;
	if (r->p - start == 10 && digits(start, r->end, 4) && start[4] == '-' && peek(r) == ' ' &&
	    digits(r->p + 1, r->end, 2))
		for (r->p++; r->p < r->end && (bare(*r->p) || *r->p == '.' || *r->p == ':');)
			r->p++;
	n = (size_t)(r->p - start);
	if (n == 0)
		return wrong(r, "expected a value");
	t->text = strndup(start, n);
	if (!t->text)
		return err_nomem(r->err);
	number = t->text + strspn(t->text, "+-");
	if (strcmp(t->text, "true") == 0 || strcmp(t->text, "false") == 0) {
		t->type = TOML_BOOL;
		t->yes = *t->text == 't';
	} else if (!isdigit((unsigned char)*number) && strcmp(number, "inf") != 0 &&
		   strcmp(number, "nan") != 0) {
		return wrong(r, "'%.100s' is not a value (strings need quotes)", t->text);
	}
	*out = TAKE_PTR(t);
	return 0;
}

static int value(struct reader *r, struct toml **out)
{
	_cleanup_(cleanup_toml_free) struct toml *t = NULL;
	char c = peek(r);
	int ret;

	if (c == '"' || c == '\'') {
		t = node(r, TOML_STRING, TOML_PLAIN);
		ret = t ? string(r, true, &t->text) : -ENOMEM;
		if (ret == 0)
			*out = TAKE_PTR(t);
		return ret;
	}
	if (c != '[' && c != '{')
		return word(r, out);
	if (r->depth == MAX_DEPTH)
		return wrong(r, "more than %d nested arrays and tables", MAX_DEPTH);
	r->depth++;
	ret = c == '[' ? array(r, out) : inline_table(r, out);
	r->depth--;
	return ret;
}

static int key_value(struct reader *r, struct toml *table)
{
	_cleanup_free_ char *key = NULL;
	struct toml *t;
	int ret = path(r, &table, TOML_DOTTED, &key);

	if (ret < 0)
		return ret;
	if (!take(r, '='))
		return wrong(r, "expected '=' after '%.100s'", key);
	if (map_get(&table->keys, key))
		return wrong(r, "'%.100s' is defined twice", key);
	blanks(r);
	ret = value(r, &t);
	return ret < 0 ? ret : put(r, table, key, t);
}

/* header_table - [a.b]: define the table of that name, which must not be defined yet. */
static int header_table(struct reader *r, struct toml *table, const char *key, struct toml **out)
{
	struct toml *t = map_get(&table->keys, key);
	int ret;

	if (!t) {
		t = node(r, TOML_TABLE, TOML_HEADER);
		if (!t)
			return -ENOMEM;
		ret = put(r, table, key, t);
		if (ret < 0)
			return ret;
	} else if (t->type != TOML_TABLE || t->made != TOML_IMPLICIT) {
		return wrong(r, "'%.100s' is defined twice", key);
	}
	t->made = TOML_HEADER;
	t->line = r->line;
	*out = t;
	return 0;
}

/* header_tables - [[a.b]]: append a table to the array of that name. */
static int header_tables(struct reader *r, struct toml *table, const char *key, struct toml **out)
{
	struct toml *list = map_get(&table->keys, key), *t;
	int ret;

	if (!list) {
		list = node(r, TOML_ARRAY, TOML_TABLES);
		if (!list)
			return -ENOMEM;
		ret = put(r, table, key, list);
		if (ret < 0)
			return ret;
	} else if (list->made != TOML_TABLES) {
		return wrong(r, "'%.100s' is already defined and not an array of tables", key);
	}
	t = node(r, TOML_TABLE, TOML_HEADER);
	ret = t ? append(r, list, t) : -ENOMEM;
	if (ret == 0)
		*out = t;
	return ret;
}

static int header(struct reader *r, struct toml *root, struct toml **current)
{
	_cleanup_free_ char *key = NULL;
	struct toml *table = root;
	bool many;
	int ret;

	r->p++;
	many = take(r, '[');
	ret = path(r, &table, TOML_IMPLICIT, &key);
	if (ret < 0)
		return ret;
	if (!take(r, ']') || (many && !take(r, ']')))
		return wrong(r, "expected '%s' after '%.100s'", many ? "]]" : "]", key);
	return many ? header_tables(r, table, key, current) : header_table(r, table, key, current);
}

static int check_utf8(struct reader *r)
{
	const char *p;
	uint32_t c;
	size_t n;

	for (p = r->p; p < r->end; p += n) {
		n = (unsigned char)*p < 0x80 ? 1 : text_decode(p, r->end, &c);
		if (n == 0)
			return wrong(r, "invalid UTF-8");
		if (*p == '\0')
			return wrong(r, "NUL character");
		r->line += *p == '\n';
	}
	r->line = 1;
	return 0;
}

int toml_parse(const char *data, size_t len, const char *what, struct toml **out, struct err *err)
{
	struct reader r = { .p = data, .end = data + len, .what = what, .line = 1, .err = err };
	_cleanup_(cleanup_toml_free) struct toml *root = node(&r, TOML_TABLE, TOML_HEADER);
	struct toml *current = root;
	int ret = root ? check_utf8(&r) : -ENOMEM;

	if (ret == 0 && starts(&r, "\xef\xbb\xbf"))
		r.p += 3;
	while (ret == 0) {
		blanks(&r);
		if (r.p == r.end)
			break;
		if (peek(&r) == '[')
			ret = header(&r, root, &current);
		else if (peek(&r) != '#' && peek(&r) != '\n' && peek(&r) != '\r')
			ret = key_value(&r, current);
		if (ret == 0)
			ret = line_end(&r);
	}
	if (ret == 0)
		*out = TAKE_PTR(root);
	return ret;
}
