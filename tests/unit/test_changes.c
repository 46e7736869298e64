/*
 * store/oci/instruction.h: Dockerfile instructions on a config.
 */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/json.h"
#include "store/oci/instruction.h"

static void check(const char *before, const char *const *changes, size_t n, const char *after)
{
	_cleanup_json_ json_t *j = json_loads(before, 0, NULL), *want = json_loads(after, 0, NULL);
	struct buf text _cleanup_buf_ = BUF_INIT;
	struct err err = ERR_INIT;

	assert_non_null(j);
	assert_non_null(want);
	assert_int_equal(instructions_apply(j, changes, n, &err), 0);
	IGNORE(json_text(j, &text));
	if (!json_equal(j, want))
		fail_msg("got %s, want %s", buf_str(&text), after);
}

#define CHECK(before, after, ...)                             \
	do {                                                  \
		const char *const list[] = { __VA_ARGS__ };   \
		check(before, list, ARRAY_SIZE(list), after); \
	} while (0)

static void test_commands(void **state)
{
	(void)state;
	CHECK("{}", "{\"Cmd\":[\"a\",\"b c\"]}", "CMD [\"a\", \"b c\"]");
	CHECK("{}", "{\"Cmd\":[\"/bin/sh\",\"-c\",\"echo $HOME\"]}", "cmd echo $HOME");
	CHECK("{\"Cmd\":[\"x\"]}", "{\"Entrypoint\":[\"e\"]}", "ENTRYPOINT [\"e\"]");
	CHECK("{}", "{\"Cmd\":[\"c\"],\"Entrypoint\":[\"e\"]}", "CMD [\"c\"]",
	      "ENTRYPOINT [\"e\"]");
	CHECK("{}", "{\"Cmd\":[\"/bin/sh\",\"-c\",\"[broken\"]}", "CMD [broken");
}

static void test_pairs(void **state)
{
	(void)state;
	CHECK("{\"Env\":[\"PATH=/bin\",\"A=1\"]}",
	      "{\"Env\":[\"PATH=/bin\",\"A=2\",\"B=x y\",\"C=\"]}", "ENV A=2 B=\"x y\" C=");
	CHECK("{}", "{\"Env\":[\"A=b c  d\"]}", "ENV A b c  d");
	CHECK("{\"Labels\":{\"a\":\"1\"}}", "{\"Labels\":{\"a\":\"2\",\"b\":\"x=y\"}}",
	      "LABEL a=2 b='x=y'");
}

static void test_others(void **state)
{
	(void)state;
	CHECK("{}", "{\"ExposedPorts\":{\"80/tcp\":{},\"53/udp\":{}}}", "EXPOSE 80 53/udp");
	CHECK("{}", "{\"Volumes\":{\"/a\":{},\"/b\":{}}}", "VOLUME [\"/a\"]", "VOLUME /b");
	CHECK("{\"WorkingDir\":\"/a\"}", "{\"WorkingDir\":\"/a/b\"}", "WORKDIR b/");
	CHECK("{}", "{\"WorkingDir\":\"/x\"}", "WORKDIR x");
	CHECK("{}", "{\"User\":\"1:2\",\"StopSignal\":\"SIGINT\",\"OnBuild\":[\"RUN x\"]}",
	      "USER 1:2", "STOPSIGNAL SIGINT", "ONBUILD RUN x");
	CHECK("{}", "{\"Healthcheck\":{\"Test\":[\"CMD-SHELL\",\"true\"]}}",
	      "HEALTHCHECK CMD true");
}

/* What "ENV X=<word>" gives, with E empty and A=1, B=two words, F=dir/a.tar.gz, U=\xc3\xa9x set. */
static const struct {
	const char *word, *value;
} words[] = {
	{ "$A", "1" },
	{ "${A}b$A", "1b1" },
	{ "$NO", "" },
	{ "\"$B\"", "two words" },
	{ "'$B'", "$B" },
	{ "\\$A", "$A" },
	{ "\"\\$A\\\"\\x\"", "$A\"\\x" },
	{ "a\\ b", "a b" },
	{ "$", "$" },
	{ "$.", "$." },
	{ "$$A", "A" },
	{ "$1a", "a" },
	{ "${NO:-d}", "d" },
	{ "${E:-d}", "d" },
	{ "${E-d}", "" },
	{ "${A:-d}", "1" },
	{ "${NO:-${E:-$A}}", "1" },
	{ "${NO:-\"a }\"}", "a }" },
	{ "${NO:-'}'}", "}" },
	{ "${A:+y}${E:+n}${E+y}${NO+n}", "yy" },
	{ "${A:?no}", "1" },
	{ "${F%.*}", "dir/a.tar" },
	{ "${F%%.*}", "dir/a" },
	{ "${F#*/}", "a.tar.gz" },
	{ "${F##*.}", "gz" },
	{ "${F#x}", "dir/a.tar.gz" },
	{ "${F%\\*}", "dir/a.tar.gz" },
	{ "${U#?}", "x" },
	{ "${F/./-}", "dir/a-tar.gz" },
	{ "${F//./-}", "dir/a-tar-gz" },
	{ "${F/\\//}", "dira.tar.gz" },
	{ "${F//a*/z}", "dir/z" },
	{ "${NO/a/b}", "" },
};

