/*
 * registry/http/http.h: who is told a credential, whose certificates count, and what is printed of
 * it all.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/file.h"
#include "base/log.h"
#include "base/remove_tree.h"
#include "registry/config/hosts.h"
#include "registry/http/http.h"
#include "registry/http/http_url.h"
#include "tests/unit/ask.h"
#include "tests/unit/server.h"

#define SECRET "Bearer abc.SECRET.def"

static bool greeting(struct conn *c, const char *request, void *arg)
{
	(void)request;
	(void)arg;
	return conn_answer(c, 200, "", "hello");
}

/* --- redirects --- */

/* arg: where to; the path "/307/..." says by which status. */
static bool redirecting(struct conn *c, const char *request, void *arg)
{
	const char *p = strchr(request, '/');
	int status = p ? atoi(p + 1) : 0;

	if (status < 300)
		return conn_body(c, NULL) && conn_answer(c, 200, "", "arrived");
	return conn_body(c, NULL) &&
	       conn_printf(c, "HTTP/1.1 %d Elsewhere\r\nContent-Length: 0\r\nLocation: %s\r\n\r\n",
			   status, (const char *)arg);
}

static void test_redirect_same_host(void **state)
{
	char to[] = "/x?sig=SECRET";
	struct server *s = server_start(redirecting, to, NULL);
	static const int all[] = { 301, 302, 303, 307, 308 };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		struct http_response r _cleanup_response_;
		struct err err;
		char path[20];
		struct http_request q = get("");

		snprintf(path, sizeof(path), "/%d", all[i]);
		q.url = server_url(s, path);
		q.authorization = SECRET;
		assert_int_equal(ask(&q, &r, &err), 0);
		assert_string_equal(buf_str(&r.text), "arrived");
		assert_string_equal(r.url, server_url(s, "/x?sig=SECRET"));
		http_response_fini(&r);
		q.no_redirect = true;
		assert_int_equal(ask(&q, &r, &err), 0);
		assert_int_equal(r.status, all[i]);
		assert_string_equal(r.location, server_url(s, "/x?sig=SECRET"));
	}
	assert_true(server_saw(s, "GET /x?sig=SECRET HTTP/1.1\r\n"));
	assert_true(server_saw(s, "Authorization: " SECRET));
	server_stop(s);
}

/* Another port of the same address is another server. */
static void test_redirect_elsewhere(void **state)
{
	struct server *other = server_start(redirecting, NULL, NULL);
	char to[512], with_user[512];
	struct server *s;
	struct http_request q = get("");
	struct http_response r _cleanup_response_;
	struct err err;

	(void)state;
	snprintf(to, sizeof(to), "%s", server_url(other, "/x"));
	s = server_start(redirecting, to, NULL);
	q.url = server_url(s, "/307");
	q.authorization = SECRET;
	assert_int_equal(ask(&q, &r, &err), 0);
	assert_string_equal(buf_str(&r.text), "arrived");
	assert_true(server_saw(s, "Authorization: " SECRET));
	assert_true(server_saw(other, "GET /x "));
	assert_false(server_saw(other, "SECRET"));
	assert_false(server_saw(other, "Authorization"));
	assert_false(server_saw(other, "Referer"));
	server_stop(s);

	/* Nor does a redirect bring a name and a password of its own. */
	snprintf(with_user, sizeof(with_user), "http://user:pass@127.0.0.1:%u/x",
		 server_port(other));
	s = server_start(redirecting, with_user, NULL);
	assert_int_equal(outcome_at(s, "/302"), -EPROTO);
	assert_int_equal(server_requests(other), 1);
	server_stop(s);
	server_stop(other);
}

static void test_redirect_back(void **state)
{
	char there[512], back[512];
	struct server *a, *b;
	struct http_request q = get("");
	struct http_response r _cleanup_response_;
	struct err err;

	(void)state;
	b = server_start(redirecting, back, NULL);
	snprintf(there, sizeof(there), "%s", server_url(b, "/302"));
	a = server_start(redirecting, there, NULL);
	snprintf(back, sizeof(back), "%s", server_url(a, "/x"));
	q.url = server_url(a, "/302");
	q.authorization = SECRET;
	assert_int_equal(ask(&q, &r, &err), 0);
	assert_string_equal(r.url, back);
	assert_false(server_saw(b, "Authorization"));
	server_stop(a);
	server_stop(b);
}

