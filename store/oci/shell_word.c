/* The parser is recursive: the operand of a modifier, ${A:-HERE}, is a word itself. */
#include "store/oci/shell_word.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/json.h"
#include "base/text.h"

/* Limit of nested words. */
#define DEPTH_MAX 32

struct lexer {
	const char *p;
	char escape;
	const json_t *env;
	unsigned depth;
	struct err *err;
};

/* The output so far. words is NULL if the result is not split. */
struct result {
	struct buf text, word;
	json_t *words;
};

#define RESULT_INIT                                 \
	{                                           \
		.text = BUF_INIT, .word = BUF_INIT, \
	}
#define _cleanup_result_ _cleanup_(result_fini)

static void result_fini(struct result *r)
{
	buf_fini(&r->text);
	buf_fini(&r->word);
}

static int end_word(struct result *r)
{
	int e;

	if (!r->words || !r->word.len)
		return 0;
	e = json_array_append_new(r->words, json_string(r->word.data)) < 0 ? -ENOMEM : 0;
	buf_clear(&r->word);
	return e;
}

/* Append literal characters, which never split a word. */
static int add_raw(struct result *r, const char *s, size_t len)
{
	return buf_append(&r->text, s, len) < 0 || buf_append(&r->word, s, len) < 0 ? -ENOMEM : 0;
}

static int add(struct result *r, const char *s, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++) {
		if (!isspace((unsigned char)s[i])) {
			if (add_raw(r, s + i, 1) < 0)
				return -ENOMEM;
		} else if (buf_putc(&r->text, s[i]) < 0 || end_word(r) < 0) {
			return -ENOMEM;
		}
	}
	return 0;
}

static int walk(struct lexer *l, char stop, bool keep_escapes, struct result *out);

/* Patterns: only * and ?; a backslash quotes the next character. */

static size_t char_length(const char *s, const char *end)
{
	uint32_t c;
	size_t n = text_decode(s, end, &c);

	return n ? n : 1;
}

static bool matches(const char *pattern, const char *s, const char *end)
{
	const char *star = NULL, *from = NULL;

	for (;;) {
		if (*pattern == '*') {
			star = ++pattern;
			from = s;
			continue;
		}
		if (s == end && !*pattern)
			return true;
		if (s < end && *pattern == '?') {
			pattern++;
			s += char_length(s, end);
			continue;
		}
		if (s < end && *pattern) {
			const char *literal = pattern + (*pattern == '\\' && pattern[1]);

			if (*literal == *s) {
				pattern = literal + 1;
				s++;
				continue;
			}
		}
		if (!star || from == end)
			return false;
		pattern = star;
		s = ++from;
	}
}

/* True inside a UTF-8 character, where no match may begin or end. */
static bool is_inside(const char *s)
{
	return ((unsigned char)*s & 0xc0) == 0x80;
}

/* Remove the shortest or longest prefix or suffix that matches the pattern. */
static int trim(const char *pattern, const char *value, bool at_end, bool longest, struct buf *out)
{
	size_t n = strlen(value), i;

	for (i = 0; i <= n; i++) {
		size_t len = longest ? n - i : i;

		if (is_inside(at_end ? value + n - len : value + len))
			continue;
		if (at_end && matches(pattern, value + n - len, value + n))
			return buf_append(out, value, n - len);
		if (!at_end && matches(pattern, value, value + len))
			return buf_puts(out, value + len);
	}
	return buf_puts(out, value);
}

static int replace(const char *pattern, const char *by, bool all, const char *value,
		   struct buf *out)
{
	const char *s = value, *end = value + strlen(value), *to;
	bool done = false;

	while (s < end) {
		to = is_inside(s) || done ? s : end;
		while (to > s && (is_inside(to) || !matches(pattern, s, to)))
			to--;
		if (to == s) {
			if (buf_putc(out, *s++) < 0)
				return -ENOMEM;
			continue;
		}
		if (buf_puts(out, by) < 0)
			return -ENOMEM;
		s = to;
		done = !all;
	}
	return 0;
}

