/*
 * registry/auth/auth.h and what it is made of: challenges, realms, tokens, and that of many who
 * miss a token one fetches it. A token server of a few lines runs in a thread.
 */
#include "config.h"

#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/base64.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "registry/auth/auth.h"
#include "registry/auth/challenge.h"
#include "registry/auth/cred.h"
#include "registry/auth/realm.h"
#include "registry/auth/token.h"
#include "registry/config/hosts.h"
#include "registry/http/http.h"

/* --- base64 ---------------------------------------------------------------------- */

static void test_base64(void **state)
{
	static const char *const pairs[][2] = {
		{ "", "" },
		{ "f", "Zg==" },
		{ "fo", "Zm8=" },
		{ "foo", "Zm9v" },
		{ "foob", "Zm9vYg==" },
		{ "fooba", "Zm9vYmE=" },
		{ "\xff\xfe", "//4=" },
	};
	static const char *const wrong[] = { "A",     "A===",	"Zg=",	"Zm9v=",
					     "Z g==", "Zg==\n", "====", "Zm-v" };
	char *text;
	size_t i, n;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(pairs); i++) {
		text = base64_encode(pairs[i][0], strlen(pairs[i][0]));
		assert_string_equal(text, pairs[i][1]);
		free(text);
		assert_int_equal(base64_decode(pairs[i][1], strlen(pairs[i][1]), &text, &n), 0);
		assert_int_equal(n, strlen(pairs[i][0]));
		assert_string_equal(text, pairs[i][0]);
		free(text);
	}
	assert_int_equal(base64_decode("Zm8", 3, &text, &n), 0);
	assert_string_equal(text, "fo");
	free(text);
	for (i = 0; i < ARRAY_SIZE(wrong); i++)
		assert_int_equal(base64_decode(wrong[i], strlen(wrong[i]), &text, &n), -EINVAL);
}

/* --- challenges ------------------------------------------------------------------ */

static const char *or_none(const char *s)
{
	return s ? s : "-";
}

static void test_challenges(void **state)
{
	static const struct {
		const char *text, *shown;
	} cases[] = {
		{ "", "" },
		{ " , ,", "" },
		{ "Basic realm=\"a b\"", "basic[a b,-,-,-]" },
		{ "BEARER Realm=\"https://x/y?z\",SERVICE=\"s\",scope=\"repository:a:pull,push b\"",
		  "bearer[https://x/y?z,s,repository:a:pull,push b,-]" },
		{ "Bearer realm=\"r\", service=s , error=\"invalid_token\" ,x=\"y\"",
		  "bearer[r,s,-,invalid_token]" },
		{ "Basic realm=\"a\", Bearer realm=\"b\",service=\"c\"",
		  "basic[a,-,-,-]bearer[b,c,-,-]" },
		{ "Negotiate, Basic realm=\"a\"", "negotiate[-,-,-,-]basic[a,-,-,-]" },
		{ "Negotiate YWJj==, Basic realm=\"a\"", "negotiate[-,-,-,-]basic[a,-,-,-]" },
		{ "Bearer realm = \"a\" , service\t=\tb", "bearer[a,b,-,-]" },
		{ "Bearer realm=\"a\\\"b\\\\c\"", "bearer[a\"b\\c,-,-,-]" },
		{ "Bearer realm=\"a\",realm=\"b\"", "bearer[a,-,-,-]" },
		{ "Bearer realm=https://x:1/t,service=y", "bearer[https://x:1/t,y,-,-]" },
		{ "Bearer realm=\"a, Basic realm=\"b\"", "" },
		{ "Bearer realm=\"a", "" },
		{ "Bearer realm=\"a\\", "" },
		{ "Bearer realm=\"a\nb\"", "" },
		{ "Bearer realm=\"a\",scope=b\033[31m", "" },
		{ "Bearer realm=\"a\",scope=b\177", "" },
		{ "Basic realm=\"a\",Bearer realm=b\001,service=\"c\"", "basic[a,-,-,-]" },
		{ "Bearer realm=", "bearer[-,-,-,-]" },
		{ "Basic realm=\"a\", Bearer realm=\"b\"x", "basic[a,-,-,-]" },
		{ "\"", "" },
		{ "=", "" },
	};
	size_t i, k;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		struct challenges all _cleanup_challenges_ = { .n = 0 };
		struct buf shown _cleanup_buf_ = BUF_INIT;

		assert_int_equal(challenges_add(&all, cases[i].text, NULL), 0);
		for (k = 0; k < all.n; k++)
			IGNORE(buf_printf(&shown, "%s[%s,%s,%s,%s]", all.v[k].scheme,
					  or_none(all.v[k].realm), or_none(all.v[k].service),
					  or_none(all.v[k].scope), or_none(all.v[k].error)));
		assert_string_equal(buf_str(&shown), cases[i].shown);
	}
}

