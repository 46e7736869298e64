/*
 * registry/config/hosts.h and registries.h: where a name leads with a given registries.conf.
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
#include "registry/config/hosts.h"
#include "registry/config/registries.h"
#include "store/oci/reference.h"

#define HEX64 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static const char conf_text[] =
	"unqualified-search-registries = ['quay.io']\n"
	"short-name-mode = \"enforcing\"\n"
	"credential-helpers = ['containers-auth.json']\n"
	"[aliases]\n'fedora' = 'registry.fedoraproject.org/fedora'\n"
	"[[registry]]\nprefix = 'docker.io'\nlocation = '127.0.0.1:5001/hub/'\n"
	"[[registry]]\nprefix = 'docker.io/team'\nlocation = 'team.example:5000'\n"
	"[[registry.mirror]]\nlocation = 'one.example/m'\ninsecure = true\n"
	"[[registry.mirror]]\nlocation = 'two.example'\npull-from-mirror = 'digest-only'\n"
	"[[registry.mirror]]\nlocation = 'bad.example/x'\n"
	"[[registry.mirror]]\nlocation = 'three.example'\npull-from-mirror = 'tag-only'\n"
	"[[registry]]\nlocation = 'bad.example'\nblocked = true\n"
	"[[registry]]\nprefix = 'bad.example/good'\nlocation = 'good.example/bad'\n"
	"[[registry]]\nprefix = 'hidden.example'\nlocation = 'bad.example/y'\n"
	"[[registry]]\nprefix = '*.lab.example'\ninsecure = true\n"
	"[[registry]]\nprefix = '*.moved.example'\nlocation = 'moved.to/all'\n"
	"[[registry]]\nprefix = 'safe.example'\ninsecure = false\nmirror-by-digest-only = true\n"
	"mirror = [ { location = 'm.example' } ]\n"
	"[[registry]]\nprefix = 'tag.example/a:1'\nlocation = 'tag.example/a:2'\n";

static void load(struct registries *conf)
{
	struct err err = ERR_INIT;

	if (registries_add(conf, conf_text, strlen(conf_text), "conf", &err) < 0)
		fail_msg("%s", err.msg);
}

/* As one line: host(key) path, with + plain http, ! insecure, m mirror, d only digests. */
static void show(const struct endpoints *e, struct buf *out)
{
	size_t i;

	for (i = 0; i < e->n; i++) {
		const struct endpoint *p = &e->v[i];

		IGNORE(buf_printf(out, "%s%s", i ? ", " : "", p->host));
		if (strcmp(p->host, p->key) != 0)
			IGNORE(buf_printf(out, "(%s)", p->key));
		IGNORE(buf_printf(out, " %s %s%s%s%s", p->path, p->plain_http ? "+" : "",
				  p->insecure ? "!" : "", p->mirror ? "m" : "",
				  p->by_digest_only ? "d" : ""));
		while (out->data[out->len - 1] == ' ')
			out->data[--out->len] = '\0';
	}
}

static void test_resolve(void **state)
{
	static const struct {
		const char *ref, *shown;
	} cases[] = {
		{ "app.example/a/b:1", "app.example a/b" },
		{ "localhost/a", "localhost a +" },
		{ "localhost:5000/a", "localhost:5000 a +" },
		{ "127.1.2.3:80/a", "127.1.2.3:80 a +" },
		{ "[::1]:5000/a", "[::1]:5000 a +" },
		{ "localhost.example:5000/a", "localhost.example:5000 a" },
		{ "128.0.0.1/a", "128.0.0.1 a" },
		{ "ubuntu", "127.0.0.1:5001 hub/library/ubuntu +" },
		{ "u/app:1", "127.0.0.1:5001 hub/u/app +" },
		{ "teams/app:1", "127.0.0.1:5001 hub/teams/app +" },
		{ "team/app:1",
		  "one.example m/app +!m, three.example app m, team.example:5000 app" },
		{ "team/app@sha256:" HEX64,
		  "one.example m/app +!m, two.example app md, team.example:5000 app" },
		{ "team/app:1@sha256:" HEX64,
		  "one.example m/app +!m, two.example app md, team.example:5000 app" },
		{ "bad.example/x", "registry bad.example is blocked in conf" },
		{ "bad.example:443/x", "registry bad.example is blocked in conf" },
		{ "bad.example/good/x", "good.example bad/x" },
		{ "hidden.example/x", "registry bad.example is blocked in conf" },
		{ "a.lab.example/x", "a.lab.example x +!" },
		{ "a.b.lab.example:5000/x", "a.b.lab.example:5000 x +!" },
		{ "lab.example/x", "lab.example x" },
		{ "xlab.example/x", "xlab.example x" },
		{ "a.lab.example.lab.example/x", "a.lab.example.lab.example x +!" },
		{ "evil.com/a.lab.example/x", "evil.com a.lab.example/x" },
		{ "a.moved.example/x/y", "moved.to all/x/y" },
		{ "safe.example/x", "safe.example x" },
		{ "safe.example/x@sha256:" HEX64, "m.example x md, safe.example x" },
		{ "safe.example.org/x", "safe.example.org x" },
		{ "tag.example/a:1",
		  "tag.example/a:2: registries.conf must not map a tag to a different tag" },
		{ "tag.example/a:12", "tag.example a" },
	};
	struct registries conf _cleanup_registries_ = { NULL, 0 };
	size_t i;

	(void)state;
	load(&conf);
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_reference_ struct reference ref = { 0 };
		struct endpoints e _cleanup_endpoints_ = ENDPOINTS_INIT;
		struct buf out _cleanup_buf_ = BUF_INIT;
		struct err err = ERR_INIT;

		assert_int_equal(reference_parse(cases[i].ref, &ref, NULL), 0);
		if (hosts_resolve_in(&conf, &ref, false, &e, &err) < 0)
			IGNORE(buf_puts(&out, err.msg));
		else
			show(&e, &out);
		assert_string_equal(buf_str(&out), cases[i].shown);
	}
}

