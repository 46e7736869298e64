/* Splitting a template into tokens, and parsing constants. */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/text.h"
#include "store/show/template_private.h"

#define SPACES " \t\r\n"

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Go allows letters of all scripts; non-ASCII bytes are accepted as letters. */
static bool is_word(char c)
{
	return isalnum((unsigned char)c) || c == '_' || (unsigned char)c >= 0x80;
}

static bool starts(const struct lexer *l, size_t pos, const char *with)
{
	size_t n = strlen(with);

	return l->len - pos >= n && memcmp(l->text + pos, with, n) == 0;
}

static bool trims_left(const struct lexer *l, size_t pos)
{
	return l->len - pos >= 4 && l->text[pos + 2] == '-' && is_space(l->text[pos + 3]);
}

static bool trims_right(const struct lexer *l, size_t pos)
{
	return pos + 4 <= l->len && is_space(l->text[pos]) && starts(l, pos + 1, "-}}");
}

/* Skip a comment whose text begins at start; the action must end after it. */
static int skip_comment(struct lexer *l, size_t start, struct err *err)
{
	const char *end = memmem(l->text + start, l->len - start, "*/", 2);
	size_t p;

	if (!end)
		return err_set(err, EINVAL, "unclosed comment");
	p = (size_t)(end + 2 - l->text);
	if (trims_right(l, p)) {
		l->trim_next = true;
		l->pos = p + 4;
		return 0;
	}
	l->trim_next = false;
	if (!starts(l, p, "}}"))
		return err_set(err, EINVAL, "comment ends before closing delimiter");
	l->pos = p + 2;
	return 0;
}

static void set(struct token *t, enum token_type type, size_t pos, size_t len)
{
	t->type = type;
	t->pos = pos;
	t->len = len;
}

/* Read text up to the next action, without comments. */
static int lex_text(struct lexer *l, struct token *out, struct err *err)
{
	while (l->pos < l->len) {
		size_t start = l->pos, end, skip;
		const char *left = memmem(l->text + start, l->len - start, "{{", 2);
		size_t at = left ? (size_t)(left - l->text) : l->len;
		int r;

		end = at;
		if (l->trim_next)
			while (start < end && is_space(l->text[start]))
				start++;
		l->trim_next = false;
		if (left && trims_left(l, at))
			while (end > start && is_space(l->text[end - 1]))
				end--;
		l->pos = at;
		if (end > start) {
			set(out, TOKEN_TEXT, start, end - start);
			return 0;
		}
		if (!left)
			break;
		skip = trims_left(l, at) ? at + 4 : at + 2;
		if (starts(l, skip, "/*")) {
			r = skip_comment(l, skip + 2, err);
			if (r < 0)
				return r;
			continue;
		}
		l->inside = true;
		l->pos = skip;
		set(out, TOKEN_LEFT, at, 2);
		return 0;
	}
	set(out, TOKEN_END, l->len, 0);
	return 0;
}

static int lex_quote(struct lexer *l, struct token *out, struct err *err)
{
	char quote = l->text[l->pos];
	size_t p;

	for (p = l->pos + 1; p < l->len; p++) {
		char c = l->text[p];

		if (c == quote)
			break;
		if (quote != '`' && c == '\n')
			break;
		if (quote != '`' && c == '\\' && p + 1 < l->len && l->text[p + 1] != '\n')
			p++;
	}
	if (p >= l->len || l->text[p] != quote)
		return err_set(err, EINVAL, "unterminated %s",
			       quote == '`'    ? "raw quoted string"
			       : quote == '\'' ? "character constant"
					       : "quoted string");
	set(out, quote == '\'' ? TOKEN_CHAR : TOKEN_STRING, l->pos, p + 1 - l->pos);
	l->pos = p + 1;
	return 0;
}

static size_t word_end(const struct lexer *l, size_t p)
{
	while (p < l->len && is_word(l->text[p]))
		p++;
	return p;
}