static void test_challenges_bounds(void **state)
{
	struct challenges all _cleanup_challenges_ = { .n = 0 };
	struct err err = ERR_INIT;
	char *text = malloc(CHALLENGE_MAX_TEXT + 2);
	int i;

	(void)state;
	memset(text, 'x', CHALLENGE_MAX_TEXT + 1);
	text[CHALLENGE_MAX_TEXT + 1] = '\0';
	assert_int_equal(challenges_add(&all, text, &err), -EPROTO);
	free(text);
	for (i = 0; i < CHALLENGE_MAX; i++)
		assert_int_equal(challenges_add(&all, "Basic realm=x", &err), 0);
	assert_int_equal(challenges_add(&all, "Basic realm=x", &err), -EPROTO);
	assert_non_null(challenges_find(&all, "basic"));
	assert_null(challenges_find(&all, "bearer"));
}

/* --- realms ---------------------------------------------------------------------- */

static void test_realms(void **state)
{
	static const struct {
		const char *base, *realm, *host; /* host NULL: refused */
		bool secrets, insecure_secrets;
	} cases[] = {
		{ "https://r.x", "https://auth.x/token", "auth.x", true, true },
		{ "https://r.x", "https://auth.x:444/token?a=b", "auth.x:444", true, true },
		{ "https://r.x", "http://auth.x/token", NULL, false, false },
		{ "https://r.x", "http://r.x/token", NULL, false, false },
		{ "https://r.x", "https://10.1.2.3/token", NULL, false, false },
		{ "https://r.x", "https://127.1/token", NULL, false, false },
		{ "https://r.x", "https://0x7f000001/token", NULL, false, false },
		{ "https://r.x", "https://2130706433/token", NULL, false, false },
		{ "https://r.x", "https://169.254.169.254/token", NULL, false, false },
		{ "https://r.x", "https://192.168.0.1/token", NULL, false, false },
		{ "https://r.x", "https://172.31.0.1/token", NULL, false, false },
		{ "https://r.x", "https://172.32.0.1/token", "172.32.0.1", true, true },
		{ "https://r.x", "https://localhost/token", NULL, false, false },
		{ "https://r.x", "https://LOCALHOST./token", NULL, false, false },
		{ "https://r.x", "https://a.localhost/token", NULL, false, false },
		{ "https://r.x", "https://[::1]/token", NULL, false, false },
		{ "https://r.x", "https://[::ffff:10.0.0.1]/token", NULL, false, false },
		{ "https://r.x", "https://[fe80::1]/token", NULL, false, false },
		{ "https://r.x", "https://[fd00::1]/token", NULL, false, false },
		{ "https://r.x", "https://[64:ff9b::7f00:1]/token", NULL, false, false },
		{ "https://r.x", "https://[2001:db8::1]/token", "[2001:db8::1]", true, true },
		{ "https://10.0.0.1", "https://10.0.0.2/token", "10.0.0.2", true, true },
		{ "https://r.x", "https://u:p@auth.x/token", NULL, false, false },
		{ "https://r.x", "https://auth.x/token#x", NULL, false, false },
		{ "https://r.x", "https://auth.x/to ken", NULL, false, false },
		{ "https://r.x", "https://auth.x/\ntoken", NULL, false, false },
		{ "https://r.x", "file:///etc/passwd", NULL, false, false },
		{ "https://r.x", "gopher://auth.x/", NULL, false, false },
		{ "https://r.x", "/token", NULL, false, false },
		{ "https://r.x", "", NULL, false, false },
		{ "http://127.0.0.1:5000", "http://127.0.0.1:5001/t", "127.0.0.1:5001", true,
		  true },
		{ "http://localhost:5000", "http://localhost:5000/t", "localhost:5000", true,
		  true },
		{ "http://127.0.0.1:5000", "http://127.0.0.2:5001/t", NULL, false, false },
		{ "http://127.0.0.1:5000", "http://auth.x/t", NULL, false, false },
		{ "http://127.0.0.1:5000", "https://auth.x/t", "auth.x", true, true },
		{ "http://r.x:5000", "http://r.x:5001/t", "r.x:5001", false, true },
		{ "http://r.x:5000", "http://auth.x/t", NULL, false, false },
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		struct realm r _cleanup_realm_ = { 0 };
		struct err err = ERR_INIT;
		int got = realm_check(cases[i].realm, cases[i].base, &r, &err);

		if (!cases[i].host) {
			if (got != -EPROTO)
				fail_msg("%s of %s: %d", cases[i].realm, cases[i].base, got);
			assert_null(strstr(err.msg, "u:p"));
			continue;
		}
		if (got != 0)
			fail_msg("%s of %s: %s", cases[i].realm, cases[i].base, err.msg);
		assert_string_equal(r.host, cases[i].host);
		assert_int_equal(realm_takes_secrets(&r, false), cases[i].secrets);
		assert_int_equal(realm_takes_secrets(&r, true), cases[i].insecure_secrets);
	}
}