static void test_hub(void **state)
{
	struct registries conf _cleanup_registries_ = { NULL, 0 };
	_cleanup_reference_ struct reference ref = { 0 };
	struct endpoints e _cleanup_endpoints_ = ENDPOINTS_INIT;

	(void)state;
	assert_int_equal(reference_parse("index.docker.io/ubuntu", &ref, NULL), 0);
	assert_int_equal(hosts_resolve_in(&conf, &ref, true, &e, NULL), 0);
	assert_int_equal(e.n, 1);
	assert_string_equal(e.v->host, "registry-1.docker.io");
	assert_string_equal(e.v->key, "docker.io");
	assert_string_equal(e.v->path, "library/ubuntu");
	assert_true(e.v->plain_http);
	assert_false(e.v->insecure);
	assert_ptr_equal(endpoints_own(&e), e.v);
}

static void test_blocked_is_eacces(void **state)
{
	struct registries conf _cleanup_registries_ = { NULL, 0 };
	_cleanup_reference_ struct reference ref = { 0 };
	struct endpoints e = ENDPOINTS_INIT;

	(void)state;
	load(&conf);
	assert_int_equal(reference_parse("bad.example/a", &ref, NULL), 0);
	assert_int_equal(hosts_resolve_in(&conf, &ref, false, &e, NULL), -EACCES);
}

/* host_case - what hosts_of and hosts_exact say with a file of that text. */
static void host_case(const char *domain, const char *followed, const char *exact)
{
	int (*const calls[])(const char *, bool, struct endpoints *,
			     struct err *) = { hosts_of, hosts_exact };
	const char *const shown[] = { followed, exact };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(calls); i++) {
		struct endpoints e _cleanup_endpoints_ = ENDPOINTS_INIT;
		struct buf out _cleanup_buf_ = BUF_INIT;
		struct err err = ERR_INIT;

		if (calls[i](domain, false, &e, &err) < 0)
			IGNORE(buf_puts(&out, err.msg));
		else
			show(&e, &out);
		assert_string_equal(buf_str(&out), shown[i]);
	}
}

static void test_hosts(void **state)
{
	char path[] = "/tmp/imagefs-test-hosts-XXXXXX", why[128];
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(write(fd, conf_text, strlen(conf_text)), (ssize_t)strlen(conf_text));
	close(fd);
	setenv("CONTAINERS_REGISTRIES_CONF", path, 1);
	setenv("CONTAINERS_REGISTRIES_CONF_DIR", "/dev/null", 1);
	snprintf(why, sizeof(why), "registry bad.example is blocked in %s", path);
	host_case("docker.io", "127.0.0.1:5001 hub +", "registry-1.docker.io(docker.io)");
	host_case("index.docker.io", "127.0.0.1:5001 hub +", "registry-1.docker.io(docker.io)");
	host_case("app.example:1", "app.example:1", "app.example:1");
	host_case("localhost:5000", "localhost:5000  +", "localhost:5000  +");
	host_case("a.lab.example", "a.lab.example  +!", "a.lab.example  +!");
	host_case("a.moved.example", "moved.to all", "a.moved.example");
	host_case("safe.example", "safe.example", "safe.example");
	host_case("bad.example", why, why);
	host_case("hidden.example", why, "hidden.example");
	host_case("a/b", "a/b: invalid registry name", "a/b: invalid registry name");
	host_case("a b", "a b: invalid registry name", "a b: invalid registry name");
	host_case("", ": invalid registry name", ": invalid registry name");
	unlink(path);
}

