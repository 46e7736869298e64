/*
 * Tests of store/transfer/load_member.c: paths from an archive stay inside it.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "store/transfer/load_private.h"

static void is(const char *base, const char *path, bool up, const char *want)
{
	_cleanup_free_ char *got = NULL;

	assert_int_equal(load_path(base, path, up, &got), 0);
	assert_string_equal(got, want);
}

static void refused(const char *base, const char *path, bool up)
{
	char *got = NULL;

	assert_int_equal(load_path(base, path, up, &got), -EINVAL);
	assert_null(got);
}

static void test_plain(void **state)
{
	(void)state;
	is("", "manifest.json", false, "manifest.json");
	is("", "./a/b", false, "a/b");
	is("", "/a//b/", false, "a/b");
	is("", "a/./b", false, "a/b");
	is("", "...", false, "...");
	is("", "a/..b", false, "a/..b");
	is("d", "x", false, "d/x");
}

static void test_up(void **state)
{
	(void)state;
	is("a/b", "../c/layer.tar", true, "a/c/layer.tar");
	is("a", "../c/layer.tar", true, "c/layer.tar");
	is("a/b", "../../c", true, "c");
	is("", "a/../b", true, "b");
}

static void test_refused(void **state)
{
	(void)state;
	refused("", "", false);
	refused("", ".", false);
	refused("", "/", false);
	refused("", "..", false);
	refused("", "a/../b", false);
	refused("", "../etc/passwd", false);
	refused("a", "../../etc/passwd", true);
	refused("", "..", true);
	refused("a", "..", true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plain),
		cmocka_unit_test(test_up),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests_name("load", tests, NULL, NULL);
}