static void test_redirect_never(void **state)
{
	static const char *const to[] = { "file:///etc/passwd",
					  "ftp://127.0.0.1/x",
					  "gopher://127.0.0.1/x",
					  "javascript:alert(1)",
					  "http://",
					  "http://a b/",
					  "scp://127.0.0.1/x",
					  "",
					  "unix:/x" };
	struct server *s;
	size_t i;
	char loop[] = "/302";
	struct tls *tls = tls_new("127.0.0.1");
	struct server *plain = server_start(redirecting, NULL, NULL);
	struct endpoint e = { 0 };
	struct http_request q = get("");
	struct http_response r _cleanup_response_;
	struct err err;
	char url[512];

	(void)state;
	for (i = 0; i < sizeof(to) / sizeof(to[0]); i++) {
		int n;

		s = server_start(redirecting, (void *)(uintptr_t)to[i], NULL);
		n = outcome_at(s, "/302");
		/* An empty Location is none, or leads to the same again. */
		if (n != -EPROTO && !(n == 302 && !*to[i]))
			fail_msg("%s: %d", to[i], n);
		server_stop(s);
	}
	s = server_start(redirecting, loop, NULL);
	assert_int_equal(outcome_at(s, "/302"), -EPROTO);
	assert_in_range(server_requests(s), 2, 21);
	server_stop(s);

	snprintf(url, sizeof(url), "%s", server_url(plain, "/x"));
	s = server_start(redirecting, url, tls);
	e.ca_pem = tls_pem(tls);
	q.url = server_url(s, "/302");
	q.endpoint = &e;
	assert_int_equal(ask(&q, &r, &err), -EPROTO);
	assert_non_null(strstr(err.msg, "https"));
	assert_int_equal(server_requests(s), 1);
	assert_int_equal(server_requests(plain), 0);
	server_stop(s);
	server_stop(plain);
	tls_free(tls);
}

/* A body is sent again where 307 and 308 say so; to another host it is without who sends it. */
static void test_redirect_body(void **state)
{
	struct server *other = server_start(redirecting, NULL, NULL), *s;
	char to[512];
	struct http_request q = {
		.method = "PUT", .body = "0123456789", .body_length = 10, .max = 100
	};
	struct http_response r _cleanup_response_;
	struct err err;

	(void)state;
	snprintf(to, sizeof(to), "%s", server_url(other, "/x"));
	s = server_start(redirecting, to, NULL);
	q.url = server_url(s, "/307");
	q.authorization = SECRET;
	assert_int_equal(ask(&q, &r, &err), 0);
	assert_string_equal(buf_str(&r.text), "arrived");
	assert_true(server_saw(other, "PUT /x "));
	assert_true(server_saw(other, "Content-Length: 10"));
	assert_false(server_saw(other, "SECRET"));
	http_response_fini(&r);
	q.url = server_url(s, "/302");
	assert_int_equal(ask(&q, &r, &err), 0);
	assert_int_equal(r.status, 302);
	assert_int_equal(server_requests(other), 1);
	server_stop(s);
	server_stop(other);
}

/* --- certificates --- */

static bool certifying(struct conn *c, const char *request, void *arg)
{
	if (is_path(request, "/302"))
		return conn_printf(
			c, "HTTP/1.1 302 Elsewhere\r\nContent-Length: 0\r\nLocation: %s\r\n\r\n",
			(const char *)arg);
	return conn_answer(c, 200, "", conn_certified(c) ? "known" : "unknown");
}

static int tls_outcome(const char *url, struct endpoint *e, char *text, size_t size)
{
	struct http_request q = get(url);
	struct http_response r _cleanup_response_;
	struct err err;
	int n;

	q.endpoint = e;
	q.authorization = SECRET;
	n = ask(&q, &r, &err);
	if (n == 0 && text)
		snprintf(text, size, "%s", buf_str(&r.text));
	return n;
}

