/* The text is split into logical lines; then each instruction parses its line in its own form. */
#include "store/oci/dockerfile.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/json.h"

#define BLANKS " \t\v\f\r"

void instruction_fini(struct instruction *i)
{
	free(i->word);
	free(i->line);
	json_decref(i->flags);
	json_decref(i->args);
	memset(i, 0, sizeof(*i));
}

void dockerfile_begin(struct dockerfile *d, const char *text)
{
	static const char mark[] = "\xef\xbb\xbf";

	d->unread = strncmp(text, mark, 3) == 0 ? text + 3 : text;
	d->escape = '\\';
	d->directives = true;
}

static const char *skip_space(const char *s)
{
	while (isspace((unsigned char)*s))
		s++;
	return s;
}

static int put(json_t *array, const char *s, size_t len)
{
	return json_array_append_new(array, json_stringn(s, len)) < 0 ? -ENOMEM : 0;
}

/* Read the next line without its newline. Returns 1; 0 at the end; -ENOMEM. */
static int read_line(struct dockerfile *d, struct buf *line)
{
	size_t len = strcspn(d->unread, "\n"), rest;

	buf_clear(line);
	if (!*d->unread)
		return 0;
	rest = d->unread[len] ? len + 1 : len;
	while (len && d->unread[len - 1] == '\r')
		len--;
	if (buf_append(line, d->unread, len) < 0)
		return -ENOMEM;
	d->unread += rest;
	return 1;
}

/* Parse a directive such as "# escape=`". Any other line ends the directives. */
static int take_directive(struct dockerfile *d, const char *line, struct err *err)
{
	static const char *const names[] = { "escape", "syntax", "check" };
	const char *name, *value;
	size_t len, i;

	if (!d->directives)
		return 0;
	d->directives = false;
	if (*line != '#')
		return 0;
	name = skip_space(line + 1);
	for (len = 0; isalnum((unsigned char)name[len]); len++)
		;
	value = skip_space(name + len);
	for (i = 0; i < ARRAY_SIZE(names); i++)
		d->directives |= strlen(names[i]) == len && strncasecmp(name, names[i], len) == 0;
	d->directives &= *value == '=' && *skip_space(value + 1);
	if (!d->directives || tolower((unsigned char)*name) != 'e')
		return 0;
	value = skip_space(value + 1);
	if ((*value != '\\' && *value != '`') || *skip_space(value + 1))
		return err_set(err, EINVAL, "invalid escape token '%s' does not match ` or \\",
			       value);
	d->escape = *value;
	return 0;
}

/* True if the line ends with a single escape character, which is removed: it continues. */
static bool goes_on(const struct dockerfile *d, struct buf *line)
{
	size_t n = line->len;

	while (n && (line->data[n - 1] == ' ' || line->data[n - 1] == '\t'))
		n--;
	if (!n || line->data[n - 1] != d->escape || (n > 1 && line->data[n - 2] == d->escape))
		return false;
	line->len = n - 1;
	line->data[n - 1] = '\0';
	return true;
}

/* Join continuation lines; comments and empty lines between them are dropped. */
static int read_whole(struct dockerfile *d, struct buf *whole, struct err *err)
{
	struct buf line _cleanup_buf_ = BUF_INIT;
	const char *text;
	bool more;
	int r;

	buf_clear(whole);
	while ((r = read_line(d, &line)) > 0) {
		text = skip_space(buf_str(&line));
		r = take_directive(d, text, err);
		if (r < 0)
			return r;
		if (*text == '#' || !*text)
			continue;
		more = goes_on(d, &line);
		text = skip_space(buf_str(&line));
		r = buf_puts(whole, text);
		while (r == 0 && more && (r = read_line(d, &line)) > 0) {
			text = skip_space(buf_str(&line));
			r = 0;
			if (*text == '#' || !*text)
				continue;
			more = goes_on(d, &line);
			r = buf_puts(whole, buf_str(&line));
		}
		return r < 0 ? err_nomem(err) : 1;
	}
	return r < 0 ? err_nomem(err) : 0;
}

/*
 * Parse a JSON array of strings. Returns 1; 0 if text is not an array; -EINVAL for other
 * elements.
 */
