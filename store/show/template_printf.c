/* printf in templates: Go's verbs for JSON values. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/text.h"
#include "store/show/template_private.h"

#define WIDTH_MAX 1000

struct spec {
	bool left, zero, plus;
	int width, precision; /* -1: not given */
	char verb;
};

static int parse_number(const char **s, const char *end, int *out)
{
	int n = 0;

	while (*s < end && isdigit((unsigned char)**s)) {
		n = n * 10 + (*(*s)++ - '0');
		if (n > WIDTH_MAX)
			return -EINVAL;
	}
	*out = n;
	return 0;
}

static int parse_spec(const char **s, const char *end, struct spec *out, struct err *err)
{
	memset(out, 0, sizeof(*out));
	out->precision = -1;
	for (; *s < end && **s && strchr("-0+", **s); (*s)++) {
		out->left |= **s == '-';
		out->zero |= **s == '0';
		out->plus |= **s == '+';
	}
	if (parse_number(s, end, &out->width) < 0)
		return err_set(err, EINVAL, "a width is at most %d", WIDTH_MAX);
	if (*s < end && **s == '.') {
		(*s)++;
		if (parse_number(s, end, &out->precision) < 0)
			return err_set(err, EINVAL, "a precision is at most %d", WIDTH_MAX);
	}
	if (*s == end || !**s || !strchr("sdvqtxX%", **s))
		return err_set(err, EINVAL,
			       "a format has %%s, %%d, %%v, %%q, %%t, %%x, %%X and %%%%");
	out->verb = *(*s)++;
	return 0;
}

static int put_hex(struct buf *b, const char *s, size_t len, bool upper)
{
	size_t i;
	int e = 0;

	for (i = 0; i < len && e == 0; i++)
		e = buf_printf(b, upper ? "%02X" : "%02x", (unsigned char)s[i]);
	return e;
}

/* Length of the first n characters. */
static size_t cut(const char *s, size_t len, int n)
{
	const char *p = s, *end = s + len;
	uint32_t c;

	for (; n > 0 && p < end; n--) {
		size_t k = text_decode(p, end, &c);

		p += k ? k : 1;
	}
	return (size_t)(p - s);
}

static int put_value(struct run *r, const struct spec *sp, const struct value *v, struct buf *b)
{
	const char *s = json_string_value(v->json);
	size_t len = s ? json_string_length(v->json) : 0;
	int e;

	if (s && sp->precision >= 0)
		len = cut(s, len, sp->precision);
	if (s && (sp->verb == 's' || sp->verb == 'v'))
		return v->kind == KIND_FIELD ? text_escape_line(b, s, len) : buf_append(b, s, len);
	if (s && sp->verb == 'q')
		return text_quote(b, s, len);
	if (s && (sp->verb == 'x' || sp->verb == 'X'))
		return put_hex(b, s, len, sp->verb == 'X');
	if (json_is_integer(v->json) && strchr("dv", sp->verb))
		return buf_printf(b, sp->plus ? "%+lld" : "%lld",
				  (long long)json_integer_value(v->json));
	if (json_is_integer(v->json) && strchr("xX", sp->verb)) {
		long long n = json_integer_value(v->json);
		unsigned long long u = n < 0 ? -(unsigned long long)n : (unsigned long long)n;

		return buf_printf(b, sp->verb == 'x' ? "%s%llx" : "%s%llX", n < 0 ? "-" : "", u);
	}
	if (sp->verb == 'v' || (sp->verb == 't' && json_is_boolean(v->json)) ||
	    (sp->verb == 's' && (json_is_array(v->json) || json_is_object(v->json))))
		return template_print(r, v, false, b);
	/* Like Go, report a mismatched operand in the output. */
	e = buf_printf(b, "%%!%c(%s=", sp->verb, template_type_name(v));
	if (e == 0)
		e = s ? buf_append(b, s, len) : template_print(r, v, false, b);
	return e < 0 ? e : buf_putc(b, ')');
}

static int put_padded(struct run *r, const struct spec *sp, const struct value *v, struct buf *out)
{
	struct buf b _cleanup_buf_ = BUF_INIT;
	int e = put_value(r, sp, v, &b), have = 0;
	const char *s, *end;
	char fill = sp->zero && !sp->left ? '0' : ' ';
	uint32_t c;

	if (e < 0)
		return e;
	for (s = buf_str(&b), end = s + b.len; s < end; have++) {
		size_t k = text_decode(s, end, &c);

		s += k ? k : 1;
	}
	s = buf_str(&b);
	if (fill == '0' && json_is_number(v->json) && (*s == '-' || *s == '+')) {
		e = buf_putc(out, *s++);
		b.len--;
	}
	for (; !sp->left && have < sp->width && e == 0; have++)
		e = buf_putc(out, fill);
	if (e == 0)
		e = buf_append(out, s, b.len);
	for (; have < sp->width && e == 0; have++)
		e = buf_putc(out, ' ');
	return e;
}

int template_printf(struct run *r, const struct value *a, size_t n, struct buf *out,
		    struct err *err)
{
	const char *s = json_string_value(a[0].json), *end;
	size_t arg = 1;
	int e = 0;

	if (!s)
		return err_set(err, EINVAL, "wrong type for value; expected string; got %s",
			       template_type_name(&a[0]));
	for (end = s + json_string_length(a[0].json); s < end && e == 0;) {
		size_t before = out->len;
		struct spec sp;

		if (*s != '%') {
			e = buf_putc(out, *s++);
			continue;
		}
		s++;
		e = parse_spec(&s, end, &sp, err);
		if (e < 0)
			return e;
		if (sp.verb == '%')
			e = buf_putc(out, '%');
		else if (arg == n)
			e = buf_printf(out, "%%!%c(MISSING)", sp.verb);
		else
			e = put_padded(r, &sp, &a[arg++], out);
		if (e == 0)
			e = template_work(r, 1 + out->len - before);
	}
	if (e == 0 && arg < n)
		return err_set(err, EINVAL, "%zu argument%s too many", n - arg, TEXT_S(n - arg));
	return e;
}
