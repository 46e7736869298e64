/*
 * Profiles of system calls: what is left of their conditions, and what is wrong with one that is
 * none.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/json.h"
#include "tools/run/seccomp.h"

static const char *const chroot_only[] = { "CAP_SYS_CHROOT" };
static const char *const admin[] = { "CAP_SYS_CHROOT", "CAP_SYS_ADMIN" };

static struct seccomp_host host(const char *arch, const char *kernel)
{
	return (struct seccomp_host){
		.arch = arch, .kernel = kernel, .caps = chroot_only, .n_caps = 1
	};
}

static json_t *made(const char *text, const struct seccomp_host *h)
{
	_cleanup_json_ json_t *profile = NULL;
	struct err err = ERR_INIT;
	json_t *out = NULL;
	int r;

	if (text)
		assert_int_equal(json_parse(text, strlen(text), "test", &profile, NULL), 0);
	r = seccomp_make(profile, "test", h, &out, &err);
	if (r < 0)
		print_message("%s\n", err.msg);
	assert_int_equal(r, 0);
	return out;
}

/*
 * What becomes of a call without regard to its arguments: "ALLOW", "ERRNO 1", "" for the default.
 */
static const char *verdict(const json_t *profile, const char *name, bool with_args)
{
	static char out[64];
	const json_t *rule, *item;
	size_t i, k;

	out[0] = '\0';
	json_array_foreach(json_object_get(profile, "syscalls"), i, rule) {
		json_array_foreach(json_object_get(rule, "names"), k, item) {
			const json_t *number = json_object_get(rule, "errnoRet");

			if (strcmp(json_string_value(item), name) != 0 ||
			    (json_array_size(json_object_get(rule, "args")) > 0) != with_args)
				continue;
			/* A runtime would be asked for two different things. */
			assert_string_equal(out, "");
			snprintf(out, sizeof(out), number ? "%s %d" : "%s",
				 json_str(rule, "action") + strlen("SCMP_ACT_"),
				 (int)json_integer_value(number));
		}
	}
	return out;
}

static void default_list(void **state)
{
	struct seccomp_host h = host("amd64", "6.1.0-18-amd64");
	_cleanup_json_ json_t *p = made(NULL, &h);
	static const struct {
		const char *name, *verdict;
	} calls[] = {
		{ "read", "ALLOW" },
		{ "chroot", "ALLOW" },
		{ "ptrace", "ALLOW" },
		{ "mount", "ERRNO 1" },
		{ "unshare", "ERRNO 1" },
		{ "keyctl", "ERRNO 1" },
		{ "bpf", "ERRNO 1" },
		{ "syslog", "ERRNO 1" },
		{ "clone3", "ERRNO 38" },
		{ "clone", "" },
		{ "arch_prctl", "ALLOW" },
		{ "riscv_flush_icache", "" },
		{ "io_uring_setup", "ERRNO 1" },
	};
	size_t i;

	(void)state;
	assert_string_equal(json_str(p, "defaultAction"), "SCMP_ACT_ERRNO");
	assert_int_equal(json_integer_value(json_object_get(p, "defaultErrnoRet")), ENOSYS);
	for (i = 0; i < ARRAY_SIZE(calls); i++)
		assert_string_equal(verdict(p, calls[i].name, false), calls[i].verdict);
	assert_int_equal(json_array_size(json_object_get(p, "architectures")), 3);
	assert_null(json_object_get(p, "archMap"));
}

static void conditions_of_the_list(void **state)
{
	struct seccomp_host old = host("riscv64", "4.7.9"), root = host("s390x", "6.1");
	_cleanup_json_ json_t *p = made(NULL, &old), *q = NULL;

	(void)state;
	assert_string_equal(verdict(p, "ptrace", false), "");
	assert_string_equal(verdict(p, "riscv_flush_icache", false), "ALLOW");
	assert_string_equal(verdict(p, "arch_prctl", false), "");
	root.caps = admin;
	root.n_caps = 2;
	q = made(NULL, &root);
	assert_string_equal(verdict(q, "mount", false), "ALLOW");
	assert_string_equal(verdict(q, "clone", false), "ALLOW");
	assert_string_equal(verdict(q, "clone", true), "");
	assert_string_equal(verdict(q, "clone3", false), "ALLOW");
	assert_string_equal(verdict(q, "s390_runtime_instr", false), "ALLOW");
}