static int read_json(const char *text, json_t **out, struct err *err)
{
	_cleanup_json_ json_t *j = NULL;
	struct err ignored = ERR_INIT;
	json_t *item;
	size_t i;
	int r;

	if (*text != '[')
		return 0;
	r = json_parse(text, strlen(text), "", &j, &ignored);
	if (r == -ENOMEM)
		return err_nomem(err);
	if (r < 0)
		return 0;
	json_array_foreach(j, i, item) {
		if (!json_is_string(item))
			return err_set(err, EINVAL,
				       "when using JSON array syntax, arrays must be comprised of "
				       "strings only");
	}
	json_decref(*out);
	*out = TAKE_PTR(j);
	return 1;
}

static int as_string(const struct dockerfile *d, const char *text, struct instruction *out,
		     struct err *err)
{
	(void)d;
	return *text && put(out->args, text, strlen(text)) < 0 ? err_nomem(err) : 0;
}

static int as_words(const struct dockerfile *d, const char *text, struct instruction *out,
		    struct err *err)
{
	size_t len;

	(void)d;
	for (; *text; text += strspn(text, BLANKS)) {
		len = strcspn(text, BLANKS);
		if (put(out->args, text, len) < 0)
			return err_nomem(err);
		text += len;
	}
	return 0;
}

static int as_json_or(const struct dockerfile *d, const char *text, struct instruction *out,
		      int (*otherwise)(const struct dockerfile *, const char *,
				       struct instruction *, struct err *),
		      struct err *err)
{
	int r = read_json(text, &out->args, err);

	out->json = r > 0;
	return r == 0 ? otherwise(d, text, out, err) : MIN(r, 0);
}

static int as_command(const struct dockerfile *d, const char *text, struct instruction *out,
		      struct err *err)
{
	return as_json_or(d, text, out, as_string, err);
}

static int as_list(const struct dockerfile *d, const char *text, struct instruction *out,
		   struct err *err)
{
	return as_json_or(d, text, out, as_words, err);
}

/* HEALTHCHECK: the type, "CMD" or "NONE", and a command. */
static int as_health(const struct dockerfile *d, const char *text, struct instruction *out,
		     struct err *err)
{
	size_t len = 0;
	int r;

	while (text[len] && !isspace((unsigned char)text[len]))
		len++;
	if (!len)
		return 0;
	r = as_command(d, skip_space(text + len), out, err);
	if (r == 0 && json_array_insert_new(out->args, 0, json_stringn(text, len)) < 0)
		return err_nomem(err);
	return r;
}

/* The end of the word at s: the next blank that is neither quoted nor escaped. */
static const char *word_end(const struct dockerfile *d, const char *s)
{
	char quote = '\0';

	for (; *s && (quote || !isspace((unsigned char)*s)); s++) {
		if (*s == d->escape && quote != '\'') {
			if (!*++s)
				break;
		} else if (*s == quote) {
			quote = '\0';
		} else if (!quote && (*s == '"' || *s == '\'')) {
			quote = *s;
		}
	}
	return s;
}

/* NAME=VALUE ..., or the legacy form NAME VALUE, in which the value is the rest of the line. */
static int as_pairs(const struct dockerfile *d, const char *text, struct instruction *out,
		    struct err *err)
{
	const char *s = skip_space(text), *end = word_end(d, s), *eq;

	if (!*s)
		return 0;
	if (!memchr(s, '=', (size_t)(end - s))) {
		end = s + strcspn(s, BLANKS);
		if (!*end)
			return err_set(err, EINVAL, "%s must have two arguments", out->word);
		if (put(out->args, s, (size_t)(end - s)) < 0)
			return err_nomem(err);
		return as_string(d, end + strspn(end, BLANKS), out, err);
	}
	for (; *s; s = skip_space(end)) {
		end = word_end(d, s);
		eq = memchr(s, '=', (size_t)(end - s));
		if (!eq)
			return err_set(err, EINVAL,
				       "Syntax error - can't find = in \"%.*s\". Must be of the "
				       "form: name=value",
				       (int)MIN(end - s, 200), s);
		if (put(out->args, s, (size_t)(eq - s)) < 0 ||
		    put(out->args, eq + 1, (size_t)(end - eq - 1)) < 0)
			return err_nomem(err);
	}
	return 0;
}

static int as_instruction(const struct dockerfile *d, const char *text, struct instruction *out,
			  struct err *err);

