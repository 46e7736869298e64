/*
 * store/show/template.h: what Go and docker print for the same template, and what is refused.
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
#include "base/json.h"
#include "store/show/template.h"

static const char document[] =
	"{\"Id\":\"sha256:abc\",\"Size\":1234567,\"Ratio\":0.5,\"Yes\":true,\"Null\":null,"
	"\"RepoTags\":[\"a:1\",\"b:2\"],"
	"\"Config\":{\"Cmd\":null,\"Entrypoint\":[\"sh\",\"-c\",\"echo <x>\"],\"Volumes\":null,"
	"\"Labels\":{\"b\":\"2\",\"a\":\"1\",\"com.x.y\":\"z\"}},"
	"\"Set\":{\"Volumes\":{\"/v\":{}}},\"None\":{\"Config\":null},"
	"\"List\":[{\"Name\":\"one\"},{\"Name\":\"two\"}],\"Empty\":[]}";

/* The output, or the message of the failure. */
static char *result(const char *text, const char *json)
{
	struct err err = ERR_INIT;
	struct buf out = BUF_INIT;
	struct template *t;
	json_t *j = NULL;

	assert_int_equal(json_parse(json, strlen(json), "test", &j, &err), 0);
	if (template_new(text, &t, &err) == 0) {
		if (template_run(t, j, &out, &err) < 0)
			IGNORE(buf_puts(&out, err.msg));
		template_free(t);
	} else {
		IGNORE(buf_puts(&out, err.msg));
	}
	json_decref(j);
	return buf_take(&out);
}

#define ERROR "template parsing error: template: :1"