/* --- tokens ---------------------------------------------------------------------- */

static void test_token_read(void **state)
{
	static const struct {
		const char *text, *token; /* NULL: refused */
		int64_t lives;
	} cases[] = {
		{ "{\"token\":\"a.b-c_d=\"}", "a.b-c_d=", 60 },
		{ "{\"access_token\":\"a\",\"expires_in\":300}", "a", 300 },
		{ "{\"token\":\"\",\"access_token\":\"a\",\"expires_in\":0}", "a", 60 },
		{ "{\"token\":\"a\",\"access_token\":\"b\",\"expires_in\":-1}", "a", 60 },
		{ "{\"token\":\"a\",\"expires_in\":9e18}", "a", 366 * 86400 },
		{ "{\"token\":\"a\",\"expires_in\":\"300\"}", "a", 60 },
		{ "{\"token\":\"a\\nX: y\"}", NULL, 0 },
		{ "{\"token\":\"a b\"}", NULL, 0 },
		{ "{\"token\":\"\\u00e9\"}", NULL, 0 },
		{ "{\"token\":\"a\",\"refresh_token\":\"b\\r\"}", NULL, 0 },
		{ "{\"token\":17}", NULL, 0 },
		{ "{\"token\":\"a\"} x", NULL, 0 },
		{ "[\"token\"]", NULL, 0 },
		{ "<html>", NULL, 0 },
		{ "", NULL, 0 },
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		struct token t _cleanup_token_ = { 0 };
		struct err err = ERR_INIT;
		int r = token_read(cases[i].text, strlen(cases[i].text), &t, &err);

		assert_int_equal(r, cases[i].token ? 0 : -EPROTO);
		if (r < 0)
			continue;
		assert_string_equal(t.text, cases[i].token);
		assert_int_equal(t.lives, cases[i].lives);
	}
}

/* --- a token server -------------------------------------------------------------- */

static struct server {
	int fd, port;
	pthread_t thread;
	atomic_int asked, pause_ms, refuse;
} server;