/* The last assignment wins, as in an environment built from the list. NULL: not set. */
static const char *lookup(const struct lexer *l, const char *name)
{
	size_t len = strlen(name), i;
	const char *found = NULL;
	const json_t *item;

	json_array_foreach(l->env, i, item) {
		const char *s = json_string_value(item);

		if (s && strncmp(s, name, len) == 0 && (s[len] == '=' || !s[len]))
			found = s[len] ? s + len + 1 : s + len;
	}
	return found;
}

/* Read a name, a number, or a special parameter of the shell; the latter two are never set. */
static int read_name(struct lexer *l, struct buf *name)
{
	size_t n = strspn(l->p, "0123456789");

	if (!n && *l->p && strchr("@*#?-$!", *l->p))
		n = 1;
	else if (!n)
		while ((isalnum((unsigned char)l->p[n]) || l->p[n] == '_') && isascii(l->p[n]))
			n++;
	if (buf_append(name, l->p, n) < 0)
		return err_nomem(l->err);
	l->p += n;
	return 0;
}

/* Expand the operand of a modifier, up to stop. */
static int operand(struct lexer *l, char stop, bool pattern, struct result *out)
{
	int r;

	if (++l->depth > DEPTH_MAX)
		return err_set(l->err, EINVAL, "syntax error: ${} nested more than %d deep",
			       DEPTH_MAX);
	r = walk(l, stop, pattern, out);
	l->depth--;
	return r;
}

static int substitute(struct lexer *l, const char *value, struct buf *out)
{
	struct result pattern _cleanup_result_ = RESULT_INIT, by _cleanup_result_ = RESULT_INIT;
	bool all = *l->p == '/';
	int r;

	l->p += all;
	r = operand(l, '/', true, &pattern);
	if (r == 0)
		r = operand(l, '}', true, &by);
	if (r < 0)
		return r;
	r = replace(buf_str(&pattern.text), buf_str(&by.text), all, value ? value : "", out);
	return r < 0 ? err_nomem(l->err) : 0;
}

/* Handle what follows the name in ${NAME:-word}. */
static int modified(struct lexer *l, const char *name, struct buf *out)
{
	struct result word _cleanup_result_ = RESULT_INIT;
	const char *value = lookup(l, name), *text;
	bool colon = *l->p == ':', null;
	char op = colon ? l->p[1] : *l->p;
	int r = 0;

	if (!colon && op == '/') {
		l->p++;
		return substitute(l, value, out);
	}
	if (!op)
		return err_set(l->err, EINVAL, "syntax error: missing '}'");
	if (!strchr("+-?#%", op))
		return err_set(l->err, EINVAL, "unsupported modifier (%s%c) in substitution",
			       colon ? ":" : "", op);
	l->p += 1 + colon;
	r = operand(l, '}', op == '#' || op == '%', &word);
	if (r < 0)
		return r;
	text = buf_str(&word.text);
	null = !value || (colon && !*value);
	if (op == '?' && null)
		return err_set(l->err, EINVAL, "%s: %s", name,
			       *text   ? text
			       : value ? "is not allowed to be empty"
				       : "is not allowed to be unset");
	if (op == '#' || op == '%')
		r = trim(text + (*text == op), value ? value : "", op == '%', *text == op, out);
	else if (op == '+')
		r = null ? 0 : buf_puts(out, text);
	else
		r = buf_puts(out, null ? text : value);
	return r < 0 ? err_nomem(l->err) : 0;
}

/* Handle a '$'. */
static int dollar(struct lexer *l, struct buf *out)
{
	struct buf name _cleanup_buf_ = BUF_INIT;
	const char *value;
	bool brace = l->p[1] == '{';
	int r;

	l->p += 1 + brace;
	if (brace && !*l->p)
		return err_set(l->err, EINVAL, "syntax error: missing '}'");
	if (brace && strchr("{}:", *l->p))
		return err_set(l->err, EINVAL, "syntax error: bad substitution");
	r = read_name(l, &name);
	if (r < 0)
		return r;
	if (brace && *l->p != '}')
		return modified(l, buf_str(&name), out);
	l->p += brace;
	value = brace || name.len ? lookup(l, buf_str(&name)) : "$";
	return value && buf_puts(out, value) < 0 ? err_nomem(l->err) : 0;
}

