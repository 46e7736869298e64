/* The functions of templates: docker's, and those of Go that are used with docker. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <wctype.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/text.h"
#include "store/show/template_private.h"

/* Limit of printf's width. */
#define WIDTH_MAX 1000

/* The cost of a list element, besides its bytes. */
#define PART_COST 128

static int wrong_type(const struct value *v, const char *want, struct err *err)
{
	return err_set(err, EINVAL, "wrong type for value; expected %s; got %s", want,
		       template_type_name(v));
}

static int give_string(struct run *r, const struct buf *b, struct value *out)
{
	int e = template_work(r, b->len);

	if (e < 0)
		return e;
	out->json = json_stringn_nocheck(buf_str(b), b->len);
	return out->json ? 0 : -ENOMEM;
}

static int give_bool(bool b, struct value *out)
{
	out->json = json_boolean(b);
	return 0;
}

static int get_string(const struct value *v, const char **s, size_t *len, struct err *err)
{
	if (!json_is_string(v->json))
		return wrong_type(v, "string", err);
	*s = json_string_value(v->json);
	*len = json_string_length(v->json);
	return 0;
}

static int get_int(const struct value *v, long long *out, struct err *err)
{
	if (!json_is_integer(v->json))
		return wrong_type(v, "int", err);
	*out = json_integer_value(v->json);
	return 0;
}

static int f_json(struct run *r, const struct value *a, size_t n, struct value *out,
		  struct err *err)
{
	struct buf b _cleanup_buf_ = BUF_INIT;
	bool sorted = a[0].kind == KIND_STRINGS || a[0].kind == KIND_MAP || r->mode == RUN_ROW;
	int e = template_json(r, a[0].json, sorted, &b);

	(void)n;
	if (e == -EINVAL)
		return err_set(err, EINVAL, "nested too deep");
	return e < 0 ? e : give_string(r, &b, out);
}

enum letters { LOWER, UPPER, TITLE };

/* Like Go, the C library converts letters of all scripts, one code point at a time. */
static int change_case(struct run *r, const struct value *v, enum letters to, struct value *out,
		       struct err *err)
{
	struct buf b _cleanup_buf_ = BUF_INIT;
	bool begins = true;
	const char *s, *end;
	size_t len;
	int e = get_string(v, &s, &len, err);

	if (e < 0)
		return e;
	for (end = s + len; s < end && e == 0;) {
		uint32_t c;
		size_t k = text_decode(s, end, &c);
		bool letter = k && (iswalnum((wint_t)c) || c == '_' || c == '\'');

		if (!k) {
			e = buf_putc(&b, *s++);
			begins = true;
			continue;
		}
		if (to == UPPER || (to == TITLE && begins))
			c = (uint32_t)towupper((wint_t)c);
		else if (to == LOWER)
			c = (uint32_t)towlower((wint_t)c);
		e = text_encode(&b, c);
		begins = !letter;
		s += k;
	}
	return e < 0 ? e : give_string(r, &b, out);
}

static int f_lower(struct run *r, const struct value *a, size_t n, struct value *out,
		   struct err *err)
{
	(void)n;
	return change_case(r, &a[0], LOWER, out, err);
}

static int f_upper(struct run *r, const struct value *a, size_t n, struct value *out,
		   struct err *err)
{
	(void)n;
	return change_case(r, &a[0], UPPER, out, err);
}

static int f_title(struct run *r, const struct value *a, size_t n, struct value *out,
		   struct err *err)
{
	(void)n;
	return change_case(r, &a[0], TITLE, out, err);
}

static int f_join(struct run *r, const struct value *a, size_t n, struct value *out,
		  struct err *err)
{
	struct buf b _cleanup_buf_ = BUF_INIT;
	const char *sep;
	size_t len, i;
	int e = get_string(&a[1], &sep, &len, err);

	(void)n;
	if (e < 0)
		return e;
	if (!json_is_array(a[0].json) && !(json_is_null(a[0].json) && a[0].kind == KIND_LIST))
		return wrong_type(&a[0], "[]string", err);
	for (i = 0; i < json_array_size(a[0].json) && e == 0; i++) {
		const json_t *item = json_array_get(a[0].json, i);

		if (!json_is_string(item))
			return wrong_type(&a[0], "[]string", err);
		if (i)
			e = buf_append(&b, sep, len);
		if (e == 0)
			e = buf_append(&b, json_string_value(item), json_string_length(item));
		if (e == 0 && b.len > TEMPLATE_OUTPUT_MAX)
			e = template_work(r, b.len);
	}
	return e < 0 ? e : give_string(r, &b, out);
}

