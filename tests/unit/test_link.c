/*
 * registry/http/link.h: which of several links leads on.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "registry/http/link.h"

static void test_links(void **state)
{
	static const struct {
		const char *header, *target; /* NULL: none */
	} cases[] = {
		{ NULL, NULL },
		{ "", NULL },
		{ "</a>; rel=\"next\"", "/a" },
		{ "</a>;rel=next", "/a" },
		{ "</a>; REL = NEXT", "/a" },
		{ "<a?x=1,2;y=3>; rel=\"next\"", "a?x=1,2;y=3" },
		{ "</p>; rel=\"prev\", </n>; rel=\"next\"", "/n" },
		{ "</p>; rel=\"prev\", </n>; title=\"a, b; rel=next \\\" c\"; rel=\"next\"", "/n" },
		{ "</p>; title=\"rel=next\"; rel=prev", NULL },
		{ "</n>; rel=\"start next\"", "/n" },
		{ "</n>; rel=\"nextish\"", NULL },
		{ "</next>; rel=prev", NULL },
		{ "</n>; rel=prev; rel=next", NULL },
		{ "</n>", NULL },
		{ "</n>; rel", NULL },
		{ "</n>; rel=\"next", "/n" },
		{ "</n; rel=next", NULL },
		{ "next", NULL },
		{ ",, </n>; rel=next", "/n" },
		{ "</a>; x=\"\\", NULL },
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *target = NULL;

		assert_int_equal(link_find(cases[i].header, "next", &target),
				 cases[i].target != NULL);
		assert_string_equal(target ? target : "-", cases[i].target ? cases[i].target : "-");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_links),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