static void test_certificates(void **state)
{
	struct tls *tls = tls_new("127.0.0.1"), *stranger = tls_new("elsewhere.example");
	struct server *s = server_start(certifying, NULL, tls);
	struct server *wrong_name = server_start(certifying, NULL, stranger);
	struct server *plain = server_start(greeting, NULL, NULL);
	struct endpoint e = { 0 };
	char url[100];

	(void)state;
	assert_int_equal(tls_outcome(server_url(s, "/"), NULL, NULL, 0), -EKEYREJECTED);
	assert_int_equal(tls_outcome(server_url(s, "/"), &e, NULL, 0), -EKEYREJECTED);
	assert_int_equal(server_requests(s), 0);
	/* Plain http instead would be no answer to that. */
	e.plain_http = true;
	assert_int_equal(tls_outcome(server_url(s, "/"), &e, NULL, 0), -EKEYREJECTED);
	e.ca_pem = tls_pem(tls);
	assert_int_equal(tls_outcome(server_url(s, "/"), &e, NULL, 0), 0);
	e.ca_pem = tls_pem(stranger);
	assert_int_equal(tls_outcome(server_url(s, "/"), &e, NULL, 0), -EKEYREJECTED);
	assert_int_equal(tls_outcome(server_url(wrong_name, "/"), &e, NULL, 0), -EKEYREJECTED);
	assert_int_equal(server_requests(wrong_name), 0);
	e.ca_pem = NULL;
	e.insecure = true;
	assert_int_equal(tls_outcome(server_url(wrong_name, "/"), &e, NULL, 0), 0);
	snprintf(url, sizeof(url), "https://127.0.0.1:%u/", server_port(plain));
	assert_int_equal(tls_outcome(url, &e, NULL, 0), -ENOTCONN);
	server_stop(s);
	server_stop(wrong_name);
	server_stop(plain);
	tls_free(tls);
	tls_free(stranger);
}

/* What registries.conf says of one host, and its client certificate, hold for no other. */
static void test_certificates_elsewhere(void **state)
{
	struct tls *mine = tls_new("127.0.0.1"), *other = tls_new("127.0.0.1");
	char dir[] = "/tmp/imagefs-test.XXXXXX", cert[64], key[64], to[512], text[20];
	struct server *there, *here;
	struct endpoint e = { 0 };

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(cert, sizeof(cert), "%s/cert", dir);
	snprintf(key, sizeof(key), "%s/key", dir);
	tls_write(mine, cert, key);
	tls_ask(mine);
	tls_ask(other);
	there = server_start(certifying, NULL, other);
	snprintf(to, sizeof(to), "%s", server_url(there, "/"));
	here = server_start(certifying, to, mine);

	e.insecure = true;
	e.client_cert = cert;
	e.client_key = key;
	assert_int_equal(tls_outcome(server_url(here, "/"), &e, text, sizeof(text)), 0);
	assert_string_equal(text, "known");
	/* A connection that is open already is no way around. */
	assert_int_equal(tls_outcome(to, &e, NULL, 0), 0);
	assert_int_equal(tls_outcome(server_url(here, "/302"), &e, NULL, 0), -EKEYREJECTED);
	assert_int_equal(server_requests(there), 1);
	assert_int_equal(tls_outcome(server_url(here, "/"), NULL, NULL, 0), -EKEYREJECTED);
	e.insecure = false;
	e.ca_pem = tls_pem(mine);
	assert_int_equal(tls_outcome(server_url(here, "/302"), &e, NULL, 0), -EKEYREJECTED);
	assert_int_equal(server_requests(there), 1);
	unlink(cert);
	unlink(key);
	rmdir(dir);
	server_stop(here);
	server_stop(there);
	tls_free(mine);
	tls_free(other);
}

static void put_ca(const char *home, unsigned port, const char *pem)
{
	char path[200];
	FILE *f;

	snprintf(path, sizeof(path), "%s/.config/containers/certs.d/127.0.0.1:%u", home, port);
	assert_int_equal(file_mkdirs(AT_FDCWD, path, 0755), 0);
	snprintf(path, sizeof(path), "%s/.config/containers/certs.d/127.0.0.1:%u/ca.crt", home,
		 port);
	f = fopen(path, "we");
	assert_non_null(f);
	fputs(pem, f);
	fclose(f);
}

