/* POSIX access lists: which are some, what they make of a mode, and what a new file inherits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/types.h>

#include <cmocka.h>

#include "base/buf.h"
#include "store/layer/acl.h"

#define NOBODY 0xff, 0xff, 0xff, 0xff
#define E(tag, perm, ...) tag, 0, perm, 0, __VA_ARGS__
#define LIST(...) ((const unsigned char[]){ 2, 0, 0, 0, __VA_ARGS__ })
#define OWNER(perm) E(1, perm, NOBODY)
#define USER(perm, id) E(2, perm, id, 0, 0, 0)
#define GROUP_OBJ(perm) E(4, perm, NOBODY)
#define GROUP(perm, id) E(8, perm, id, 0, 0, 0)
#define MASK(perm) E(16, perm, NOBODY)
#define OTHER(perm) E(32, perm, NOBODY)

static const unsigned char minimal[] = { 2, 0, 0, 0, OWNER(7), GROUP_OBJ(5), OTHER(1) };
static const unsigned char named[] = { 2,	    0,		 0,	     0,
				       OWNER(7),    USER(6, 10), USER(4, 9), GROUP_OBJ(5),
				       GROUP(1, 7), MASK(6),	 OTHER(0) };

static void test_valid(void **state)
{
	unsigned char longer[sizeof(named) + 1];
	size_t n;

	(void)state;
	assert_true(acl_is_valid(minimal, sizeof(minimal)));
	assert_true(acl_is_valid(named, sizeof(named)));
	for (n = 0; n < sizeof(minimal); n++)
		assert_false(acl_is_valid(minimal, n));
	memcpy(longer, named, sizeof(named));
	longer[sizeof(named)] = 0;
	assert_false(acl_is_valid(longer, sizeof(longer)));
	longer[0] = 1;
	assert_false(acl_is_valid(longer, sizeof(named)));
}

/* Each is wrong in one thing. */
static void test_malformed(void **state)
{
	const unsigned char *lists[] = {
		LIST(OWNER(7), USER(6, 1), GROUP_OBJ(5), OTHER(0)),	  /* no mask */
		LIST(OWNER(7), GROUP_OBJ(5), GROUP_OBJ(5), OTHER(0)),	  /* twice */
		LIST(GROUP_OBJ(5), OWNER(7), MASK(0), OTHER(0)),	  /* order */
		LIST(OWNER(7), GROUP_OBJ(5), MASK(8), OTHER(0)),	  /* rights */
		LIST(OWNER(7), GROUP_OBJ(5), E(64, 0, NOBODY), OTHER(0)), /* tag */
		LIST(OWNER(7), GROUP_OBJ(5), E(3, 0, NOBODY), OTHER(0)),
		LIST(OWNER(7), GROUP_OBJ(5), E(0, 0, NOBODY), OTHER(0)),
		LIST(OWNER(7), GROUP_OBJ(5), MASK(0), MASK(0)), /* others are missing */
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(lists) / sizeof(*lists); i++)
		assert_false(acl_is_valid(lists[i], 4 + 4 * 8));
	assert_false(
		acl_is_valid(LIST(OWNER(7), E(2, 6, NOBODY), GROUP_OBJ(5), MASK(0), OTHER(0)), 44));
}

static void test_mode(void **state)
{
	unsigned char list[sizeof(named)];

	(void)state;
	assert_true(acl_is_mode(minimal, sizeof(minimal)));
	assert_false(acl_is_mode(named, sizeof(named)));
	assert_int_equal(acl_mode(minimal, sizeof(minimal), 06000), 06751);
	assert_int_equal(acl_mode(named, sizeof(named), 0777), 0760);
	memcpy(list, named, sizeof(named));
	acl_set_mode(list, sizeof(list), 0642);
	assert_int_equal(acl_mode(list, sizeof(list), 0), 0642);
	/* The group's own entry stays; the mask has changed. */
	assert_int_equal(list[4 + 3 * 8 + 2], 5);
	assert_int_equal(list[4 + 5 * 8 + 2], 4);
}

static void test_inherit(void **state)
{
	struct buf out = BUF_INIT;
	mode_t mode = 0100666;

	(void)state;
	assert_int_equal(acl_inherit(minimal, sizeof(minimal), &mode, &out), 0);
	assert_int_equal(mode, 0100640);
	assert_int_equal(out.len, 0);
	mode = 0104757;
	assert_int_equal(acl_inherit(named, sizeof(named), &mode, &out), 0);
	assert_int_equal(mode, 0104740);
	assert_int_equal(out.len, sizeof(named));
	assert_int_equal(acl_mode(out.data, out.len, 0), 0740);
	buf_fini(&out);
}

static void more(void *arg, uid_t *uid, gid_t *gid)
{
	(void)arg;
	*uid += 100;
	*gid += 200;
}

static void test_map(void **state)
{
	unsigned char list[sizeof(named)];

	(void)state;
	memcpy(list, named, sizeof(named));
	acl_map(list, sizeof(list), more, NULL);
	assert_int_equal(list[4 + 1 * 8 + 4], 110);
	assert_int_equal(list[4 + 4 * 8 + 4], 207);
	assert_true(acl_is_valid(list, sizeof(list)));
	assert_int_equal(list[4 + 4], 0xff);
	/* Less than a header. */
	acl_map(list, 2, NULL, NULL);
	assert_int_equal(acl_mode(list, 2, 0640), 0640);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_valid), cmocka_unit_test(test_malformed),
		cmocka_unit_test(test_mode),  cmocka_unit_test(test_inherit),
		cmocka_unit_test(test_map),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
