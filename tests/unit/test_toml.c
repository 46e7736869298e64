/*
 * registry/config/toml.h: what is TOML and what is not, and the line that is named.
 */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "registry/config/toml.h"

/* One value as text: strings in <>, arrays in [], tables in {} by their first letters a to z. */
static void show(const struct toml *t, struct buf *out)
{
	static const char *const names[] = { "a", "b",	 "c", "d", "e",
					     "f", "x y", "",  "1", "\303\251" };
	size_t i;

	switch (t->type) {
	case TOML_STRING:
		IGNORE(buf_printf(out, "<%s>", t->text));
		break;
	case TOML_BOOL:
		IGNORE(buf_puts(out, t->yes ? "true" : "false"));
		break;
	case TOML_OTHER:
		IGNORE(buf_puts(out, t->text));
		break;
	case TOML_ARRAY:
		IGNORE(buf_putc(out, '['));
		for (i = 0; i < t->n; i++) {
			if (i)
				IGNORE(buf_putc(out, ' '));
			show(t->v[i], out);
		}
		IGNORE(buf_putc(out, ']'));
		break;
	case TOML_TABLE:
		IGNORE(buf_putc(out, '{'));
		for (i = 0; i < ARRAY_SIZE(names); i++) {
			const struct toml *v = toml_get(t, names[i]);

			if (!v)
				continue;
			IGNORE(buf_printf(out, "%s=", names[i]));
			show(v, out);
		}
		IGNORE(buf_putc(out, '}'));
		break;
	}
}