static int f_split(struct run *r, const struct value *a, size_t n, struct value *out,
		   struct err *err)
{
	const char *s, *sep, *end, *p;
	size_t len, sep_len;
	json_t *list;
	int e = get_string(&a[0], &s, &len, err);

	(void)n;
	if (e == 0)
		e = get_string(&a[1], &sep, &sep_len, err);
	if (e == 0)
		e = template_work(r, len);
	if (e < 0)
		return e;
	list = out->json = json_array();
	out->kind = KIND_LIST;
	for (end = s + len; list; s = p + sep_len) {
		uint32_t c;
		size_t k;

		if (sep_len) {
			p = memmem(s, (size_t)(end - s), sep, sep_len);
		} else {
			/* Go splits at an empty separator into characters. */
			k = text_decode(s, end, &c);
			p = s + (k ? k : 1);
			if (s == end)
				return 0;
			if (p >= end)
				p = NULL;
		}
		e = template_work(r, PART_COST);
		if (e < 0)
			return e;
		if (json_array_append_new(list,
					  json_stringn_nocheck(s, (size_t)((p ? p : end) - s))) < 0)
			return -ENOMEM;
		if (!p)
			return 0;
	}
	return -ENOMEM;
}

static int f_truncate(struct run *r, const struct value *a, size_t n, struct value *out,
		      struct err *err)
{
	struct buf b _cleanup_buf_ = BUF_INIT;
	const char *s;
	size_t len;
	long long max = 0;
	int e = get_string(&a[0], &s, &len, err);

	(void)n;
	if (e == 0)
		e = get_int(&a[1], &max, err);
	if (e < 0)
		return e;
	if (max < 0)
		return err_set(err, EINVAL, "negative length");
	e = buf_append(&b, s, MIN(len, (size_t)max));
	return e < 0 ? e : give_string(r, &b, out);
}

static int put_spaces(struct buf *b, long long n)
{
	int e = 0;

	while (n-- > 0 && e == 0)
		e = buf_putc(b, ' ');
	return e;
}

/* pad TEXT BEFORE AFTER: add spaces around a non-empty text. */
static int f_pad(struct run *r, const struct value *a, size_t n, struct value *out, struct err *err)
{
	struct buf b _cleanup_buf_ = BUF_INIT;
	long long before = 0, after = 0;
	const char *s;
	size_t len;
	int e = get_string(&a[0], &s, &len, err);

	(void)n;
	if (e == 0)
		e = get_int(&a[1], &before, err);
	if (e == 0)
		e = get_int(&a[2], &after, err);
	if (e < 0)
		return e;
	if (before < 0 || after < 0 || before > WIDTH_MAX || after > WIDTH_MAX)
		return err_set(err, EINVAL, "pads to 0 to %d", WIDTH_MAX);
	if (len && ((e = put_spaces(&b, before)) < 0 || (e = buf_append(&b, s, len)) < 0 ||
		    (e = put_spaces(&b, after)) < 0))
		return e;
	return give_string(r, &b, out);
}

static int f_len(struct run *r, const struct value *a, size_t n, struct value *out, struct err *err)
{
	size_t len = 0;

	(void)r;
	(void)n;
	if (json_is_string(a[0].json))
		len = json_string_length(a[0].json);
	else if (json_is_array(a[0].json))
		len = json_array_size(a[0].json);
	else if (json_is_object(a[0].json))
		len = json_object_size(a[0].json);
	else if (!json_is_null(a[0].json) ||
		 (a[0].kind != KIND_LIST && a[0].kind != KIND_STRINGS && a[0].kind != KIND_MAP))
		return !a[0].json || json_is_null(a[0].json)
			       ? err_set(err, EINVAL, "len of nil pointer")
			       : err_set(err, EINVAL, "len of type %s", template_type_name(&a[0]));
	out->json = json_integer((json_int_t)len);
	return out->json ? 0 : -ENOMEM;
}

static int index_position(const struct value *key, size_t size, size_t *out, struct err *err)
{
	json_int_t i;

	if (!json_is_integer(key->json))
		return err_set(err, EINVAL, "cannot index slice/array with type %s",
			       template_type_name(key));
	i = json_integer_value(key->json);
	if (i < 0 || (uint64_t)i >= size)
		return err_set(err, EINVAL, "index out of range: %" JSON_INTEGER_FORMAT, i);
	*out = (size_t)i;
	return 0;
}

