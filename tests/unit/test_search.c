/*
 * registry/search.h: what a search answers, read, and how tags are sorted.
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
#include "registry/search.h"

/* As one line: name:stars, then o where it is official, a where it is automated. */
static void show(const struct search_hits *h, struct buf *out)
{
	size_t i;

	for (i = 0; i < h->n; i++)
		IGNORE(buf_printf(out, "%s%s:%llu%s%s", i ? " " : "", h->v[i].name,
				  (unsigned long long)h->v[i].stars, h->v[i].official ? "o" : "",
				  h->v[i].automated ? "a" : ""));
}

static void test_read(void **state)
{
	static const struct {
		const char *text;
		unsigned int limit;
		const char *shown;
	} cases[] = {
		{ "{\"results\":[]}", 5, "" },
		{ "{\"results\":[{\"name\":\"a\",\"star_count\":1},{\"name\":\"b\",\"star_count\":"
		  "2},"
		  "{\"name\":\"c\",\"star_count\":1}]}",
		  5, "b:2 a:1 c:1" },
		{ "{\"results\":[{\"name\":\"a\",\"star_count\":1},{\"name\":\"b\",\"star_count\":"
		  "2}]}",
		  1, "a:1" },
		{ "{\"results\":[{\"name\":\"a\",\"star_count\":-4,\"is_official\":true,\"is_"
		  "automated\":true}]}",
		  5, "a:0oa" },
		{ "{\"results\":[{\"name\":\"a\",\"star_count\":\"many\",\"is_official\":1,"
		  "\"description\":3}]}",
		  5, "a:0" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		struct search_hits h _cleanup_search_hits_ = SEARCH_HITS_INIT;
		struct buf out _cleanup_buf_ = BUF_INIT;

		assert_int_equal(search_read(cases[i].text, strlen(cases[i].text), cases[i].limit,
					     &h, NULL),
				 0);
		show(&h, &out);
		assert_string_equal(buf_str(&out), cases[i].shown);
	}
}

static void test_refused(void **state)
{
	static const char *const cases[] = {
		"",
		"<html>",
		"[]",
		"{}",
		"{\"results\":{}}",
		"{\"results\":[1]}",
		"{\"results\":[{}]}",
		"{\"results\":[{\"name\":\"a\"},{\"name\":null}]}",
		"{\"results\":[]} x",
		"{\"results\":[{\"name\":\"\\ud800\"}]}",
	};
	struct search_hits h = SEARCH_HITS_INIT;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(cases); i++)
		assert_int_equal(search_read(cases[i], strlen(cases[i]), 5, &h, NULL), -EPROTO);
	assert_null(h.v);
}

static void test_sort_tags(void **state)
{
	char tags[][16] = { "v10", "1.10", "latest",   "1.9",	  "20230102",
			    "v9",  "1",	   "latest-x", "1.9-slim" };
	static const char sorted[] = "latest 1 1.9 1.9-slim 1.10 20230102 latest-x v9 v10 ";
	struct buf out _cleanup_buf_ = BUF_INIT;
	char *v[ARRAY_SIZE(tags)];
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(tags); i++)
		v[i] = tags[i];
	search_sort_tags(v, ARRAY_SIZE(tags));
	for (i = 0; i < ARRAY_SIZE(tags); i++)
		IGNORE(buf_printf(&out, "%s ", v[i]));
	assert_string_equal(buf_str(&out), sorted);
	search_sort_tags(NULL, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_read),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_sort_tags),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