/* On s390 the flags are the second argument. */
static void argument_of_clone(void **state)
{
	static const char *const arches[] = { "amd64", "s390x" };
	size_t a, i;

	(void)state;
	for (a = 0; a < ARRAY_SIZE(arches); a++) {
		struct seccomp_host h = host(arches[a], "6.1");
		_cleanup_json_ json_t *p = made(NULL, &h);
		const json_t *rule;
		size_t allowed = 0;

		json_array_foreach(json_object_get(p, "syscalls"), i, rule) {
			const json_t *names = json_object_get(rule, "names"), *arg;

			if (strcmp(json_string_value(json_array_get(names, 0)), "clone") != 0 ||
			    strcmp(json_str(rule, "action"), "SCMP_ACT_ALLOW") != 0)
				continue;
			arg = json_array_get(json_object_get(rule, "args"), 0);
			assert_int_equal(json_integer_value(json_object_get(arg, "index")), a);
			allowed++;
		}
		assert_int_equal(allowed, 1);
	}
}

static void docker_form(void **state)
{
	static const char text[] =
		"{\"defaultAction\": \"SCMP_ACT_ALLOW\", \"archMap\": [{\"architecture\": "
		"\"SCMP_ARCH_X86_64\", \"subArchitectures\": [\"SCMP_ARCH_X86\"]}, "
		"{\"architecture\": \"SCMP_ARCH_AARCH64\", \"subArchitectures\": null}], "
		"\"syscalls\": ["
		"{\"name\": \"old\", \"action\": \"SCMP_ACT_ERRNO\", \"args\": null},"
		"{\"names\": [\"a\"], \"action\": \"SCMP_ACT_ERRNO\", \"errnoRet\": 5, "
		"\"comment\": \"\","
		" \"includes\": {\"caps\": [\"CAP_SYS_CHROOT\"], \"arches\": [\"amd64\"]}},"
		"{\"names\": [\"b\"], \"action\": \"SCMP_ACT_ERRNO\", \"excludes\": "
		"{\"minKernel\": \"5.0\"}},"
		"{\"names\": [\"c\"], \"action\": \"SCMP_ACT_ERRNO\", \"includes\": "
		"{\"minKernel\": \"5.0\"}},"
		"{\"names\": [\"d\"], \"action\": \"SCMP_ACT_ERRNO\", \"excludes\": {\"arches\": "
		"[\"amd64\"]}},"
		"{\"names\": [\"e\"], \"action\": \"SCMP_ACT_ERRNO\", \"excludes\": {\"caps\": "
		"[\"CAP_SYS_ADMIN\", \"CAP_SYS_CHROOT\"]}},"
		"{\"names\": [\"f\"], \"action\": \"SCMP_ACT_ERRNO\", \"includes\": {\"caps\": "
		"[\"CAP_SYS_ADMIN\", \"CAP_SYS_CHROOT\"]}}]}";
	struct seccomp_host h = host("amd64", "6.1");
	_cleanup_json_ json_t *p = made(text, &h);

	(void)state;
	assert_string_equal(verdict(p, "old", false), "ERRNO");
	assert_string_equal(verdict(p, "a", false), "ERRNO 5");
	assert_string_equal(verdict(p, "b", false), "");
	assert_string_equal(verdict(p, "c", false), "ERRNO");
	assert_string_equal(verdict(p, "d", false), "");
	assert_string_equal(verdict(p, "e", false), "");
	assert_string_equal(verdict(p, "f", false), "");
	assert_int_equal(json_array_size(json_object_get(p, "architectures")), 2);
}

static void runtime_form(void **state)
{
	static const char text[] =
		"{\"defaultAction\": \"SCMP_ACT_ERRNO\", \"defaultErrnoRet\": 2, "
		"\"architectures\": [\"SCMP_ARCH_X86\"], \"flags\": [\"SECCOMP_FILTER_FLAG_LOG\"], "
		"\"syscalls\": [{\"names\": [\"a\"], \"action\": \"SCMP_ACT_ALLOW\", \"args\": "
		"[{\"index\": 5, \"value\": 7, \"op\": \"SCMP_CMP_GE\"}]}]}";
	struct seccomp_host h = host("amd64", "6.1");
	_cleanup_json_ json_t *p = made(text, &h);

	(void)state;
	assert_string_equal(verdict(p, "a", true), "ALLOW");
	assert_int_equal(json_integer_value(json_object_get(p, "defaultErrnoRet")), 2);
	assert_int_equal(json_array_size(json_object_get(p, "flags")), 1);
	assert_int_equal(json_array_size(json_object_get(p, "architectures")), 1);
}