static int index_key(const struct value *v, const struct value *key, struct value *out,
		     struct err *err)
{
	json_t *found;

	if (!json_is_string(key->json))
		return err_set(err, EINVAL, "value has type %s; should be string",
			       template_type_name(key));
	found = json_object_get(v->json, json_string_value(key->json));
	if (found)
		out->json = json_incref(found);
	else if (v->kind == KIND_STRINGS)
		out->json = json_string("");
	return found || v->kind != KIND_STRINGS || out->json ? 0 : -ENOMEM;
}

int template_index(struct run *r, const struct value *v, const struct value *key, struct value *out,
		   struct err *err)
{
	size_t i;
	int e = template_work(r, 1);

	if (e < 0)
		return e;
	if (json_is_object(v->json) || v->kind == KIND_STRINGS || v->kind == KIND_MAP)
		return index_key(v, key, out, err);
	if (json_is_array(v->json) || v->kind == KIND_LIST) {
		e = index_position(key, json_array_size(v->json), &i, err);
		if (e == 0)
			out->json = json_incref(json_array_get(v->json, i));
		return e;
	}
	if (json_is_string(v->json)) {
		e = index_position(key, json_string_length(v->json), &i, err);
		if (e == 0)
			out->json = json_integer((unsigned char)json_string_value(v->json)[i]);
		return e == 0 && !out->json ? -ENOMEM : e;
	}
	if (!v->json || json_is_null(v->json))
		return err_set(err, EINVAL, "index of untyped nil");
	return err_set(err, EINVAL, "can't index item of type %s", template_type_name(v));
}

static int f_index(struct run *r, const struct value *a, size_t n, struct value *out,
		   struct err *err)
{
	struct value v = { json_incref(a[0].json), a[0].kind };
	size_t i;
	int e = 0;

	for (i = 1; i < n && e == 0; i++) {
		struct value step = VALUE_INIT;

		e = template_index(r, &v, &a[i], &step, err);
		template_value_fini(&v);
		v = step;
	}
	if (e < 0)
		template_value_fini(&v);
	else
		*out = v;
	return e;
}

enum basic { BASIC_NONE, BASIC_BOOL, BASIC_INT, BASIC_REAL, BASIC_STRING, BASIC_NIL };

static enum basic basic(const struct value *v)
{
	if (!v->json || json_is_null(v->json))
		return BASIC_NIL;
	if (json_is_boolean(v->json))
		return BASIC_BOOL;
	if (json_is_integer(v->json))
		return BASIC_INT;
	if (json_is_real(v->json))
		return BASIC_REAL;
	return json_is_string(v->json) ? BASIC_STRING : BASIC_NONE;
}

/* *out is negative, 0 or positive, like the difference of a and b. */
static int compare(const struct value *a, const struct value *b, bool order, int *out,
		   struct err *err)
{
	enum basic ka = basic(a), kb = basic(b);

	if (ka == BASIC_NONE || kb == BASIC_NONE ||
	    (order && (ka == BASIC_BOOL || ka == BASIC_NIL || kb == BASIC_BOOL || kb == BASIC_NIL)))
		return err_set(err, EINVAL, "invalid type for comparison");
	if (ka == BASIC_NIL || kb == BASIC_NIL) {
		*out = ka != kb;
		return 0;
	}
	if (ka != kb)
		return err_set(err, EINVAL, "incompatible types for comparison");
	if (ka == BASIC_BOOL) {
		*out = json_is_true(a->json) != json_is_true(b->json);
	} else if (ka == BASIC_INT) {
		json_int_t x = json_integer_value(a->json), y = json_integer_value(b->json);

		*out = (x > y) - (x < y);
	} else if (ka == BASIC_REAL) {
		double x = json_real_value(a->json), y = json_real_value(b->json);

		*out = (x > y) - (x < y);
	} else {
		size_t x = json_string_length(a->json), y = json_string_length(b->json);

		*out = memcmp(json_string_value(a->json), json_string_value(b->json), MIN(x, y));
		if (*out == 0)
			*out = (x > y) - (x < y);
	}
	return 0;
}

/* eq A B...: true if A equals any of the others. */
static int f_eq(struct run *r, const struct value *a, size_t n, struct value *out, struct err *err)
{
	int c = 1, e = template_work(r, n);
	size_t i;

	for (i = 1; i < n && e == 0 && c != 0; i++)
		e = compare(&a[0], &a[i], false, &c, err);
	return e < 0 ? e : give_bool(c == 0, out);
}