static void serve(int fd)
{
	char request[8192], body[256], answer[512];
	size_t n = 0;
	ssize_t got;
	int number;

	do {
		got = read(fd, request + n, sizeof(request) - 1 - n);
		n += got > 0 ? (size_t)got : 0;
		request[n] = '\0';
	} while (got > 0 && !strstr(request, "\r\n\r\n"));
	if (got <= 0)
		return;
	number = ++server.asked;
	usleep((useconds_t)server.pause_ms * 1000);
	if (server.refuse)
		snprintf(body, sizeof(body), "{\"details\":\"no pass-word for you\"}");
	else
		snprintf(body, sizeof(body), "{\"token\":\"t%d\",\"expires_in\":300}", number);
	snprintf(answer, sizeof(answer),
		 "HTTP/1.1 %s\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n%s",
		 server.refuse ? "401 Unauthorized" : "200 OK", strlen(body), body);
	got = write(fd, answer, strlen(answer));
}

static void *server_main(void *arg)
{
	int fd;

	(void)arg;
	while ((fd = accept(server.fd, NULL, NULL)) >= 0) {
		serve(fd);
		close(fd);
	}
	return NULL;
}

static int start_server(void **state)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(a);
	char home[] = "/tmp/imagefs-test-auth.XXXXXX";

	(void)state;
	if (!mkdtemp(home))
		return -1;
	setenv("HOME", home, 1);
	rmdir(home);
	unsetenv("DOCKER_CONFIG");
	unsetenv("REGISTRY_AUTH_FILE");
	setenv("XDG_RUNTIME_DIR", home, 1);
	setenv("CONTAINERS_REGISTRIES_CONF", "/dev/null", 1);
	server.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(server.fd, (struct sockaddr *)&a, sizeof(a)) < 0 || listen(server.fd, 64) < 0 ||
	    getsockname(server.fd, (struct sockaddr *)&a, &len) < 0)
		return -1;
	server.port = ntohs(a.sin_port);
	return pthread_create(&server.thread, NULL, server_main, NULL);
}

static int stop_server(void **state)
{
	(void)state;
	shutdown(server.fd, SHUT_RDWR);
	pthread_join(server.thread, NULL);
	close(server.fd);
	return 0;
}

/* One registry, as everybody here asks it. */
static struct one {
	struct http *http;
	struct auth *auth;
	struct endpoint e;
	char challenge[256];
	const char *challenges[2];
} one;

static void open_one(const char *error)
{
	one.e = (struct endpoint){ .host = (char *)"127.0.0.1:5000",
				   .key = (char *)"127.0.0.1:5000",
				   .path = (char *)"app",
				   .plain_http = true };
	snprintf(one.challenge, sizeof(one.challenge),
		 "Bearer realm=\"http://127.0.0.1:%d/token\",service=\"s\"%s", server.port, error);
	one.challenges[0] = one.challenge;
	assert_int_equal(http_new(NULL, &one.http, NULL), 0);
	assert_int_equal(auth_new(one.http, &one.auth, NULL), 0);
	server.asked = 0;
	server.refuse = 0;
	server.pause_ms = 0;
}

static void close_one(void)
{
	auth_free(one.auth);
	http_free(one.http);
}

static int challenged(const char *scope, const char *rejected, struct err *err)
{
	return auth_challenged(one.auth, &one.e, "http://127.0.0.1:5000", scope, one.challenges,
			       rejected, err);
}

static void expect_header(const char *scope, const char *value)
{
	char *header = NULL;

	assert_int_equal(auth_header(one.auth, &one.e, scope, &header, NULL), 0);
	if (value)
		assert_string_equal(header, value);
	else
		assert_null(header);
	wipe_string(header);
}

#define SCOPE "repository:app:pull"

static void test_refresh(void **state)
{
	struct err err = ERR_INIT;

	(void)state;
	open_one("");
	expect_header(SCOPE, NULL);
	assert_int_equal(challenged(SCOPE, NULL, &err), 0);
	expect_header(SCOPE, "Bearer t1");
	/* What is there already is not fetched, also when an older one was refused. */
	assert_int_equal(challenged(SCOPE, NULL, &err), 0);
	assert_int_equal(challenged(SCOPE, "Bearer t0", &err), 0);
	assert_int_equal(server.asked, 1);
	/* The one that is there was refused: one more. */
	assert_int_equal(challenged(SCOPE, "Bearer t1", &err), 0);
	expect_header(SCOPE, "Bearer t2");
	assert_int_equal(challenged(SCOPE, "Bearer t1", &err), 0);
	assert_int_equal(server.asked, 2);
	/* Another scope has a token of its own. */
	expect_header("repository:other:pull", NULL);
	assert_int_equal(challenged("repository:other:pull", NULL, &err), 0);
	expect_header("repository:other:pull", "Bearer t3");
	expect_header(SCOPE, "Bearer t2");
	close_one();
}