static void test_values(void **state)
{
	static const struct {
		const char *text, *shown;
	} cases[] = {
		{ "", "{}" },
		{ "# only\n\n  # comments \t\n", "{}" },
		{ "\xef\xbb\xbf"
		  "a = true",
		  "{a=true}" },
		{ "a=false # b = true", "{a=false}" },
		{ "a = 1\nb = -2_000\r\nc = 0x1F\nd = 1.5e-3\ne = +inf\nf = nan",
		  "{a=1b=-2_000c=0x1Fd=1.5e-3e=+inff=nan}" },
		{ "a = 1979-05-27T07:32:00-08:00\nb = 1979-05-27 07:32:00.5\nc = 07:32:00\nd = "
		  "1979-05-27 # x",
		  "{a=1979-05-27T07:32:00-08:00b=1979-05-27 07:32:00.5c=07:32:00d=1979-05-27}" },
		{ "a = \"x\\t\\\"\\\\\\u00e9\\U0001F600\"",
		  "{a=<x\t\"\\\303\251\360\237\230\200>}" },
		{ "a = 'C:\\n'", "{a=<C:\\n>}" },
		{ "a = ''\nb = \"\"", "{a=<>b=<>}" },
		{ "a = \"\"\"\nx\r\ny \\\n   \n  z\"\"\"", "{a=<x\ny z>}" },
		{ "a = '''\n'x'\\\n'''\nb = '''''two'''''", "{a=<'x'\\\n>b=<''two''>}" },
		{ "a = \"\"\"\"\"\"", "{a=<>}" },
		{ "a = [ ]", "{a=[]}" },
		{ "a = [ 'x', \"y\" # one\n , # two\n true,\n ]", "{a=[<x> <y> true]}" },
		{ "a = [[1],[2,[3]]]", "{a=[[1] [2 [3]]]}" },
		{ "a = { }", "{a={}}" },
		{ "a = { b = 1, c.d = 'x', c.e = [ 2 ] }", "{a={b=1c={d=<x>e=[2]}}}" },
		{ "\"x y\" = 1\n'' = 2\n1 = 3\n\"\303\251\" = 4", "{x y=1=21=3\303\251=4}" },
		{ "a . b . \"c\" = 1\na.b.d = 2", "{a={b={c=1d=2}}}" },
		{ "[a]\nb=1\n[ a . c ]\nd=2\n[e.f]\n", "{a={b=1c={d=2}}e={f={}}}" },
		{ "[a.b]\nc=1\n[a]\nd=2", "{a={b={c=1}d=2}}" },
		{ "[[a]]\nb=1\n[[a]]\n[a.c]\nd=2\n[[a.e]]\nf=3\n[[a.e]]\n[[a]]",
		  "{a=[{b=1} {c={d=2}e=[{f=3} {}]} {}]}" },
		{ "[a]\nb.c=1\n[a.b.d]\ne=1", "{a={b={c=1d={e=1}}}}" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		struct buf out _cleanup_buf_ = BUF_INIT;
		struct err err = ERR_INIT;
		struct toml *t;

		if (toml_parse(cases[i].text, strlen(cases[i].text), "f", &t, &err) < 0)
			fail_msg("%s: %s", cases[i].text, err.msg);
		show(t, &out);
		assert_string_equal(buf_str(&out), cases[i].shown);
		toml_free(t);
	}
}

static void test_refused(void **state)
{
	static const struct {
		const char *text, *why;
	} cases[] = {
		{ "a", "line 1: expected '=' after 'a'" },
		{ "\n\na = ", "line 3: expected a value" },
		{ "a = yes", "line 1: 'yes' is not a value" },
		{ "a = true false", "line 1: expected end of line" },
		{ "a = 1\nb = 2\na = 3", "line 3: 'a' is defined twice" },
		{ "a = \"x\nb = 1", "line 1: unterminated string" },
		{ "a = 'x", "line 1: unterminated string" },
		{ "a = \"\"\"x\ny\n", "line 3: unterminated string" },
		{ "a = \"\\q\"", "unknown escape" },
		{ "a = \"\\u12\"", "hexadecimal" },
		{ "a = \"\\ud800\"", "invalid character in an escape" },
		{ "a = \"\\u0000\"", "invalid character in an escape" },
		{ "a = \"\\U00110000\"", "invalid character in an escape" },
		{ "a = \"\x01\"", "control character" },
		{ "# \x7f", "control character" },
		{ "a = \"\xff\"", "invalid UTF-8" },
		{ "a = [1\n2]", "line 2: expected ',' or ']'" },
		{ "a = [", "expected a value" },
		{ "a = {b=1\n}", "line 1: expected ',' or '}'" },
		{ "a = {b=1,}", "expected a key" },
		{ "a = {b=1,b=2}", "'b' is defined twice" },
		{ "[a", "expected ']' after 'a'" },
		{ "[[a]", "expected ']]' after 'a'" },
		{ "[]", "expected a key" },
		{ "[a.]", "expected a key" },
		{ "[a]\n[a]", "line 2: 'a' is defined twice" },
		{ "[a]\n[[a]]", "line 2: 'a' is already defined" },
		{ "[[a]]\n[a]", "line 2: 'a' is defined twice" },
		{ "a = []\n[[a]]", "line 2: 'a' is already defined" },
		{ "a = {}\n[a.b]", "line 2: 'a' cannot be extended" },
		{ "a = {}\na.b = 1", "line 2: 'a' cannot be extended" },
		{ "a = 1\na.b = 1", "line 2: 'a' cannot be extended" },
		{ "a.b = 1\n[a]", "line 2: 'a' is defined twice" },
		{ "[a.b]\nc=1\n[a]\nb.d=1", "line 4: 'b' cannot be extended" },
		{ "a = 1 b = 2", "line 1: expected end" },
		{ "= 1", "expected a key" },
		{ "a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p.q = 1", "a key of more than 16 parts" },
		{ "a = 1\rb = 2", "line 1: expected end" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		struct err err = ERR_INIT;
		struct toml *t = NULL;

		assert_int_equal(toml_parse(cases[i].text, strlen(cases[i].text), "f", &t, &err),
				 -EINVAL);
		assert_null(t);
		if (strncmp(err.msg, "f: line ", 8) != 0 || !strstr(err.msg, cases[i].why))
			fail_msg("%s: %s", cases[i].text, err.msg);
	}
	assert_int_equal(toml_parse("a=\0 1", 5, "f", &(struct toml *){ NULL }, NULL), -EINVAL);
}

static void test_depth(void **state)
{
	char deep[4096] = "a=";
	struct toml *t;

	(void)state;
	memset(deep + 2, '[', 32);
	memset(deep + 34, ']', 32);
	assert_int_equal(toml_parse(deep, 66, "f", &t, NULL), 0);
	toml_free(t);
	memset(deep + 2, '[', sizeof(deep) - 2);
	assert_int_equal(toml_parse(deep, sizeof(deep), "f", &t, NULL), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_depth),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
