/*
 * store/oci/reference.h: docker's normalisation and its refusals.
 */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "store/oci/reference.h"

#define HEX64 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static void test_normalise(void **state)
{
	static const struct {
		const char *in, *full, *repo, *familiar;
	} cases[] = {
		{ "ubuntu", "docker.io/library/ubuntu:latest", "ubuntu", "ubuntu:latest" },
		{ "ubuntu:20.04", "docker.io/library/ubuntu:20.04", "ubuntu", "ubuntu:20.04" },
		{ "u/app", "docker.io/u/app:latest", "u/app", "u/app:latest" },
		{ "docker.io/ubuntu", "docker.io/library/ubuntu:latest", "ubuntu",
		  "ubuntu:latest" },
		{ "index.docker.io/library/ubuntu:1", "docker.io/library/ubuntu:1", "ubuntu",
		  "ubuntu:1" },
		{ "localhost/app", "localhost/app:latest", "localhost/app",
		  "localhost/app:latest" },
		{ "localhost:5000/team/app:v1", "localhost:5000/team/app:v1",
		  "localhost:5000/team/app", "localhost:5000/team/app:v1" },
		{ "[::1]:5000/a", "[::1]:5000/a:latest", "[::1]:5000/a", "[::1]:5000/a:latest" },
		{ "quay.io/a/b/c", "quay.io/a/b/c:latest", "quay.io/a/b/c",
		  "quay.io/a/b/c:latest" },
		{ "a__b/c-.d", NULL, NULL, NULL },
		{ "library/x/y", "docker.io/library/x/y:latest", "library/x/y",
		  "library/x/y:latest" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_reference_ struct reference ref = { 0 };
		_cleanup_free_ char *full = NULL, *repo = NULL, *familiar = NULL;
		int r = reference_parse(cases[i].in, &ref, NULL);

		if (!cases[i].full) {
			assert_int_equal(r, -EINVAL);
			continue;
		}
		assert_int_equal(r, 0);
		full = reference_full(&ref);
		repo = reference_repo(&ref);
		familiar = reference_familiar(&ref);
		assert_string_equal(full, cases[i].full);
		assert_string_equal(repo, cases[i].repo);
		assert_string_equal(familiar, cases[i].familiar);
	}
}

static void test_digest_wins(void **state)
{
	_cleanup_reference_ struct reference ref = { 0 };

	(void)state;
	assert_int_equal(reference_parse("ubuntu:1@sha256:" HEX64, &ref, NULL), 0);
	assert_string_equal(ref.tag, "1");
	assert_string_equal(ref.digest.str, "sha256:" HEX64);
	reference_fini(&ref);
	assert_int_equal(reference_parse("ubuntu@sha256:" HEX64, &ref, NULL), 0);
	assert_null(ref.tag);
}

static void test_refuse(void **state)
{
	static const char *const bad[] = {
		"",
		"/",
		"a/",
		"/a",
		"a//b",
		"A",
		"a:b:c",
		"a:",
		"a:-x",
		"a@sha256:12",
		"..",
		"../a",
		"a/../b",
		"-a",
		"a-",
		"a_",
		"a..b",
		"a b",
		"a\nb",
		"a/b:\x1b",
		"exa_mple.com:80/a",
		"host:port/a",
		"host:123456/a",
		HEX64,
		"a:" HEX64 HEX64 "0",
		"\xff",
	};
	char longest[600];
	struct reference ref;
	struct err err;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(bad); i++)
		if (reference_parse(bad[i], &ref, &err) != -EINVAL)
			fail_msg("taken: \"%s\"", bad[i]);
	memset(longest, 'a', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	assert_int_equal(reference_parse(longest, &ref, &err), -EINVAL);
	assert_int_equal(reference_parse("Ubuntu:1", &ref, &err), -EINVAL);
	assert_non_null(strstr(err.msg, "must be lowercase"));
}

static void test_id(void **state)
{
	(void)state;
	assert_true(reference_is_id("abcd"));
	assert_true(reference_is_id("sha256:" HEX64));
	assert_true(reference_is_id("a"));
	assert_false(reference_is_id(""));
	assert_false(reference_is_id("sha256:"));
	assert_false(reference_is_id("abcg"));
	assert_false(reference_is_id(HEX64 "0"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_normalise),
		cmocka_unit_test(test_digest_wins),
		cmocka_unit_test(test_refuse),
		cmocka_unit_test(test_id),
	};

	return cmocka_run_group_tests_name("reference", tests, NULL, NULL);
}