/*
 * The authority of a registry in certs.d is valid for its storage on another host too, and so is
 * certs.d of that host. In neither case is a client certificate sent there.
 */
static void test_authorities_elsewhere(void **state)
{
	struct tls *mine = tls_new("127.0.0.1"), *other = tls_new("127.0.0.1");
	char dir[] = "/tmp/imagefs-test.XXXXXX", cert[64], key[64], to[2][512], text[20];
	const char *home = getenv("HOME");
	_cleanup_free_ char *before = home ? strdup(home) : NULL;
	struct server *near, *far, *here, *there;
	struct endpoint e = { 0 };

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(cert, sizeof(cert), "%s/cert", dir);
	snprintf(key, sizeof(key), "%s/key", dir);
	tls_write(mine, cert, key);
	tls_ask(mine);
	tls_ask(other);
	near = server_start(certifying, NULL, mine);
	far = server_start(certifying, NULL, other);
	snprintf(to[0], sizeof(to[0]), "%s", server_url(near, "/"));
	snprintf(to[1], sizeof(to[1]), "%s", server_url(far, "/"));
	here = server_start(certifying, to[0], mine);
	there = server_start(certifying, to[1], mine);
	e.ca_pem = tls_pem(mine);
	e.client_cert = cert;
	e.client_key = key;
	setenv("HOME", dir, 1);

	assert_int_equal(tls_outcome(server_url(here, "/"), &e, text, sizeof(text)), 0);
	assert_string_equal(text, "known");
	assert_int_equal(tls_outcome(server_url(here, "/302"), &e, text, sizeof(text)), 0);
	assert_string_equal(text, "unknown");
	assert_false(server_saw(near, "SECRET"));

	assert_int_equal(tls_outcome(server_url(there, "/302"), &e, NULL, 0), -EKEYREJECTED);
	put_ca(dir, server_port(far), tls_pem(other));
	assert_int_equal(tls_outcome(server_url(there, "/302"), &e, text, sizeof(text)), 0);
	assert_string_equal(text, "unknown");
	assert_false(server_saw(far, "SECRET"));
	/* What is said of another port is said of another server. */
	put_ca(dir, server_port(far), tls_pem(mine));
	put_ca(dir, server_port(near), tls_pem(other));
	assert_int_equal(tls_outcome(server_url(there, "/302"), &e, NULL, 0), -EKEYREJECTED);

	if (before)
		setenv("HOME", before, 1);
	assert_int_equal(remove_tree(AT_FDCWD, dir), 0);
	server_stop(near);
	server_stop(far);
	server_stop(here);
	server_stop(there);
	tls_free(mine);
	tls_free(other);
}

/* --- through a proxy --- */

struct relay {
	struct server *to;
};

static void pass_on(int from, int to)
{
	char some[16384];
	struct pollfd p[2] = { { from, POLLIN, 0 }, { to, POLLIN, 0 } };
	ssize_t n;
	int i;

	while (poll(p, 2, -1) > 0)
		for (i = 0; i < 2; i++) {
			if (!p[i].revents)
				continue;
			n = recv(p[i].fd, some, sizeof(some), 0);
			if (n <= 0 || send(p[1 - i].fd, some, (size_t)n, MSG_NOSIGNAL) != n)
				return;
		}
}

static bool relaying(struct conn *c, const char *request, void *arg)
{
	struct relay *r = arg;
	struct sockaddr_in a = { .sin_family = AF_INET,
				 .sin_port = htons((uint16_t)server_port(r->to)) };
	_cleanup_close_ int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (strncmp(request, "CONNECT registry.test:443 ", 26) == 0 &&
	    connect(fd, (struct sockaddr *)&a, sizeof(a)) == 0 &&
	    conn_printf(
		    c,
		    "HTTP/1.1 200 Established\r\nLink: <proxy>\r\nContent-Type: of/proxy\r\n\r\n"))
		pass_on(conn_fd(c), fd);
	return false;
}