static void test_damaged(void **state)
{
	static const struct {
		const char *text, *why;
	} cases[] = {
		{ "[[registry]]\n", "line 1: a [[registry]] needs" },
		{ "[[registry]]\nprefix=1", "line 2: 'prefix' must be a string" },
		{ "[[registry]]\nlocation='a.b'\ninsecure='yes'",
		  "line 3: 'insecure' must be true or false" },
		{ "[[registry]]\nlocation='a.b'\nblocked=1",
		  "line 3: 'blocked' must be true or false" },
		{ "[registry]\nlocation='a.b'", "line 1: 'registry' must be a list of tables" },
		{ "registry=['a']", "line 1: 'registry' must be a list of tables" },
		{ "[[registry]]\nlocation='https://a.b'", "URI schemes are not supported" },
		{ "[[registry]]\nprefix='a.b'\nlocation='mirror/x'",
		  "line 1: 'mirror/x' is not a valid location" },
		{ "[[registry]]\nlocation='a b'", "is not a valid location" },
		{ "[[registry]]\nlocation='a.b'\n[[registry.mirror]]\n",
		  "line 3: invalid location: cannot be empty" },
		{ "[[registry]]\nlocation='a.b'\nmirror='x'", "line 3: 'mirror' must be a list" },
		{ "[[registry]]\nlocation='a.b'\n[[registry.mirror]]\nlocation='c.d'\npull-from-"
		  "mirror='x'",
		  "line 5: 'pull-from-mirror' must be" },
		{ "[[registry]]\nlocation='a.b'\nmirror-by-digest-only=true\n[[registry.mirror]]"
		  "\nlocation='c.d'\n"
		  "pull-from-mirror='all'",
		  "line 6: 'pull-from-mirror' and" },
		{ "[[registry]]\nprefix='*.a.b/c'", "wildcarded prefix should be" },
		{ "[[registry]]\nprefix='a.*.b'", "a wildcard may only stand at the beginning" },
		{ "[[registry]]\nlocation='a.b'\n[[registry]]\nprefix='c.d'\nlocation='a.b'"
		  "\nblocked=true",
		  "line 3: registry 'a.b' is defined multiple times with conflicting 'blocked'" },
		{ "[registries.search]\nregistries=['a']\n[[registry]]\nlocation='a.b'",
		  "mixing sysregistry v1/v2" },
		{ "[registries.block]\nregistries='a'", "line 2: 'registries' must be a list" },
		{ "[registries.block]\nregistries=[1]", "line 2: the name of a registry" },
	};
	struct registries conf _cleanup_registries_ = { NULL, 0 };
	size_t i, n;

	(void)state;
	load(&conf);
	n = conf.n;
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		struct err err = ERR_INIT;

		assert_int_equal(registries_add(&conf, cases[i].text, strlen(cases[i].text), "f",
						&err),
				 -EINVAL);
		if (strncmp(err.msg, "f: line ", 8) != 0 || !strstr(err.msg, cases[i].why))
			fail_msg("%s: %s", cases[i].text, err.msg);
		assert_int_equal(conf.n, n);
	}
}

static void test_replace(void **state)
{
	static const char
		one[] = "[[registry]]\nlocation='a.b'\nblocked=true\n[[registry]]\nlocation='c.d'",
		two[] = "[[registry]]\nlocation='a.b'\ninsecure=true\n",
		v1[] = "[registries.search]\nregistries=['x']\n[registries.insecure]\n"
		       "registries=['e.f','g.h/']\n[registries.block]\nregistries=['g.h']";
	struct registries conf _cleanup_registries_ = { NULL, 0 };
	const struct registry_entry *e;
	size_t match;

	(void)state;
	assert_int_equal(registries_add(&conf, one, strlen(one), "1", NULL), 0);
	assert_int_equal(registries_add(&conf, two, strlen(two), "2", NULL), 0);
	assert_int_equal(registries_add(&conf, v1, strlen(v1), "3", NULL), 0);
	assert_int_equal(conf.n, 4);
	e = registries_find(&conf, "a.b/x", &match);
	assert_non_null(e);
	assert_true(e->insecure && !e->blocked);
	assert_string_equal(e->file, "2");
	e = registries_find(&conf, "e.f/x", &match);
	assert_true(e && e->insecure && !e->blocked && match == 3);
	e = registries_find(&conf, "g.h", &match);
	assert_true(e && e->insecure && e->blocked);
	assert_null(registries_find(&conf, "x/y", &match));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_resolve),		  cmocka_unit_test(test_hub),
		cmocka_unit_test(test_blocked_is_eacces), cmocka_unit_test(test_hosts),
		cmocka_unit_test(test_damaged),		  cmocka_unit_test(test_replace),
	};

	/* Ignore the certificates of the user who runs the test. */
	setenv("HOME", "/nonexistent", 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
