/* Mount options: ours, those of mount(8), and wrong ones. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/err.h"
#include "fs/options.h"

static int parse(struct mount_options *o, const char *text)
{
	char copy[256];
	struct err err = ERR_INIT;
	int r;

	snprintf(copy, sizeof(copy), "%s", text);
	r = options_parse(o, copy, &err);
	if (r < 0)
		assert_non_null(strstr(err.msg, "option "));
	return r;
}

static void test_defaults(void **state)
{
	struct mount_options o;

	(void)state;
	options_init(&o);
	assert_int_equal(o.fs.cache_size, 128 << 20);
	assert_int_equal(o.tree, TREE_BOTH);
	assert_int_equal(parse(&o, "rw,auto,exec,_netdev,x-systemd.automount,x-a=b,user=joe,,"), 0);
	assert_int_equal(o.fs.cache_size, 128 << 20);
	assert_int_equal(o.fs.allow_other, geteuid() == 0);
	assert_false(o.fs.ro || o.fs.dev || o.fs.suid || o.fs.noexec);
}

static void test_values(void **state)
{
	struct mount_options o;

	(void)state;
	options_init(&o);
	assert_int_equal(parse(&o, "default_permissions"), 0);
	assert_true(o.fs.default_permissions);
	assert_false(o.fs.image_owners);
	assert_int_equal(parse(&o, "image_owners"), 0);
	assert_true(o.fs.image_owners);
	assert_int_equal(parse(&o, "allow_other,ro,uid=12,gid=0,cache_size=3M,tree=images"), 0);
	assert_int_equal(parse(&o, "dev,suid,noexec"), 0);
	assert_true(o.fs.allow_other && o.fs.ro && o.fs.dev && o.fs.suid && o.fs.noexec);
	assert_true(o.fs.set_uid && o.fs.set_gid);
	assert_int_equal(o.fs.uid, 12);
	assert_int_equal(o.fs.gid, 0);
	assert_int_equal(o.fs.cache_size, 3 << 20);
	assert_int_equal(o.tree, TREE_IMAGES);
	/* The last one counts. */
	assert_int_equal(parse(&o, "noallow_other"), 0);
	assert_false(o.fs.allow_other);
	assert_int_equal(parse(&o, "rw,nodev,nosuid,exec,cache_size=512k,tree=containers"), 0);
	assert_false(o.fs.ro || o.fs.dev || o.fs.suid || o.fs.noexec);
	assert_int_equal(o.fs.cache_size, 512 << 10);
	assert_int_equal(o.tree, TREE_CONTAINERS);
	assert_int_equal(parse(&o, "cache_size=1g"), 0);
	assert_int_equal(o.fs.cache_size, 1 << 30);
}

static void test_wrong(void **state)
{
	static const char *const wrong[] = {
		"bogus",
		"uid",
		"uid=",
		"uid=-1",
		"uid=4294967295",
		"gid=1x",
		"cache_size=",
		"cache_size=K",
		"cache_size=1T",
		"cache_size=-1",
		"cache_size=99999999999999999999",
		"cache_size=99999999999G",
		"tree=both",
		"tree",
		"ro=1",
		"allow_other=yes",
		"rw,bogus",
		"\033[31m",
	};
	struct mount_options o;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		options_init(&o);
		if (parse(&o, wrong[i]) != -EINVAL)
			fail_msg("accepted: %s", wrong[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_wrong),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