static void test_proxy(void **state)
{
	struct tls *tls = tls_new("registry.test");
	struct relay relay = { server_start(greeting, NULL, tls) };
	struct server *proxy = server_start(relaying, &relay, NULL);
	struct endpoint e = { .ca_pem = tls_pem(tls) };
	struct http_request q = get("https://registry.test/x");
	struct http_response r _cleanup_response_;
	struct err err;

	(void)state;
	setenv("https_proxy", server_url(proxy, ""), 1);
	q.endpoint = &e;
	q.authorization = SECRET;
	assert_int_equal(ask(&q, &r, &err), 0);
	unsetenv("https_proxy");
	/*
	 * The proxy's own answer is not the registry's, and what is said to the registry is not
	 * said to the proxy.
	 */
	assert_string_equal(buf_str(&r.text), "hello");
	assert_null(r.link);
	assert_null(r.content_type);
	assert_true(server_saw(proxy, "CONNECT registry.test:443 "));
	assert_false(server_saw(proxy, "SECRET"));
	assert_true(server_saw(relay.to, "Authorization: " SECRET));
	server_stop(proxy);
	server_stop(relay.to);
	tls_free(tls);
}

/* --- what is shown --- */

static void test_urls(void **state)
{
	_cleanup_free_ char *shown =
		http_url_shown("https://u:SECRET@h.example:5000/v2/a/b?sig=SECRET#SECRET");
	_cleanup_free_ char *odd = http_url_shown("https://h/\033[2J\n?x");
	_cleanup_free_ char *escaped = http_escape("a/b:c d&e=f?\"");
	size_t i;

	(void)state;
	assert_non_null(strstr(shown, "h.example:5000/v2/a/b"));
	assert_null(strstr(shown, "SECRET"));
	for (i = 0; odd[i]; i++)
		assert_true(odd[i] >= ' ' && odd[i] != 0x7f);
	assert_string_equal(escaped, "a%2Fb%3Ac%20d%26e%3Df%3F%22");
	assert_true(http_same_origin("https://a/x", "https://A:443/y"));
	assert_false(http_same_origin("https://a/x", "http://a:443/x"));
	assert_false(http_same_origin("https://a/x", "https://a:444/x"));
	assert_false(http_same_origin("https://a/x", "https://a.b/x"));
	assert_false(http_same_origin("https://a/x", "https://a@b/x"));
	assert_false(http_same_origin("nothing", "nothing"));
	assert_int_equal(outcome("ftp://127.0.0.1/"), -EINVAL);
	assert_int_equal(outcome("http://u:p@127.0.0.1/"), -EINVAL);
	assert_int_equal(outcome(""), -EINVAL);
}

/* What --debug prints of requests with a secret in each place. */
static void test_debug(void **state)
{
	char to[] = "/x?X-Amz-Signature=SECRET";
	struct server *s = server_start(redirecting, to, NULL);
	struct http_request q = get(server_url(s, "/302/v2?token=SECRET"));
	struct http_response r _cleanup_response_;
	struct err err;
	_cleanup_fclose_ FILE *f = tmpfile();
	int was = dup(STDERR_FILENO);
	char text[4096] = "";

	(void)state;
	q.authorization = SECRET;
	fflush(stderr);
	dup2(fileno(f), STDERR_FILENO);
	log_init("t", LOG_LEVEL_DEBUG, false);
	assert_int_equal(ask(&q, &r, &err), 0);
	log_init("t", LOG_LEVEL_WARN, false);
	fflush(stderr);
	dup2(was, STDERR_FILENO);
	close(was);
	rewind(f);
	assert_true(fread(text, 1, sizeof(text) - 1, f) > 0);
	assert_non_null(strstr(text, "GET http://127.0.0.1:"));
	assert_non_null(strstr(text, "302"));
	assert_non_null(strstr(text, "200"));
	assert_null(strstr(text, "SECRET"));
	server_stop(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_redirect_same_host),
		cmocka_unit_test(test_redirect_elsewhere),
		cmocka_unit_test(test_redirect_back),
		cmocka_unit_test(test_redirect_never),
		cmocka_unit_test(test_redirect_body),
		cmocka_unit_test(test_certificates),
		cmocka_unit_test(test_certificates_elsewhere),
		cmocka_unit_test(test_authorities_elsewhere),
		cmocka_unit_test(test_proxy),
		cmocka_unit_test(test_urls),
		cmocka_unit_test(test_debug),
	};

	return cmocka_run_group_tests(tests, http_start, http_end);
}