static void test_insufficient_scope(void **state)
{
	struct err err = ERR_INIT;

	(void)state;
	open_one(",scope=\"" SCOPE "\",error=\"insufficient_scope\"");
	assert_int_equal(challenged(SCOPE, NULL, &err), 0);
	assert_int_equal(challenged(SCOPE, "Bearer t1", &err), -EACCES);
	assert_string_equal(err.msg, "denied: requested access to the resource is denied");
	assert_int_equal(server.asked, 1);
	close_one();
}

/* Basic where nothing is known; what is no challenge at all. */
static void test_unauthorized(void **state)
{
	struct err err = ERR_INIT;

	(void)state;
	open_one("");
	snprintf(one.challenge, sizeof(one.challenge), "Basic realm=\"x\"");
	assert_int_equal(challenged(SCOPE, NULL, &err), -EACCES);
	assert_string_equal(err.msg, "unauthorized: authentication required");
	snprintf(one.challenge, sizeof(one.challenge), "Digest realm=x");
	assert_int_equal(challenged(SCOPE, NULL, &err), -EACCES);
	one.challenges[0] = NULL;
	assert_int_equal(challenged(SCOPE, NULL, &err), -EACCES);
	close_one();
}

/* What a token server says of wrong credentials is told, unless there is a secret in it. */
static void test_refusal(void **state)
{
	struct cred good = { .user = (char *)"anna", .password = (char *)"secret" };
	struct cred echoed = { .user = (char *)"anna", .password = (char *)"pass-word" };
	struct err err = ERR_INIT;

	(void)state;
	open_one("");
	server.refuse = 1;
	assert_int_equal(auth_use(one.auth, &good, NULL), 0);
	assert_int_equal(challenged(SCOPE, NULL, &err), -EACCES);
	assert_string_equal(err.msg, "unauthorized: no pass-word for you");
	close_one();
	open_one("");
	server.refuse = 1;
	assert_int_equal(auth_use(one.auth, &echoed, NULL), 0);
	assert_int_equal(challenged(SCOPE, NULL, &err), -EACCES);
	assert_string_equal(err.msg, "unauthorized: incorrect username or password");
	close_one();
}

#define THREADS 8

static void *ask(void *arg)
{
	struct err err = ERR_INIT;

	return (void *)(intptr_t)challenged(SCOPE, arg, &err);
}

static void ask_at_once(const char *rejected, int expected)
{
	pthread_t threads[THREADS];
	void *r;
	int i;

	for (i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, ask, (void *)rejected), 0);
	for (i = 0; i < THREADS; i++) {
		pthread_join(threads[i], &r);
		assert_int_equal((int)(intptr_t)r, expected);
	}
}

static void test_one_fetch(void **state)
{
	(void)state;
	open_one("");
	server.pause_ms = 300;
	ask_at_once(NULL, 0);
	assert_int_equal(server.asked, 1);
	ask_at_once("Bearer t1", 0);
	assert_int_equal(server.asked, 2);
	expect_header(SCOPE, "Bearer t2");
	close_one();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_base64),
		cmocka_unit_test(test_challenges),
		cmocka_unit_test(test_challenges_bounds),
		cmocka_unit_test(test_realms),
		cmocka_unit_test(test_token_read),
		cmocka_unit_test(test_refresh),
		cmocka_unit_test(test_insufficient_scope),
		cmocka_unit_test(test_unauthorized),
		cmocka_unit_test(test_refusal),
		cmocka_unit_test(test_one_fetch),
	};

	return cmocka_run_group_tests(tests, start_server, stop_server);
}
