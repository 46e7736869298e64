/*
 * Formats differ between registries. Text is taken from the usual members, and each part is
 * truncated to leave room for the others.
 */
#include "registry/http/refusal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/text.h"
#include "registry/http/http.h"

#define CODE_MAX 64
#define PIECE_MAX 300
#define DETAIL_MAX 200
#define ERRORS_MAX 3

void refusal_fini(struct refusal *f)
{
	buf_fini(&f->words);
}

/* add - append a part to out; trimmed, on one line. */
static int add(struct buf *out, const char *separator, const char *text, size_t max)
{
	size_t n, i;
	int r = 0;

	if (!text)
		return 0;
	text += strspn(text, " \t\r\n");
	n = strnlen(text, max);
	while (n && strchr(" \t\r\n", text[n - 1]))
		n--;
	if (n == 0)
		return 0;
	if (out->len)
		r = buf_puts(out, separator);
	for (i = 0; i < n && r == 0 && out->len < REFUSAL_MAX; i++)
		r = buf_putc(out,
			     text[i] == '\r' || text[i] == '\n' || text[i] == '\t' ? ' ' : text[i]);
	return r;
}

/* add_code - docker's form of a code: "MANIFEST_UNKNOWN" becomes "manifest unknown". */
static int add_code(struct buf *out, const char *code)
{
	char words[CODE_MAX + 1];
	size_t i;

	for (i = 0; code[i] && i < CODE_MAX; i++) {
		char c = code[i] >= 'A' && code[i] <= 'Z' ? (char)(code[i] + 'a' - 'A') : code[i];

		words[i] = c == '_' ? ' ' : c;
	}
	words[i] = '\0';
	return add(out, "; ", words, CODE_MAX);
}

/* A structured detail helps only developers: it is shown only if there is no message. */
static int add_detail(struct buf *out, const json_t *detail, const char *message, bool structured)
{
	const char *text =
		json_is_string(detail) ? json_string_value(detail) : json_str(detail, "message");
	char *dumped;
	int r;

	if (text)
		return message && strcmp(text, message) == 0 ? 0 : add(out, ": ", text, PIECE_MAX);
	if (!structured || (json_object_size(detail) == 0 && json_array_size(detail) == 0))
		return 0;
	dumped = json_dumps(detail, JSON_COMPACT | JSON_ENSURE_ASCII);
	if (!dumped)
		return -ENOMEM;
	r = add(out, ": ", dumped, DETAIL_MAX);
	free(dumped);
	return r;
}

/* Add one element of "errors". */
static int add_error(struct refusal *out, const json_t *error, bool structured)
{
	const char *code = json_str(error, "code"), *message = json_str(error, "message");
	bool first = out->words.len == 0;
	int r = 0;

	if (json_is_string(error))
		return add(&out->words, "; ", json_string_value(error), PIECE_MAX);
	if (code)
		r = add_code(&out->words, code);
	if (first && out->words.len)
		out->coded = true;
	if (r == 0)
		r = add(&out->words, code ? ": " : "; ", message, PIECE_MAX);
	return r < 0 ? r
		     : add_detail(&out->words, json_object_get(error, "detail"), message,
				  structured);
}

static int add_errors(struct refusal *out, const json_t *errors, bool structured)
{
	size_t i, n = json_array_size(errors);
	char more[48];
	int r = 0;

	if (json_is_string(errors))
		return add_error(out, errors, structured);
	for (i = 0; i < n && i < ERRORS_MAX && r == 0; i++)
		r = add_error(out, json_array_get(errors, i), structured);
	snprintf(more, sizeof(more), "and %zu more", n - i);
	return r == 0 && i < n ? add(&out->words, "; ", more, sizeof(more)) : r;
}

/*
 * {"message": ...}, {"error": ...} with "details": used by proxies, token servers, new registries.
 */
static int add_members(struct refusal *out, const json_t *j)
{
	static const char *const mains[] = { "error_description", "message", "error_message",
					     "error", "title" };
	static const char *const more[] = { "details", "detail" };
	const char *said = NULL, *detail = NULL;
	size_t i;
	int r;

	for (i = 0; !said && i < ARRAY_SIZE(mains); i++)
		said = json_str(j, mains[i]);
	for (i = 0; !detail && i < ARRAY_SIZE(more); i++)
		detail = json_str(j, more[i]);
	if (!said && json_is_object(json_object_get(j, "error")))
		return add_error(out, json_object_get(j, "error"), true);
	r = add(&out->words, "", said, PIECE_MAX);
	return r == 0 ? add(&out->words, ": ", detail, PIECE_MAX) : r;
}

bool refusal_is_web_page(const struct http_response *r)
{
	const char *s = buf_str(&r->text);

	if (r->content_type && strcmp(r->content_type, "text/html") == 0)
		return true;
	return s[strspn(s, " \t\r\n")] == '<';
}

int refusal_read(const struct http_response *r, struct refusal *out)
{
	const char *text = buf_str(&r->text);
	_cleanup_json_ json_t *j = NULL;
	/* For unknown or denied objects docker's registry only repeats the request as detail. */
	bool structured = r->status != 401 && r->status != 403 && r->status != 404;
	const json_t *errors;

	if (r->text.len == 0 || refusal_is_web_page(r) || strlen(text) != r->text.len)
		return 0;
	if (json_parse(text, r->text.len, "the answer", &j, NULL) < 0)
		return add(&out->words, "", text, PIECE_MAX);
	errors = json_object_get(j, "errors");
	return errors ? add_errors(out, errors, structured) : add_members(out, j);
}

int refusal_shown(const struct refusal *f, struct buf *out)
{
	return text_escape_line(out, buf_str(&f->words), f->words.len);
}

bool refusal_has_code(const struct http_response *r, const char *code)
{
	_cleanup_json_ json_t *j = NULL;
	const json_t *error;
	size_t i;

	if (r->text.len == 0 || json_parse(buf_str(&r->text), r->text.len, "answer", &j, NULL) < 0)
		return false;
	json_array_foreach(json_object_get(j, "errors"), i, error) {
		const char *said = json_str(error, "code");

		if (said && strcmp(said, code) == 0)
			return true;
	}
	return false;
}

const char *refusal_status(long status, char out[static 64])
{
	static const struct {
		long status;
		const char *name;
	} names[] = {
		{ 400, "Bad Request" },
		{ 401, "Unauthorized" },
		{ 403, "Forbidden" },
		{ 404, "Not Found" },
		{ 405, "Method Not Allowed" },
		{ 408, "Request Timeout" },
		{ 409, "Conflict" },
		{ 411, "Length Required" },
		{ 413, "Request Entity Too Large" },
		{ 415, "Unsupported Media Type" },
		{ 429, "Too Many Requests" },
		{ 500, "Internal Server Error" },
		{ 501, "Not Implemented" },
		{ 502, "Bad Gateway" },
		{ 503, "Service Unavailable" },
		{ 504, "Gateway Timeout" },
		{ 507, "Insufficient Storage" },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(names); i++)
		if (names[i].status == status) {
			snprintf(out, 64, "%ld (%s)", status, names[i].name);
			return out;
		}
	snprintf(out, 64, "%ld", status);
	return out;
}
