/* Formatting values: Go's %v, docker's json, and the types of docker's keys. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "store/show/template_private.h"

/* Limit of nesting: the printers recurse. */
#define PRINT_DEPTH_MAX 512

/* Sorted by key. */
static const struct {
	const char *key;
	enum value_kind kind;
	bool optional;
} kinds[] = {
	{ "Annotations", KIND_STRINGS, false },
	{ "ArgsEscaped", KIND_BOOL, true },
	{ "Cmd", KIND_LIST, false },
	{ "Config", KIND_POINTER, false },
	{ "ContainerConfig", KIND_POINTER, false },
	{ "Data", KIND_STRINGS, false },
	{ "Entrypoint", KIND_LIST, false },
	{ "Env", KIND_LIST, false },
	{ "ExposedPorts", KIND_MAP, true },
	{ "Healthcheck", KIND_POINTER, true },
	{ "Labels", KIND_STRINGS, false },
	{ "Layers", KIND_LIST, true },
	{ "MacAddress", KIND_STRING, true },
	{ "Mounts", KIND_LIST, false },
	{ "NetworkDisabled", KIND_BOOL, true },
	{ "OnBuild", KIND_LIST, false },
	{ "OsVersion", KIND_STRING, true },
	{ "Ports", KIND_MAP, false },
	{ "RepoDigests", KIND_LIST, false },
	{ "RepoTags", KIND_LIST, false },
	{ "Shell", KIND_LIST, true },
	{ "StopSignal", KIND_STRING, true },
	{ "StopTimeout", KIND_POINTER, true },
	{ "Variant", KIND_STRING, true },
	{ "Volumes", KIND_MAP, false },
};

static int by_key(const void *key, const void *member)
{
	return strcmp(key, *(const char *const *)member);
}

enum value_kind template_kind(const char *key, bool *optional)
{
	const void *found = bsearch(key, kinds, ARRAY_SIZE(kinds), sizeof(kinds[0]), by_key);
	size_t i;

	if (!found)
		return KIND_ANY;
	i = (size_t)((const char *)found - (const char *)kinds) / sizeof(kinds[0]);
	*optional = kinds[i].optional;
	return kinds[i].kind;
}

const char *template_type_name(const struct value *v)
{
	if (!v->json)
		return "<nil>";
	switch (json_typeof(v->json)) {
	case JSON_OBJECT:
		return v->kind == KIND_STRINGS ? "map[string]string" : "map[string]interface {}";
	case JSON_ARRAY:
		return "[]interface {}";
	case JSON_STRING:
		return "string";
	case JSON_INTEGER:
		return "int";
	case JSON_REAL:
		return "float64";
	case JSON_TRUE:
	case JSON_FALSE:
		return "bool";
	default:
		return v->kind == KIND_LIST	 ? "[]string"
		       : v->kind == KIND_STRINGS ? "map[string]string"
						 : "<nil>";
	}
}