/*
 * A number may contain a sign, digits of any base, '_', a point and an exponent;
 * template_number() validates it.
 */
static size_t number_end(const struct lexer *l, size_t p)
{
	if (p < l->len && (l->text[p] == '+' || l->text[p] == '-'))
		p++;
	while (p < l->len &&
	       (is_word(l->text[p]) || l->text[p] == '.' ||
		((l->text[p] == '+' || l->text[p] == '-') && strchr("eEpP", l->text[p - 1]))))
		p++;
	return p;
}

static int one(struct lexer *l, struct token *out, enum token_type type, size_t len)
{
	set(out, type, l->pos, len);
	l->pos += len;
	return 0;
}

static int bad_character(const struct lexer *l, struct err *err)
{
	unsigned char c = (unsigned char)l->text[l->pos];

	if (c > ' ' && c < 0x7f)
		return err_set(err, EINVAL, "unexpected \"%c\" in command", c);
	return err_set(err, EINVAL, "unrecognized character in action: U+%04X", c);
}

static int lex_inside(struct lexer *l, struct token *out, struct err *err)
{
	const char *s = l->text + l->pos;
	size_t p;

	if (trims_right(l, l->pos) || starts(l, l->pos, "}}")) {
		l->trim_next = is_space(s[0]);
		l->inside = false;
		return one(l, out, TOKEN_RIGHT, l->trim_next ? 4 : 2);
	}
	if (l->pos >= l->len)
		return err_set(err, EINVAL, "unclosed action");
	if (is_space(s[0])) {
		for (p = l->pos; p < l->len && is_space(l->text[p]) && !trims_right(l, p); p++)
			;
		return one(l, out, TOKEN_SPACE, p - l->pos);
	}
	if (starts(l, l->pos, ":="))
		return one(l, out, TOKEN_DECLARE, 2);
	if (s[0] == '"' || s[0] == '`' || s[0] == '\'')
		return lex_quote(l, out, err);
	if (s[0] == '$')
		return one(l, out, TOKEN_VARIABLE, word_end(l, l->pos + 1) - l->pos);
	if (s[0] == '.' && !isdigit((unsigned char)s[1])) {
		p = word_end(l, l->pos + 1);
		return one(l, out, p == l->pos + 1 ? TOKEN_DOT : TOKEN_FIELD, p - l->pos);
	}
	if (isdigit((unsigned char)s[0]) || s[0] == '.' || s[0] == '+' || s[0] == '-')
		return one(l, out, TOKEN_NUMBER, number_end(l, l->pos) - l->pos);
	if (is_word(s[0]))
		return one(l, out, TOKEN_WORD, word_end(l, l->pos) - l->pos);
	switch (s[0]) {
	case '|':
		return one(l, out, TOKEN_PIPE, 1);
	case '(':
		return one(l, out, TOKEN_LPAREN, 1);
	case ')':
		return one(l, out, TOKEN_RPAREN, 1);
	case ',':
		return one(l, out, TOKEN_COMMA, 1);
	case '=':
		return one(l, out, TOKEN_ASSIGN, 1);
	default:
		return bad_character(l, err);
	}
}

int template_lex(struct lexer *l, struct token *out, struct err *err)
{
	return l->inside ? lex_inside(l, out, err) : lex_text(l, out, err);
}

/* Parse n digits of a base at *s; -EINVAL. */
static int digits(const char **s, const char *end, int n, int base, unsigned long *out)
{
	*out = 0;
	for (; n > 0; n--, (*s)++) {
		int d;

		if (*s >= end)
			return -EINVAL;
		d = isdigit((unsigned char)**s)	   ? **s - '0'
		    : isxdigit((unsigned char)**s) ? tolower((unsigned char)**s) - 'a' + 10
						   : 99;
		if (d >= base)
			return -EINVAL;
		*out = *out * (unsigned long)base + (unsigned long)d;
	}
	return 0;
}