static int f_ne(struct run *r, const struct value *a, size_t n, struct value *out, struct err *err)
{
	int c = 0, e = compare(&a[0], &a[1], false, &c, err);

	(void)r;
	(void)n;
	return e < 0 ? e : give_bool(c != 0, out);
}

#define ORDER(name, op)                                                                    \
	static int name(struct run *r, const struct value *a, size_t n, struct value *out, \
			struct err *err)                                                   \
	{                                                                                  \
		int c = 0, e = compare(&a[0], &a[1], true, &c, err);                       \
                                                                                           \
		(void)r;                                                                   \
		(void)n;                                                                   \
		return e < 0 ? e : give_bool(c op 0, out);                                 \
	}

ORDER(f_lt, <)
ORDER(f_le, <=)
ORDER(f_gt, >)
ORDER(f_ge, >=)

static int f_not(struct run *r, const struct value *a, size_t n, struct value *out, struct err *err)
{
	(void)r;
	(void)n;
	(void)err;
	return give_bool(!template_truth(&a[0]), out);
}

/*
 * Strings inside a string are escaped when that is printed; only a row's fields are escaped here.
 */
static int print_raw(struct run *r, const struct value *v, struct buf *b)
{
	size_t len = json_string_length(v->json);
	int e;

	if (!json_is_string(v->json))
		return template_print(r, v, false, b);
	e = template_work(r, len);
	if (e < 0)
		return e;
	return v->kind == KIND_FIELD ? text_escape_line(b, json_string_value(v->json), len)
				     : buf_append(b, json_string_value(v->json), len);
}

static int f_println(struct run *r, const struct value *a, size_t n, struct value *out,
		     struct err *err)
{
	struct buf b _cleanup_buf_ = BUF_INIT;
	size_t i;
	int e = 0;

	(void)err;
	for (i = 0; i < n && e == 0; i++) {
		if (i)
			e = buf_putc(&b, ' ');
		if (e == 0)
			e = print_raw(r, &a[i], &b);
	}
	if (e == 0)
		e = buf_putc(&b, '\n');
	return e < 0 ? e : give_string(r, &b, out);
}

/* As in Go, a space is added only between two operands that are not strings. */
static int f_print(struct run *r, const struct value *a, size_t n, struct value *out,
		   struct err *err)
{
	struct buf b _cleanup_buf_ = BUF_INIT;
	size_t i;
	int e = 0;

	(void)err;
	for (i = 0; i < n && e == 0; i++) {
		if (i && !json_is_string(a[i].json) && !json_is_string(a[i - 1].json))
			e = buf_putc(&b, ' ');
		if (e == 0)
			e = print_raw(r, &a[i], &b);
	}
	return e < 0 ? e : give_string(r, &b, out);
}

static int f_printf(struct run *r, const struct value *a, size_t n, struct value *out,
		    struct err *err)
{
	struct buf b _cleanup_buf_ = BUF_INIT;
	int e = template_printf(r, a, n, &b, err);

	return e < 0 ? e : give_string(r, &b, out);
}

/* Sorted by name. */
static const struct template_function functions[] = {
	{ "and", 1, -1, NULL, false, true },
	{ "eq", 2, -1, f_eq, false, false },
	{ "ge", 2, 2, f_ge, false, false },
	{ "gt", 2, 2, f_gt, false, false },
	{ "index", 1, -1, f_index, false, false },
	{ "join", 2, 2, f_join, true, false },
	{ "json", 1, 1, f_json, true, false },
	{ "le", 2, 2, f_le, false, false },
	{ "len", 1, 1, f_len, false, false },
	{ "lower", 1, 1, f_lower, true, false },
	{ "lt", 2, 2, f_lt, false, false },
	{ "ne", 2, 2, f_ne, false, false },
	{ "not", 1, 1, f_not, false, false },
	{ "or", 1, -1, NULL, false, true },
	{ "pad", 3, 3, f_pad, true, false },
	{ "print", 0, -1, f_print, false, false },
	{ "printf", 1, -1, f_printf, false, false },
	{ "println", 0, -1, f_println, false, false },
	{ "split", 2, 2, f_split, true, false },
	{ "title", 1, 1, f_title, true, false },
	{ "truncate", 2, 2, f_truncate, true, false },
	{ "upper", 1, 1, f_upper, true, false },
};

const struct template_function *template_function(const char *name, size_t len)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(functions); i++)
		if (strlen(functions[i].name) == len && memcmp(functions[i].name, name, len) == 0)
			return &functions[i];
	return NULL;
}