bool template_truth(const struct value *v)
{
	if (!v->json)
		return false;
	switch (json_typeof(v->json)) {
	case JSON_OBJECT:
		return json_object_size(v->json) > 0;
	case JSON_ARRAY:
		return json_array_size(v->json) > 0;
	case JSON_STRING:
		return json_string_length(v->json) > 0;
	case JSON_INTEGER:
		return json_integer_value(v->json) != 0;
	case JSON_REAL:
		return json_real_value(v->json) != 0;
	default:
		return json_is_true(v->json);
	}
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

const char **template_keys(const json_t *object, size_t *n)
{
	size_t size = json_object_size(object), i = 0;
	const char **keys = calloc(size + 1, sizeof(*keys)), *key;
	json_t *value;

	if (!keys)
		return NULL;
	json_object_foreach((json_t *)object, key, value)
		keys[i++] = key;
	qsort(keys, i, sizeof(*keys), compare);
	*n = i;
	return keys;
}

/* The shortest digits that read back as the same number, without exponent up to 1e21. */
static void print_real(double d, char out[static 400])
{
	char s[64];
	int n, digits;
	char *e;

	for (n = 1; n <= 17; n++) {
		snprintf(s, sizeof(s), "%.*e", n - 1, d);
		if (strtod(s, NULL) == d)
			break;
	}
	e = strchr(s, 'e');
	if (!e || (d != 0 && (fabs(d) < 1e-4 || fabs(d) >= 1e21))) {
		snprintf(out, 400, "%s", s);
		return;
	}
	digits = n - 1 - (int)strtol(e + 1, NULL, 10);
	snprintf(out, 400, "%.*f", digits > 0 ? digits : 0, d);
}

/*
 * Print a string without characters that are unsafe on a terminal. A row's field never breaks its
 * line; the template's own text may.
 */
static int print_string(const json_t *j, bool line, struct buf *out)
{
	const char *s = json_string_value(j), *end = s + json_string_length(j);
	int e = 0;

	if (line)
		return text_escape_line(out, s, (size_t)(end - s));
	while (s < end && e == 0) {
		const char *p = s;

		while (p < end && *p != '\n' && *p != '\t')
			p++;
		e = text_escape_line(out, s, (size_t)(p - s));
		if (e == 0 && p < end)
			e = buf_putc(out, *p++);
		s = p;
	}
	return e;
}

static int print(struct run *r, const json_t *j, enum value_kind kind, bool top, unsigned depth,
		 struct buf *out);

static int print_object(struct run *r, const json_t *j, enum value_kind kind, unsigned depth,
			struct buf *out)
{
	enum value_kind inner = r->mode != RUN_DATA && j == r->root ? KIND_FIELD : KIND_ANY;
	size_t n, i;
	_cleanup_free_ const char **keys = template_keys(j, &n);
	int e = keys ? buf_puts(out, "map[") : -ENOMEM;

	for (i = 0; e == 0 && i < n; i++) {
		const json_t *member = json_object_get(j, keys[i]);

		e = text_escape_line(out, keys[i], strlen(keys[i]));
		if (e == 0)
			e = buf_putc(out, ':');
		/* In Go, a set is a map of empty structs. */
		if (e == 0 && kind == KIND_MAP && json_is_object(member) &&
		    !json_object_size(member))
			e = buf_puts(out, "{}");
		else if (e == 0)
			e = print(r, member, inner, false, depth + 1, out);
		if (e == 0 && i + 1 < n)
			e = buf_putc(out, ' ');
	}
	return e < 0 ? e : buf_putc(out, ']');
}

static int print_array(struct run *r, const json_t *j, unsigned depth, struct buf *out)
{
	size_t i;
	int e = buf_putc(out, '[');

	for (i = 0; e == 0 && i < json_array_size(j); i++) {
		if (i)
			e = buf_putc(out, ' ');
		if (e == 0)
			e = print(r, json_array_get(j, i), KIND_ANY, false, depth + 1, out);
	}
	return e < 0 ? e : buf_putc(out, ']');
}

static int print_nothing(enum value_kind kind, bool top, struct buf *out)
{
	switch (kind) {
	case KIND_LIST:
		return buf_puts(out, "[]");
	case KIND_STRINGS:
	case KIND_MAP:
		return buf_puts(out, "map[]");
	case KIND_POINTER:
		return buf_puts(out, "<nil>");
	default:
		return buf_puts(out, top ? "<no value>" : "<nil>");
	}
}

static int print(struct run *r, const json_t *j, enum value_kind kind, bool top, unsigned depth,
		 struct buf *out)
{
	char real[400];
	size_t before = out->len;
	int e;

	if (depth > PRINT_DEPTH_MAX)
		return buf_puts(out, "...");
	e = template_work(r, 1);
	if (e < 0)
		return e;
	if (!j)
		return buf_puts(out, top ? "<no value>" : "<nil>");
	switch (json_typeof(j)) {
	case JSON_OBJECT:
		e = print_object(r, j, kind, depth, out);
		break;
	case JSON_ARRAY:
		e = print_array(r, j, depth, out);
		break;
	case JSON_STRING:
		e = print_string(j, kind == KIND_FIELD, out);
		break;
	case JSON_INTEGER:
		e = buf_printf(out, "%" JSON_INTEGER_FORMAT, json_integer_value(j));
		break;
	case JSON_REAL:
		print_real(json_real_value(j), real);
		e = buf_puts(out, real);
		break;
	case JSON_TRUE:
		e = buf_puts(out, "true");
		break;
	case JSON_FALSE:
		e = buf_puts(out, "false");
		break;
	case JSON_NULL:
		e = print_nothing(kind, top, out);
		break;
	}
	return e < 0 || depth ? e : template_work(r, out->len - before);
}

int template_print(struct run *r, const struct value *v, bool top, struct buf *out)
{
	return print(r, v->json, v->kind, top, 0, out);
}

/* Print an escaped character; like Go, U+FFFD for invalid UTF-8. */
static int json_rune(const char **s, const char *end, struct buf *out)
{
	uint32_t c;
	size_t n = text_decode(*s, end, &c);

	*s += n ? n : 1;
	return buf_printf(out, "\\u%04x", n ? (unsigned)c : 0xfffdu);
}

static int json_quote(const char *s, size_t len, bool html, struct buf *out)
{
	const char *end = s + len;
	int e = buf_putc(out, '"');

	while (s < end && e == 0) {
		char c = *s;
		size_t n = text_printable(s);

		if (c == '"' || c == '\\')
			e = buf_printf(out, "\\%c", c), s++;
		else if (c == '\n' || c == '\r' || c == '\t')
			e = buf_printf(out, "\\%c", c == '\n' ? 'n' : c == '\r' ? 'r' : 't'), s++;
		else if (n && !(html && (c == '<' || c == '>' || c == '&')))
			e = buf_append(out, s, n), s += n;
		else
			e = json_rune(&s, end, out);
	}
	return e < 0 ? e : buf_putc(out, '"');
}

static int json_value(struct run *r, const json_t *j, bool sorted, unsigned depth, struct buf *out);

static int json_members(struct run *r, const json_t *j, bool sorted, unsigned depth,
			struct buf *out)
{
	_cleanup_free_ const char **keys = NULL;
	const char *key;
	json_t *value;
	size_t n = 0, i = 0;
	int e = buf_putc(out, '{');

	if (sorted) {
		keys = template_keys(j, &n);
		if (!keys)
			return -ENOMEM;
	}
	json_object_foreach((json_t *)j, key, value) {
		const char *k = sorted ? keys[i] : key;

		if (e == 0 && i)
			e = buf_putc(out, ',');
		if (e == 0)
			e = json_quote(k, strlen(k), false, out);
		if (e == 0)
			e = buf_putc(out, ':');
		if (e == 0)
			e = json_value(r, sorted ? json_object_get(j, k) : value,
				       template_kind(k, &(bool){ false }) == KIND_STRINGS ||
					       template_kind(k, &(bool){ false }) == KIND_MAP,
				       depth + 1, out);
		i++;
		if (e < 0)
			return e;
	}
	return buf_putc(out, '}');
}

static int json_items(struct run *r, const json_t *j, unsigned depth, struct buf *out)
{
	size_t i;
	int e = buf_putc(out, '[');

	for (i = 0; e == 0 && i < json_array_size(j); i++) {
		if (i)
			e = buf_putc(out, ',');
		if (e == 0)
			e = json_value(r, json_array_get(j, i), false, depth + 1, out);
	}
	return e < 0 ? e : buf_putc(out, ']');
}

static int json_value(struct run *r, const json_t *j, bool sorted, unsigned depth, struct buf *out)
{
	char real[400];
	int e;

	if (depth > PRINT_DEPTH_MAX)
		return -EINVAL;
	e = template_work(r, 1);
	if (e < 0)
		return e;
	if (!j)
		return buf_puts(out, "null");
	switch (json_typeof(j)) {
	case JSON_OBJECT:
		return json_members(r, j, sorted, depth, out);
	case JSON_ARRAY:
		return json_items(r, j, depth, out);
	case JSON_STRING:
		/* docker's rows quote their fields before the whole row is quoted. */
		return json_quote(json_string_value(j), json_string_length(j),
				  depth && r->mode == RUN_ROW, out);
	case JSON_INTEGER:
		return buf_printf(out, "%" JSON_INTEGER_FORMAT, json_integer_value(j));
	case JSON_REAL:
		print_real(json_real_value(j), real);
		return buf_puts(out, real);
	case JSON_TRUE:
		return buf_puts(out, "true");
	case JSON_FALSE:
		return buf_puts(out, "false");
	case JSON_NULL:
		break;
	}
	return buf_puts(out, "null");
}

int template_json(struct run *r, const json_t *j, bool sorted, struct buf *out)
{
	size_t before = out->len;
	int e = json_value(r, j, sorted, 0, out);

	return e < 0 ? e : template_work(r, out->len - before);
}