/* Parse an escape sequence after the backslash, at *s. */
static int unescape(const char **s, const char *end, char quote, struct buf *out)
{
	static const char names[] = "abfnrtv\\", values[] = "\a\b\f\n\r\t\v\\";
	char c = *(*s)++;
	const char *known = strchr(names, c);
	unsigned long v;

	if (c && known)
		return buf_putc(out, values[known - names]);
	if (c == quote)
		return buf_putc(out, c);
	if (c == 'x')
		return digits(s, end, 2, 16, &v) < 0 ? -EINVAL : buf_putc(out, (char)v);
	if (c == 'u' || c == 'U') {
		if (digits(s, end, c == 'u' ? 4 : 8, 16, &v) < 0 || v > 0x10ffff ||
		    (v >= 0xd800 && v <= 0xdfff))
			return -EINVAL;
		return text_encode(out, (uint32_t)v);
	}
	(*s)--;
	if (digits(s, end, 3, 8, &v) < 0 || v > 0xff)
		return -EINVAL;
	return buf_putc(out, (char)v);
}

/* The code point of a character constant. */
static int code_point(const struct buf *b, json_t **out)
{
	uint32_t c;

	if (!b->len || text_decode(b->data, b->data + b->len, &c) != b->len)
		return -EINVAL;
	*out = json_integer((json_int_t)c);
	return *out ? 0 : -ENOMEM;
}

int template_unquote(const char *text, const struct token *t, json_t **out, struct err *err)
{
	struct buf b _cleanup_buf_ = BUF_INIT;
	const char *s = text + t->pos + 1, *end = text + t->pos + t->len - 1;
	char quote = s[-1];
	int r = 0;

	while (s < end && r == 0) {
		if (*s == '\r' && quote == '`')
			s++;
		else if (*s != '\\' || quote == '`')
			r = buf_putc(&b, *s++);
		else
			r = ++s < end ? unescape(&s, end, quote, &b) : -EINVAL;
	}
	if (r == 0 && quote == '\'') {
		r = code_point(&b, out);
	} else if (r == 0) {
		*out = json_stringn_nocheck(buf_str(&b), b.len);
		r = *out ? 0 : -ENOMEM;
	}
	if (r == -ENOMEM)
		return err_nomem(err);
	return r < 0 ? err_set(err, EINVAL,
			       quote == '\'' ? "malformed character constant" : "invalid syntax")
		     : 0;
}

int template_number(const char *text, const struct token *t, json_t **out, struct err *err)
{
	char s[64], *end;
	size_t i, n = 0;
	long long v;

	if (t->len >= sizeof(s))
		return err_set(err, EINVAL, "bad number syntax");
	for (i = 0; i < t->len; i++)
		if (text[t->pos + i] != '_')
			s[n++] = text[t->pos + i];
	s[n] = '\0';
	errno = 0;
	if (s[0] == '0' && (s[1] == 'o' || s[1] == 'O'))
		v = strtoll(s + 2, &end, 8);
	else if (s[0] == '0' && (s[1] == 'b' || s[1] == 'B'))
		v = strtoll(s + 2, &end, 2);
	else
		v = strtoll(s, &end, 0);
	if (*end == '\0' && end != s && errno == 0) {
		*out = json_integer(v);
	} else {
		double d;

		/* strtod() accepts words (inf, nan), which are not numbers here. */
		if (!s[strspn(s, "+-")] || strspn(s, "+-.0123456789eExXabcdefABCDEFpP") != n)
			return err_set(err, EINVAL, "bad number syntax: \"%s\"", s);
		d = strtod(s, &end);
		if (*end || end == s)
			return err_set(err, EINVAL, "bad number syntax: \"%s\"", s);
		*out = json_real(d);
	}
	return *out ? 0 : err_set(err, EINVAL, "bad number syntax: \"%s\"", s);
}