static void test_table(void **state)
{
	static const char *const cases[][2] = {
		{ "plain", "plain" },
		{ "{{.Id}}", "sha256:abc" },
		{ "{{ .Size }} {{.Ratio}} {{.Yes}} {{.Null}}", "1234567 0.5 true <no value>" },
		{ "{{.RepoTags}} {{.Config.Cmd}} {{.Config.Volumes}}", "[a:1 b:2] [] map[]" },
		{ "{{.Config.Labels}}", "map[a:1 b:2 com.x.y:z]" },
		{ "{{.Config.Labels.none}}|{{index .Config.Labels \"none\"}}|", "<no value>||" },
		{ "{{index .Config.Labels \"com.x.y\"}}", "z" },
		{ "{{json .Config.Labels}}", "{\"a\":\"1\",\"b\":\"2\",\"com.x.y\":\"z\"}" },
		{ "{{json .Config.Entrypoint}}", "[\"sh\",\"-c\",\"echo <x>\"]" },
		{ "{{.Config.Cmd | json}}", "null" },
		{ "{{.Config.Healthcheck}} {{.Config.StopSignal}}.", "<nil> ." },
		{ "{{join .RepoTags \", \"}}", "a:1, b:2" },
		{ "{{len .RepoTags}} {{len .Id}} {{len .Config.Cmd}}", "2 10 0" },
		{ "{{upper .Id}} {{\"ABC\" | lower}} {{title \"a b\"}}", "SHA256:ABC abc A B" },
		{ "{{index (split .Id \":\") 1}}", "abc" },
		{ "{{truncate .Id 3}}", "sha" },
		{ "{{println .RepoTags 1}}", "[a:1 b:2] 1\n" },
		{ "{{printf \"%-6s|%5.3s|%03d|%q|%v\" \"ab\" .Id 7 \"x\\\"\" .RepoTags}}",
		  "ab    |  sha|007|\"x\\\"\"|[a:1 b:2]" },
		{ "{{range .List}}{{.Name}},{{end}}", "one,two," },
		{ "{{range $i, $e := .RepoTags}}{{$i}}={{$e}};{{end}}", "0=a:1;1=b:2;" },
		{ "{{range $k, $v := .Config.Labels}}{{$k}}={{$v}};{{end}}", "a=1;b=2;com.x.y=z;" },
		{ "{{range .Empty}}x{{else}}none{{end}}", "none" },
		{ "{{range .Config.Cmd}}x{{else}}none{{end}}", "none" },
		{ "{{if .Config.Cmd}}a{{else if .Yes}}b{{else}}c{{end}}", "b" },
		{ "{{if and .Yes (eq .Id \"sha256:abc\")}}y{{end}}", "y" },
		{ "{{if or .Null (not .Yes)}}y{{else}}n{{end}}", "n" },
		{ "{{with .Config}}{{.Entrypoint}}{{$.Id}}{{end}}", "[sh -c echo <x>]sha256:abc" },
		{ "{{$x := .Id}}{{$x = \"b\"}}{{$x}}", "b" },
		{ "{{lt 1 2}} {{ge 1 2}} {{ne \"a\" \"b\"}} {{eq 1 2 3 1}}",
		  "true false true true" },
		{ "a {{- /* comment */ -}} b", "ab" },
		{ "a {{- .Size -}} b", "a1234567b" },
		{ "{{\"\\u00e9\"}}{{`\\n`}}{{'a'}}{{0x10}}{{1e3}}", "\xc3\xa9\\n97161000" },
		{ "{{(index .List 1).Name}}", "two" },
		{ "{{\"\\x1b[1m\"}}", "\\x1b[1m" },
		{ "{{.Config.ExposedPorts}}{{range $p, $e := .Set.Volumes}}{{$p}}{{end}}",
		  "map[]/v" },
		{ "{{.Set.Volumes}}", "map[/v:{}]" },
		{ "{{.None.Config}}", "<nil>" },
		{ "{{range $i, $e := ($x := .RepoTags)}}{{$i}}{{$e}};{{end}}", "0a:1;1b:2;" },
		{ "{{printf \"%\\x00\" 1}}", ERROR
		  ":2: executing \"\" at <printf \"%\\x00\" 1>: error calling printf: a format "
		  "has %s, %d, %v, %q, %t, %x, %X and %%" },
		{ "{{nil}}", ERROR ":2: executing \"\" at <nil>: nil is not a command" },
		{ "{{.None.Config.Env}}",
		  ERROR ":7: executing \"\" at <.None.Config.Env>: nil pointer evaluating "
			"interface {}.Env" },

		{ "{{.Foo}}",
		  ERROR ":2: executing \"\" at <.Foo>: map has no entry for key \"Foo\"" },
		{ "{{.Config.Foo}}",
		  ERROR ":9: executing \"\" at <.Config.Foo>: map has no entry for key \"Foo\"" },
		{ "{{.Id.X}}",
		  ERROR ":5: executing \"\" at <.Id.X>: can't evaluate field X in type string" },
		{ "{{index .List 5}}", ERROR ":2: executing \"\" at <index .List 5>: error calling "
					     "index: index out of range: 5" },
		{ "{{.Id", ERROR ": unclosed action" },
		{ "{{foo}}", ERROR ": function \"foo\" not defined" },
		{ "{{$x}}", ERROR ": undefined variable \"$x\"" },
		{ "{{if .Id}}", ERROR ": unexpected EOF" },
		{ "{{end}}", ERROR ": unexpected {{end}}" },
		{ "{{template \"x\"}}", ERROR ": {{template}} is not supported" },
		{ "{{define \"x\"}}{{end}}", ERROR ": {{define}} is not supported" },
		{ "{{\"abc}}", ERROR ": unterminated quoted string" },
		{ "{{.Id | 3}}", ERROR ": non executable command in pipeline stage 2" },
		{ "{{}}", ERROR ": missing value for command" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *got = result(cases[i][0], document);

		assert_string_equal(got, cases[i][1]);
	}
}

static void test_row(void **state)
{
	struct buf out _cleanup_buf_ = BUF_INIT;
	struct template_row *row;
	struct template *t;
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(template_row_new(&row, &err), 0);
	IGNORE(template_row_set(row, "Tag", "<none>"));
	IGNORE(template_row_set(row, "Bad", "a\nb\x1b"));
	IGNORE(template_row_set_label(row, "com.x", "1"));
	assert_int_equal(template_new("{{json .}} {{json .Tag}} {{.Bad}} {{.Label \"com.x\"}}", &t,
				      &err),
			 0);
	assert_int_equal(template_run_row(t, row, &out, &err), 0);
	assert_string_equal(buf_str(&out),
			    "{\"Bad\":\"a\\nb\\u001b\",\"Tag\":\"\\u003cnone\\u003e\"} "
			    "\"<none>\" a\\x0ab\\x1b 1");
	template_free(t);
	buf_clear(&out);
	/* What the template itself says may be a tab or a newline; a field's are none. */
	assert_int_equal(template_new("{{println .Tag .Bad}}{{printf \"%s\\t%s\" .Tag .Bad}}", &t,
				      &err),
			 0);
	assert_int_equal(template_run_row(t, row, &out, &err), 0);
	assert_string_equal(buf_str(&out), "<none> a\\x0ab\\x1b\n<none>\ta\\x0ab\\x1b");
	template_free(t);
	buf_clear(&out);
	assert_int_equal(template_new("{{upper .Tag}} {{.No}} {{.Label \"com.my-x\"}}", &t, &err),
			 0);
	assert_int_equal(template_run_row(t, row, &out, &err), -EINVAL);
	assert_non_null(strstr(err.msg, "can't evaluate field No"));
	assert_int_equal(template_run_heads(t, row, &out, &err), 0);
	assert_string_equal(buf_str(&out), "<none> <no value> my x");
	template_free(t);
	template_row_free(row);
}

/* What is hostile ends in an error, soon. */
static void test_bounds(void **state)
{
	struct buf text _cleanup_buf_ = BUF_INIT;
	struct template *t;
	struct err err = ERR_INIT;
	char *got;
	int i;

	(void)state;
	for (i = 0; i < 5000; i++)
		IGNORE(buf_puts(&text, "{{("));
	assert_int_equal(template_new(buf_str(&text), &t, &err), -EINVAL);
	buf_clear(&text);
	for (i = 0; i < 5000; i++)
		IGNORE(buf_puts(&text, "{{if 1}}"));
	assert_int_equal(template_new(buf_str(&text), &t, &err), -EINVAL);
	assert_non_null(strstr(err.msg, "nested too deep"));
	buf_clear(&text);
	for (i = 0; i < 200; i++)
		IGNORE(buf_puts(&text, "{{if 1}}{{else}}{{end}}{{$x := \"a\"}}"));
	got = result(buf_str(&text), "{}");
	assert_string_equal(got, "");
	free(got);
	buf_clear(&text);
	IGNORE(buf_puts(&text, "{{$x := \"aaaaaaaa\"}}"));
	for (i = 0; i < 60; i++)
		IGNORE(buf_puts(&text, "{{$x = print $x $x}}"));
	got = result(buf_str(&text), "{}");
	assert_non_null(strstr(got, "too much"));
	free(got);
	buf_clear(&text);
	IGNORE(buf_puts(&text, "{{$x := \"aaaaaaaa\"}}"));
	for (i = 0; i < 20; i++)
		IGNORE(buf_puts(&text, "{{$x = print $x $x}}"));
	IGNORE(buf_puts(&text, "{{len (split $x \"\")}}"));
	got = result(buf_str(&text), "{}");
	assert_non_null(strstr(got, "too much"));
	free(got);
	buf_clear(&text);
	for (i = 0; i < 70000; i++)
		IGNORE(buf_putc(&text, 'x'));
	assert_int_equal(template_new(buf_str(&text), &t, &err), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_row),
		cmocka_unit_test(test_bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