static void no_profiles(void **state)
{
	static const struct {
		const char *text, *why;
	} wrong[] = {
		{ "[]", "not a JSON object" },
		{ "{}", "defaultAction: missing" },
		{ "{\"defaultAction\": \"ALLOW\"}", "defaultAction \"ALLOW\": unknown" },
		{ "{\"defaultAction\": \"SCMP_ACT_ALLOW\", \"defaultErrnoRet\": 5000}",
		  "defaultErrnoRet: not an error number" },
		{ "{\"defaultAction\": \"SCMP_ACT_ALLOW\", \"syscalls\": {}}", "not a list" },
		{ "{\"defaultAction\": \"SCMP_ACT_ALLOW\", \"syscalls\": [{}]}",
		  "syscalls[0].names: empty" },
		{ "{\"defaultAction\": \"SCMP_ACT_ALLOW\", \"syscalls\": [{\"names\": [1]}]}",
		  "not a list of strings" },
		{ "{\"defaultAction\": \"SCMP_ACT_ALLOW\", \"syscalls\": [7]}", "names: empty" },
		{ "{\"defaultAction\": \"SCMP_ACT_ALLOW\", \"syscalls\": [{\"name\": \"a\", "
		  "\"action\": \"x\\n\"}]}",
		  "action \"x\\n\": unknown" },
		{ "{\"defaultAction\": \"SCMP_ACT_ALLOW\", \"syscalls\": [{\"name\": \"a\", "
		  "\"action\": \"SCMP_ACT_ERRNO\", \"args\": [{\"index\": 6}]}]}",
		  "args.index" },
		{ "{\"defaultAction\": \"SCMP_ACT_ALLOW\", \"syscalls\": [{\"name\": \"a\", "
		  "\"action\": \"SCMP_ACT_ERRNO\", \"includes\": {\"minKernel\": \"new\"}}]}",
		  "minKernel \"new\": not a version" },
		{ "{\"defaultAction\": \"SCMP_ACT_ALLOW\", \"syscalls\": [{\"name\": \"a\", "
		  "\"action\": \"SCMP_ACT_ERRNO\", \"includes\": {\"caps\": [null]}}]}",
		  "not a list of strings" },
		{ "{\"defaultAction\": \"SCMP_ACT_ALLOW\", \"architectures\": [\"SCMP_ARCH_X86\"], "
		  "\"archMap\": [{}]}",
		  "cannot be combined with archMap" },
		{ "{\"defaultAction\": \"SCMP_ACT_ALLOW\", \"archMap\": {}}",
		  "archMap: not a list" },
		{ "{\"defaultAction\": \"SCMP_ACT_ALLOW\", \"flags\": 7}", "flags: not a list" },
		/* What would be lost is what makes the rule narrow. */
		{ "{\"defaultAction\": \"SCMP_ACT_ERRNO\", \"syscalls\": [{\"name\": \"a\", "
		  "\"action\": \"SCMP_ACT_ALLOW\", \"args\": {\"index\": 0}}]}",
		  "args: not a list" },
		{ "{\"defaultAction\": \"SCMP_ACT_ERRNO\", \"syscalls\": [{\"name\": \"a\", "
		  "\"action\": \"SCMP_ACT_ALLOW\", \"args\": [{\"index\": 0, \"value\": -1, "
		  "\"op\": \"SCMP_CMP_EQ\"}]}]}",
		  "args.value: not a number from 0" },
		{ "{\"defaultAction\": \"SCMP_ACT_ALLOW\", \"defaultaction\": \"SCMP_ACT_ERRNO\"}",
		  "profile p: duplicate key \"defaultAction\"" },
		{ "{\"defaultAction\": \"SCMP_ACT_ALLOW\", \"Syscalls\": [{}]}",
		  "syscalls[0].names: empty" },
		{ "{\"defaultAction\": \"SCMP_ACT_ALLOW\", \"syscalls\": [{\"Name\": \"a\", "
		  "\"ACTION\": \"SCMP_ACT_ERRNO\", \"Args\": [{\"Index\": 6}]}]}",
		  "args.index" },
		{ "{\"defaultAction\": \"SCMP_ACT_ALLOW\", \"syscalls\": [{\"name\": \"a\", "
		  "\"action\": \"SCMP_ACT_ERRNO\", \"Includes\": {\"MINKERNEL\": \"new\"}}]}",
		  "minKernel \"new\": not a version" },
	};
	struct seccomp_host h = host("amd64", "6.1");
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(wrong); i++) {
		_cleanup_json_ json_t *profile = NULL, *out = NULL;
		struct err err = ERR_INIT;

		assert_int_equal(json_parse(wrong[i].text, strlen(wrong[i].text), "test", &profile,
					    NULL),
				 0);
		assert_int_equal(seccomp_make(profile, "p", &h, &out, &err), -EINVAL);
		assert_null(out);
		if (!strstr(err.msg, wrong[i].why))
			fail_msg("\"%s\" does not say \"%s\"", err.msg, wrong[i].why);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(default_list),	     cmocka_unit_test(conditions_of_the_list),
		cmocka_unit_test(argument_of_clone), cmocka_unit_test(docker_form),
		cmocka_unit_test(runtime_form),	     cmocka_unit_test(no_profiles),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