static int single_quoted(struct lexer *l, struct buf *out)
{
	const char *end = strchr(l->p + 1, '\'');
	int r;

	if (!end)
		return err_set(
			l->err, EINVAL,
			"unexpected end of statement while looking for matching single-quote");
	r = buf_append(out, l->p + 1, (size_t)(end - l->p - 1));
	l->p = end + 1;
	return r < 0 ? err_nomem(l->err) : 0;
}

/* A backslash escapes only ", $ and itself. */
static int double_quoted(struct lexer *l, bool keep_escapes, struct buf *out)
{
	int r;

	for (l->p++; *l->p && *l->p != '"';) {
		if (*l->p == '$') {
			r = dollar(l, out);
			if (r < 0)
				return r;
			continue;
		}
		if (*l->p == l->escape) {
			char next = l->p[1];

			if (keep_escapes && buf_putc(out, *l->p) < 0)
				return err_nomem(l->err);
			if (!next || next == '"' || next == '$' || next == l->escape)
				l->p++;
			if (!next)
				break;
		}
		if (buf_putc(out, *l->p++) < 0)
			return err_nomem(l->err);
	}
	if (!*l->p)
		return err_set(
			l->err, EINVAL,
			"unexpected end of statement while looking for matching double-quote");
	l->p++;
	return 0;
}

/* Handle one character, or the construct that it starts. */
static int step(struct lexer *l, bool keep_escapes, struct result *out)
{
	struct buf part _cleanup_buf_ = BUF_INIT;
	char c = *l->p;
	int r;

	if (c == '$' || c == '"' || c == '\'') {
		r = c == '$'   ? dollar(l, &part)
		    : c == '"' ? double_quoted(l, keep_escapes, &part)
			       : single_quoted(l, &part);
		if (r < 0)
			return r;
		r = (c == '$' ? add : add_raw)(out, buf_str(&part), part.len);
	} else if (c == l->escape) {
		r = keep_escapes ? add_raw(out, l->p, 1) : 0;
		l->p++;
		if (r == 0 && *l->p)
			r = add_raw(out, l->p++, 1);
	} else {
		r = add(out, l->p++, 1);
	}
	return r < 0 ? err_nomem(l->err) : 0;
}

/* Expand up to stop, which is consumed; a NUL stop is the end of the word. */
static int walk(struct lexer *l, char stop, bool keep_escapes, struct result *out)
{
	int r;

	while (*l->p && *l->p != stop) {
		r = step(l, keep_escapes, out);
		if (r < 0)
			return r;
	}
	if (stop && !*l->p)
		return err_set(l->err, EINVAL, "syntax error: missing '%c'", stop);
	l->p += stop != '\0';
	return end_word(out) < 0 ? err_nomem(l->err) : 0;
}

static int process(const char *word, char escape, const json_t *env, struct result *out,
		   struct err *err)
{
	struct lexer l = { .p = word, .escape = escape, .env = env, .err = err };
	int r = walk(&l, '\0', false, out);

	return r < 0 ? err_wrap(err, r, "failed to process \"%.100s\"", word) : 0;
}

int shell_word_expand(const char *word, char escape, const json_t *env, struct buf *out,
		      struct err *err)
{
	struct result result _cleanup_result_ = RESULT_INIT;
	int r = process(word, escape, env, &result, err);

	if (r < 0)
		return r;
	return buf_append(out, buf_str(&result.text), result.text.len) < 0 ? err_nomem(err) : 0;
}

int shell_word_split(const char *word, char escape, const json_t *env, json_t *out, struct err *err)
{
	struct result result _cleanup_result_ = RESULT_INIT;

	result.words = out;
	return process(word, escape, env, &result, err);
}