static const struct {
	const char *word;
	int (*read)(const struct dockerfile *, const char *, struct instruction *, struct err *);
} forms[] = {
	{ "ADD", as_list },	      { "CMD", as_command },
	{ "COPY", as_list },	      { "ENTRYPOINT", as_command },
	{ "ENV", as_pairs },	      { "EXPOSE", as_words },
	{ "HEALTHCHECK", as_health }, { "LABEL", as_pairs },
	{ "MAINTAINER", as_string },  { "ONBUILD", as_instruction },
	{ "RUN", as_command },	      { "SHELL", as_command },
	{ "STOPSIGNAL", as_string },  { "USER", as_string },
	{ "VOLUME", as_list },	      { "WORKDIR", as_string },
};

/* Read the leading words with "--", unquoted; "--" alone ends them. 0 or -ENOMEM. */
static int read_flags(const char **text, struct instruction *out)
{
	struct buf word _cleanup_buf_ = BUF_INIT;
	const char *s = skip_space(*text);
	char quote;

	for (; s[0] == '-' && s[1] == '-'; s = skip_space(s)) {
		buf_clear(&word);
		for (quote = '\0'; *s && (quote || !isspace((unsigned char)*s)); s++) {
			if (*s == quote || (!quote && (*s == '"' || *s == '\''))) {
				quote = quote ? '\0' : *s;
				continue;
			}
			if (*s == '\\' && s[1])
				s++;
			if (buf_putc(&word, *s) < 0)
				return -ENOMEM;
		}
		if (strcmp(buf_str(&word), "--") == 0)
			break;
		if (put(out->flags, word.data, word.len) < 0)
			return -ENOMEM;
	}
	*text = skip_space(s);
	return 0;
}

/* Parse a logical line. On failure, the caller releases out. */
static int read_instruction(const struct dockerfile *d, const char *line, struct instruction *out,
			    struct err *err)
{
	struct buf text _cleanup_buf_ = BUF_INIT;
	const char *args;
	size_t len, i;

	line = skip_space(line);
	len = strcspn(line, BLANKS);
	out->word = strndup(line, len);
	out->line = strdup(line);
	out->flags = json_array();
	out->args = json_array();
	if (!out->word || !out->line || !out->flags || !out->args || buf_puts(&text, line) < 0)
		return err_nomem(err);
	for (i = 0; i < len; i++)
		out->word[i] = (char)toupper((unsigned char)out->word[i]);
	while (text.len && isspace((unsigned char)text.data[text.len - 1]))
		text.data[--text.len] = '\0';
	args = buf_str(&text) + MIN(len, text.len);
	if (read_flags(&args, out) < 0)
		return err_nomem(err);
	for (i = 0; i < ARRAY_SIZE(forms); i++)
		if (strcmp(forms[i].word, out->word) == 0)
			return forms[i].read(d, args, out, err);
	return 0;
}

/*
 * ONBUILD: its argument is an instruction that is parsed in its own form. The instruction's name
 * becomes the first argument.
 */
static int as_instruction(const struct dockerfile *d, const char *text, struct instruction *out,
			  struct err *err)
{
	struct instruction inner _cleanup_instruction_ = { 0 };
	int r;

	if (!*text)
		return 0;
	/* ONBUILD in ONBUILD is not parsed, so there is no recursion. */
	if (strncasecmp(text, "ONBUILD", 7) == 0 && (!text[7] || isspace((unsigned char)text[7])))
		return put(out->args, "ONBUILD", 7) < 0 ? err_nomem(err) : 0;
	r = read_instruction(d, text, &inner, err);
	if (r == 0 && (put(out->args, inner.word, strlen(inner.word)) < 0 ||
		       json_array_extend(out->args, inner.args) < 0))
		return err_nomem(err);
	return r;
}

int dockerfile_next(struct dockerfile *d, struct instruction *out, struct err *err)
{
	struct instruction found _cleanup_instruction_ = { 0 };
	struct buf line _cleanup_buf_ = BUF_INIT;
	int r = read_whole(d, &line, err);

	if (r <= 0)
		return r;
	r = read_instruction(d, buf_str(&line), &found, err);
	if (r < 0)
		return r;
	*out = found;
	memset(&found, 0, sizeof(found));
	return 1;
}