static void test_words(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(words); i++) {
		_cleanup_json_ json_t *j = json_object();
		struct buf text _cleanup_buf_ = BUF_INIT, want _cleanup_buf_ = BUF_INIT;
		const char *const list[] = { "ENV E= A=1 B='two words' F=dir/a.tar.gz U=\xc3\xa9x",
					     NULL };
		struct err err = ERR_INIT;
		const char *change;

		assert_int_equal(instructions_apply(j, list, 1, &err), 0);
		assert_int_equal(buf_printf(&text, "ENV X=%s", words[i].word), 0);
		assert_int_equal(buf_printf(&want, "X=%s", words[i].value), 0);
		change = text.data;
		if (instructions_apply(j, &change, 1, &err) < 0)
			fail_msg("%s: %s", words[i].word, err.msg);
		assert_string_equal(json_string_value(json_array_get(json_object_get(j, "Env"), 5)),
				    want.data);
	}
}

/* One ${A:-...} within the other: so many are an error, not the end of the stack. */
static void test_deep(void **state)
{
	_cleanup_json_ json_t *j = json_object();
	struct buf text _cleanup_buf_ = BUF_INIT;
	struct err err = ERR_INIT;
	const char *change;
	size_t i;

	(void)state;
	assert_int_equal(buf_puts(&text, "ENV X="), 0);
	for (i = 0; i < 100000; i++)
		assert_int_equal(buf_puts(&text, "${A:-"), 0);
	change = text.data;
	assert_int_equal(instructions_apply(j, &change, 1, &err), -EINVAL);
	assert_non_null(strstr(err.msg, "nested"));
}

static void test_lines(void **state)
{
	(void)state;
	CHECK("{}", "{\"Env\":[\"A=1\",\"B=2\"],\"User\":\"u\"}",
	      "# x\nENV A=1 \\\n# y\n\n  B=2\r\nUSER u");
	CHECK("{}", "{\"Env\":[\"A=1\",\"B=2\"]}", "ENV A=1 \\", "B=2");
	CHECK("{}", "{\"User\":\"a\\\\b$A\"}", "# escape=`\nUSER a\\b`$A");
}

static void test_inherit(void **state)
{
	_cleanup_json_ json_t *j = json_loads("{\"Cmd\":[],\"Entrypoint\":[],\"User\":\"\"}", 0,
					      NULL),
			      *base = json_loads("{\"Cmd\":[\"c\"],\"Entrypoint\":[\"e\"],"
						 "\"User\":\"u\"}",
						 0, NULL),
			      *want = json_loads("{\"Cmd\":[\"c\"],\"Entrypoint\":[],"
						 "\"User\":\"u\"}",
						 0, NULL);

	(void)state;
	assert_int_equal(instructions_inherit(j, base, NULL), 0);
	assert_true(json_equal(j, want));
}

static void test_refuse(void **state)
{
	static const char *const bad[] = { "",
					   "USER",
					   "RUN x",
					   "FROM x",
					   "ENV A",
					   "ENV =x",
					   "ENV A=\"x",
					   "EXPOSE x",
					   "EXPOSE 70000",
					   "EXPOSE 80/xyz",
					   "LABEL a",
					   "CMDX y",
					   "ONBUILD ONBUILD RUN x",
					   "ENV A=${",
					   "ENV A=${A",
					   "ENV A=${}",
					   "ENV A=${A:=b}",
					   "ENV A=${A/b",
					   "ENV A=${NO:?}",
					   "USER 'x",
					   "USER a\xff",
					   "CMD [1]",
					   "STOPSIGNAL x",
					   "# comment",
					   "USER x\nRUN y",
					   "HEALTHCHECK x" };
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		_cleanup_json_ json_t *j = json_object();
		struct err err = ERR_INIT;

		if (instructions_apply(j, &bad[i], 1, &err) != -EINVAL || !err.msg[0])
			fail_msg("taken: \"%s\"", bad[i]);
	}
}

/* A duration that does not fit is too long, not too short. */
static void test_long_duration(void **state)
{
	const char *change = "HEALTHCHECK --interval=9999999h CMD x";
	_cleanup_json_ json_t *j = json_object();
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(instructions_apply(j, &change, 1, &err), -EINVAL);
	assert_string_equal(err.msg, "HEALTHCHECK: too long: --interval=9999999h");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_commands),      cmocka_unit_test(test_pairs),
		cmocka_unit_test(test_others),	      cmocka_unit_test(test_words),
		cmocka_unit_test(test_deep),	      cmocka_unit_test(test_lines),
		cmocka_unit_test(test_inherit),	      cmocka_unit_test(test_refuse),
		cmocka_unit_test(test_long_duration),
	};

	return cmocka_run_group_tests_name("changes", tests, NULL, NULL);
}
