/*
 * A profile in the runtime's form is also valid in docker's form, without conditions, so one parser
 * reads both. Errors that a runtime would reject are reported here, with their place.
 */
#include "tools/run/seccomp.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/json.h"
#include "base/text.h"
#include "tools/run/seccomp_list.h"

#define RULES_MAX 4096

/* Go's name, libseccomp's, and the constant. */
static const struct {
	const char *go, *native, *constant;
} known[] = {
	{ "amd64", "amd64", "SCMP_ARCH_X86_64" },
	{ "386", "x86", "SCMP_ARCH_X86" },
	{ "arm64", "arm64", "SCMP_ARCH_AARCH64" },
	{ "arm", "arm", "SCMP_ARCH_ARM" },
	{ "ppc64le", "ppc64le", "SCMP_ARCH_PPC64LE" },
	{ "s390x", "s390x", "SCMP_ARCH_S390X" },
	{ "riscv64", "riscv64", "SCMP_ARCH_RISCV64" },
	{ "mips64le", "mipsel64", "SCMP_ARCH_MIPSEL64" },
	{ "mips64", "mips64", "SCMP_ARCH_MIPS64" },
	{ "loong64", "loongarch64", "SCMP_ARCH_LOONGARCH64" },
};

static const char *const actions[] = {
	"SCMP_ACT_ALLOW",	 "SCMP_ACT_ERRNO", "SCMP_ACT_KILL",
	"SCMP_ACT_KILL_PROCESS", "SCMP_ACT_LOG",   "SCMP_ACT_KILL_THREAD",
	"SCMP_ACT_TRACE",	 "SCMP_ACT_TRAP",  "SCMP_ACT_NOTIFY",
};

static const char *const operators[] = {
	"SCMP_CMP_NE", "SCMP_CMP_LT", "SCMP_CMP_LE",	    "SCMP_CMP_EQ",
	"SCMP_CMP_GE", "SCMP_CMP_GT", "SCMP_CMP_MASKED_EQ",
};

struct maker {
	const struct seccomp_host *host;
	const char *what, *native, *constant;
	size_t rule; /* number of the rule in messages, from 1; 0: none */
	struct err *err;
};

static int bad(const struct maker *m, const char *key, const json_t *value, const char *why)
{
	struct buf what _cleanup_buf_ = BUF_INIT, shown _cleanup_buf_ = BUF_INIT;
	char where[48] = "";

	text_escape(&what, m->what);
	if (json_is_string(value))
		text_quote(&shown, json_string_value(value), json_string_length(value));
	if (m->rule)
		snprintf(where, sizeof(where), "syscalls[%zu].", m->rule - 1);
	return err_set(m->err, EINVAL, "seccomp profile %.300s: %s%s%s%.100s: %s", buf_str(&what),
		       where, key, shown.len ? " " : "", buf_str(&shown), why);
}

static bool is_one_of(const json_t *value, const char *const *v, size_t n)
{
	size_t i;

	for (i = 0; json_is_string(value) && i < n; i++)
		if (strcmp(json_string_value(value), v[i]) == 0)
			return true;
	return false;
}

/* A list, or missing. */
static int check_list(const struct maker *m, const char *key, const json_t *list)
{
	return list && !json_is_null(list) && !json_is_array(list) ? bad(m, key, list, "not a list")
								   : 0;
}

/* A list of strings, or missing. */
static int check_strings(const struct maker *m, const char *key, const json_t *list)
{
	const json_t *item;
	size_t i;

	if (check_list(m, key, list) < 0)
		return -EINVAL;
	json_array_foreach(list, i, item) {
		if (!json_is_string(item))
			return bad(m, key, NULL, "not a list of strings");
	}
	return 0;
}

static bool has_string(const json_t *list, const char *s)
{
	const json_t *item;
	size_t i;

	json_array_foreach(list, i, item) {
		if (strcmp(json_string_value(item), s) == 0)
			return true;
	}
	return false;
}

static bool has_cap(const struct seccomp_host *h, const char *cap)
{
	size_t i;

	for (i = 0; i < h->n_caps; i++)
		if (strcmp(h->caps[i], cap) == 0)
			return true;
	return false;
}

/* --- conditions --- */

/* 1 if the kernel has this version or a later one, otherwise 0. */
static int kernel_is(const struct maker *m, const json_t *version)
{
	unsigned want[2], have[2] = { 0, 0 };
	const char *s = json_string_value(version);
	int end = 0;

	if (!s || sscanf(s, "%4u.%4u%n", &want[0], &want[1], &end) != 2 || s[end])
		return bad(m, "minKernel", version, "not a version like 4.8");
	if (sscanf(m->host->kernel, "%u.%u", &have[0], &have[1]) != 2)
		return 0;
	return have[0] != want[0] ? have[0] > want[0] : have[1] >= want[1];
}

