/*
 * Patterns of paths: what they mean, what they do not, and which are refused.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/pattern.h"

static bool match(const char *pattern, const char *path)
{
	_cleanup_patterns_ struct patterns p = PATTERNS_INIT;

	assert_int_equal(patterns_add(&p, pattern, NULL), 0);
	return patterns_match(&p, path);
}

static void test_names(void **state)
{
	(void)state;
	assert_true(match("a", "a"));
	assert_true(match("/a/", "a"));
	assert_true(match("./a//b/.", "a/b"));
	assert_false(match("a", "b"));
	assert_false(match("a", "ab"));
	assert_false(match("a", "b/a"));
	assert_false(match("a/b", "a"));
}

static void test_all_below(void **state)
{
	(void)state;
	assert_true(match("a", "a/b/c"));
	assert_true(match("a/b", "a/b/c"));
	assert_false(match("a/b", "a/bc"));
	assert_true(match("*", "a/b"));
}

static void test_one_name(void **state)
{
	(void)state;
	assert_true(match("*.o", "x.o"));
	assert_true(match("*.o", ".o"));
	assert_false(match("*.o", "d/x.o"));
	assert_true(match("a/?/c", "a/b/c"));
	assert_false(match("a/?/c", "a/bb/c"));
	assert_true(match("[ab]*", "bcd"));
	assert_false(match("[!ab]*", "bcd"));
	assert_true(match("a\\*", "a*"));
	assert_false(match("a\\*", "ab"));
	/* Names are bytes. */
	assert_true(match("odd*", "odd\377\nname"));
	assert_true(match("odd\377*", "odd\377name"));
}

static void test_any_directory(void **state)
{
	(void)state;
	assert_true(match("**/x", "x"));
	assert_true(match("**/x", "a/b/x"));
	assert_true(match("**/x", "a/x/b"));
	assert_false(match("**/x", "a/b/xy"));
	assert_true(match("a/**/x", "a/x"));
	assert_true(match("a/**/x", "a/b/c/x"));
	assert_false(match("a/**/x", "b/x"));
	assert_true(match("a/**", "a/b"));
	assert_false(match("a/**", "a"));
	assert_true(match("**", "a"));
	assert_true(match("**/a/**/b", "x/a/y/a/b"));
	assert_true(match("**/a/b", "a/a/b"));
	assert_false(match("**/a/**/c", "x/a/y/b"));
}

/* Many of them over a long path come to an end. */
static void test_costs_little(void **state)
{
	char pattern[4000] = "", path[4000] = "";
	int i;

	(void)state;
	for (i = 0; i < 500; i++)
		strcat(pattern, "**/a/");
	for (i = 0; i < 1900; i++)
		strcat(path, "a/");
	strcat(pattern, "x");
	strcat(path, "b");
	assert_false(match(pattern, path));
}

static void test_refused(void **state)
{
	static const char *const bad[] = { "", "/", ".", "a/../b", ".." };
	_cleanup_patterns_ struct patterns p = PATTERNS_INIT;
	char longest[5000];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(patterns_add(&p, bad[i], NULL), -EINVAL);
	memset(longest, 'a', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	assert_int_equal(patterns_add(&p, longest, NULL), -EINVAL);
	assert_false(patterns_match(&p, "a"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),	     cmocka_unit_test(test_all_below),
		cmocka_unit_test(test_one_name),     cmocka_unit_test(test_any_directory),
		cmocka_unit_test(test_costs_little), cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
