/*
 * store/changes.h: Dockerfile instructions on a config.
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
#include "store/changes.h"
#include "store/json.h"

static void check(const char *before, const char *const *changes, size_t n, const char *after)
{
	_cleanup_json_ json_t *j = json_loads(before, 0, NULL), *want = json_loads(after, 0, NULL);
	struct buf text _cleanup_buf_ = BUF_INIT;
	struct err err = ERR_INIT;

	assert_non_null(j);
	assert_non_null(want);
	assert_int_equal(changes_apply(j, changes, n, &err), 0);
	json_text(j, &text);
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

static void test_refuse(void **state)
{
	static const char *const bad[] = { "",
					   "CMD",
					   "RUN x",
					   "FROM x",
					   "ENV A",
					   "ENV =x",
					   "ENV A=\"x",
					   "EXPOSE x",
					   "EXPOSE 0",
					   "EXPOSE 70000",
					   "EXPOSE 80/xyz",
					   "LABEL a",
					   "CMDX y",
					   "ONBUILD ONBUILD RUN x",
					   "HEALTHCHECK x" };
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		_cleanup_json_ json_t *j = json_object();
		struct err err = ERR_INIT;

		if (changes_apply(j, &bad[i], 1, &err) != -EINVAL || !err.msg[0])
			fail_msg("taken: \"%s\"", bad[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_commands),
		cmocka_unit_test(test_pairs),
		cmocka_unit_test(test_others),
		cmocka_unit_test(test_refuse),
	};

	return cmocka_run_group_tests_name("changes", tests, NULL, NULL);
}