/* 1 if the conditions of the rule are met, otherwise 0. */
static int meets(const struct maker *m, const json_t *rule, const char *key, bool wanted)
{
	const json_t *c = json_object_get(rule, key), *caps = json_object_get(c, "caps"), *item;
	const json_t *arches = json_object_get(c, "arches");
	const json_t *version = json_object_get(c, "minKernel");
	size_t i;
	int r;

	if (!c || json_is_null(c))
		return 1;
	if (!json_is_object(c))
		return bad(m, key, c, "not an object");
	r = check_strings(m, "caps", caps);
	if (r == 0)
		r = check_strings(m, "arches", arches);
	if (r < 0)
		return r;
	if (json_array_size(arches) && has_string(arches, m->native) != wanted)
		return 0;
	json_array_foreach(caps, i, item) {
		if (has_cap(m->host, json_string_value(item)) != wanted)
			return 0;
	}
	if (!version || json_is_null(version) || !json_string_length(version))
		return 1;
	r = kernel_is(m, version);
	return r < 0 ? r : (r != 0) == wanted;
}

/* --- rules --- */

static int add_arg(const struct maker *m, json_t *args, const json_t *arg)
{
	const json_t *index = json_object_get(arg, "index"), *value = json_object_get(arg, "value");
	const json_t *two = json_object_get(arg, "valueTwo"), *op = json_object_get(arg, "op");

	if (!json_is_integer(index) || json_integer_value(index) < 0 ||
	    json_integer_value(index) > 5)
		return bad(m, "args.index", NULL, "not a number from 0 to 5");
	if (!json_is_integer(value) || json_integer_value(value) < 0 ||
	    (two && !json_is_null(two) && !json_is_integer(two)) || json_integer_value(two) < 0)
		return bad(m, "args.value", NULL, "not a number from 0");
	if (!is_one_of(op, operators, ARRAY_SIZE(operators)))
		return bad(m, "args.op", op, "unknown");
	return json_array_append_new(args, json_pack("{s:I, s:I, s:I, s:s}", "index",
						     json_integer_value(index), "value",
						     json_integer_value(value), "valueTwo",
						     json_integer_value(two), "op",
						     json_string_value(op))) < 0
		       ? err_nomem(m->err)
		       : 0;
}

static int check_errno(const struct maker *m, const char *key, const json_t *value)
{
	if (!value || json_is_null(value))
		return 0;
	if (!json_is_integer(value) || json_integer_value(value) < 0 ||
	    json_integer_value(value) > 4095)
		return bad(m, key, value, "not an error number");
	return 0;
}

/* Append the rule without its conditions. */
static int take_rule(const struct maker *m, const json_t *rule, json_t *list)
{
	json_t *names = json_object_get(rule, "names"), *name = json_object_get(rule, "name");
	json_t *action = json_object_get(rule, "action"), *args = json_object_get(rule, "args");
	json_t *number = json_object_get(rule, "errnoRet"), *taken, *item;
	size_t i;
	int r = check_strings(m, "names", names);

	if (r == 0)
		r = check_list(m, "args", args);
	if (r == 0)
		r = check_errno(m, "errnoRet", number);
	if (r < 0)
		return r;
	/* The old form, with one name instead of a list. */
	if (json_array_size(names) == 0 && !json_string_length(name))
		return bad(m, "names", NULL, "empty");
	if (!is_one_of(action, actions, ARRAY_SIZE(actions)))
		return bad(m, "action", action, "unknown");
	taken = json_pack("{s:o, s:O, s:[]}", "names",
			  json_array_size(names) ? json_incref(names) : json_pack("[O]", name),
			  "action", action, "args");
	if (json_array_append_new(list, taken) < 0)
		return err_nomem(m->err);
	if (json_is_integer(number) && json_object_set(taken, "errnoRet", number) < 0)
		return err_nomem(m->err);
	json_array_foreach(args, i, item) {
		r = add_arg(m, json_object_get(taken, "args"), item);
		if (r < 0)
			return r;
	}
	return 0;
}

static int take_rules(struct maker *m, const json_t *rules, json_t *list)
{
	const json_t *rule;
	size_t i;

	if (check_list(m, "syscalls", rules) < 0)
		return -EINVAL;
	if (json_array_size(rules) > RULES_MAX)
		return bad(m, "syscalls", NULL, "too many rules");
	json_array_foreach(rules, i, rule) {
		int r;

		m->rule = i + 1;
		r = meets(m, rule, "excludes", false);
		if (r > 0)
			r = meets(m, rule, "includes", true);
		if (r > 0)
			r = take_rule(m, rule, list);
		if (r < 0)
			return r;
	}
	m->rule = 0;
	return 0;
}

/* --- architectures --- */

static int take_arches(const struct maker *m, const json_t *profile, json_t *out)
{
	json_t *arches = json_object_get(profile, "architectures"), *entry;
	const json_t *map = json_object_get(profile, "archMap");
	size_t i;
	int r = check_strings(m, "architectures", arches);

	if (r == 0)
		r = check_list(m, "archMap", map);
	if (r < 0)
		return r;
	if (json_array_size(arches) && json_array_size(map))
		return bad(m, "architectures", NULL, "cannot be combined with archMap");
	if (json_array_size(arches))
		return json_object_set(out, "architectures", arches) < 0 ? err_nomem(m->err) : 0;
	json_array_foreach(map, i, entry) {
		const char *main_one = json_str(entry, "architecture");
		json_t *others = json_object_get(entry, "subArchitectures"), *all;

		if (!main_one || strcmp(main_one, m->constant) != 0)
			continue;
		r = check_strings(m, "archMap.subArchitectures", others);
		if (r < 0)
			return r;
		all = json_pack("[s]", main_one);
		if (json_is_array(others) && json_array_extend(all, others) < 0) {
			json_decref(all);
			return err_nomem(m->err);
		}
		return json_object_set_new(out, "architectures", all) < 0 ? err_nomem(m->err) : 0;
	}
	/* The runtime then uses the host's. */
	return 0;
}

/* Copy the members other than rules. */
static int take_rest(const struct maker *m, const json_t *profile, json_t *out)
{
	static const char *const also[] = { "flags", "listenerPath", "listenerMetadata" };
	json_t *action = json_object_get(profile, "defaultAction");
	json_t *number = json_object_get(profile, "defaultErrnoRet");
	size_t i;
	int r = check_errno(m, "defaultErrnoRet", number);

	if (r == 0)
		r = check_strings(m, "flags", json_object_get(profile, "flags"));
	if (r < 0)
		return r;
	if (!is_one_of(action, actions, ARRAY_SIZE(actions)))
		return bad(m, "defaultAction", action, action ? "unknown" : "missing");
	if (json_object_set(out, "defaultAction", action) < 0 ||
	    (json_is_integer(number) && json_object_set(out, "defaultErrnoRet", number) < 0))
		return err_nomem(m->err);
	for (i = 0; i < ARRAY_SIZE(also); i++) {
		json_t *value = json_object_get(profile, also[i]);

		if (value && !json_is_null(value) && json_object_set(out, also[i], value) < 0)
			return err_nomem(m->err);
	}
	return 0;
}

/* --- entry point --- */

/*
 * Docker ignores the case of keys; a key that is not recognized would drop a rule or its
 * conditions.
 */
static int fold(json_t *profile, struct err *err)
{
	static const char *const top[] = {
		"defaultAction", "defaultErrnoRet", "architectures",	"archMap", "flags",
		"listenerPath",	 "syscalls",	    "listenerMetadata", NULL
	};
	static const char *const in_map[] = { "architecture", "subArchitectures", NULL };
	static const char *const in_rule[] = { "names",	   "name",     "action",   "args",
					       "errnoRet", "includes", "excludes", NULL };
	static const char *const in_condition[] = { "caps", "arches", "minKernel", NULL };
	static const char *const in_arg[] = { "index", "value", "valueTwo", "op", NULL };
	json_t *item, *arg;
	size_t i, j;
	int r = json_fold(profile, top, err);

	for (i = 0; r == 0 && i < json_array_size(json_object_get(profile, "archMap")); i++)
		r = json_fold(json_array_get(json_object_get(profile, "archMap"), i), in_map, err);
	json_array_foreach(json_object_get(profile, "syscalls"), i, item) {
		if (r == 0)
			r = json_fold(item, in_rule, err);
		if (r == 0)
			r = json_fold(json_object_get(item, "includes"), in_condition, err);
		if (r == 0)
			r = json_fold(json_object_get(item, "excludes"), in_condition, err);
		json_array_foreach(json_object_get(item, "args"), j, arg) {
			if (r == 0)
				r = json_fold(arg, in_arg, err);
		}
	}
	return r;
}

int seccomp_make(const json_t *profile, const char *what, const struct seccomp_host *h,
		 json_t **out, struct err *err)
{
	_cleanup_json_ json_t *own = profile ? json_deep_copy(profile) : seccomp_list();
	_cleanup_json_ json_t *made = json_object(), *list = json_array();
	struct buf shown _cleanup_buf_ = BUF_INIT;
	struct maker m = { .host = h, .what = what, .native = h->arch, .constant = "", .err = err };
	size_t i;
	int r;

	if (!own || !made || !list)
		return err_nomem(err);
	for (i = 0; i < ARRAY_SIZE(known); i++)
		if (strcmp(known[i].go, h->arch) == 0) {
			m.native = known[i].native;
			m.constant = known[i].constant;
		}
	if (!json_is_object(own))
		return bad(&m, "it", NULL, "not a JSON object");
	r = fold(own, err);
	if (r < 0) {
		text_escape(&shown, what);
		return err_wrap(err, r, "seccomp profile %.300s", buf_str(&shown));
	}
	r = take_rest(&m, own, made);
	if (r == 0)
		r = take_arches(&m, own, made);
	if (r == 0)
		r = take_rules(&m, json_object_get(own, "syscalls"), list);
	if (r < 0)
		return r;
	if (json_object_set(made, "syscalls", list) < 0)
		return err_nomem(err);
	*out = TAKE_PTR(made);
	return 0;
}
