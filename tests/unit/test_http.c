/*
 * registry/http/http.h against servers that do what they should not: what ends a transfer, and how
 * much is taken in before it ends.
 */
#include "config.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "registry/http/http.h"
#include "tests/unit/ask.h"
#include "tests/unit/server.h"

#define SECRET "Bearer abc.SECRET.def"
#define BLOB (8u << 20)
#define MIB (1u << 20)

/* A byte of a blob by its place. */
static unsigned char byte_at(uint64_t i)
{
	return (unsigned char)((i * 2654435761u) >> 11);
}

static void fill(unsigned char *p, uint64_t from, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		p[i] = byte_at(from + i);
}

/* A sink that checks what it takes. */
struct taken {
	uint64_t n;
	bool wrong;
	uint64_t fail_at; /* 0: never */
	unsigned rest_ms; /* after the first part */
	long status;
};

static void rest(unsigned ms)
{
	poll(NULL, 0, (int)ms);
}

static int note_head(void *arg, const struct http_response *r, struct err *err)
{
	struct taken *t = arg;

	(void)err;
	t->status = r->status;
	return 0;
}

static int check(void *arg, const void *data, size_t len, struct err *err)
{
	struct taken *t = arg;
	const unsigned char *p = data;
	size_t i;

	for (i = 0; i < len; i++)
		if (p[i] != byte_at(t->n + i))
			t->wrong = true;
	t->n += len;
	if (t->rest_ms && t->n == len)
		rest(t->rest_ms);
	if (t->fail_at && t->n >= t->fail_at)
		return err_set(err, EDOM, "the sink has enough");
	return 0;
}

static struct http_request into(struct taken *t, const char *url)
{
	struct http_request q = get(url);

	q.head = note_head;
	q.sink = check;
	q.arg = t;
	return q;
}

static bool send_blob(struct conn *c, uint64_t len)
{
	static __thread unsigned char some[65536];
	uint64_t at = 0;

	while (at < len) {
		size_t n = len - at < sizeof(some) ? (size_t)(len - at) : sizeof(some);

		fill(some, at, n);
		if (!conn_write(c, some, n))
			return false;
		at += n;
	}
	return true;
}

static bool ordinary(struct conn *c, const char *request, void *arg)
{
	(void)arg;
	if (is_path(request, "/blob"))
		return conn_printf(c, "HTTP/1.1 200 OK\r\nContent-Length: %u\r\n\r\n", BLOB) &&
		       send_blob(c, BLOB);
	if (is_path(request, "/head"))
		return conn_printf(c, "HTTP/1.1 200 OK\r\nContent-Length: 77\r\n\r\n");
	if (is_path(request, "/fields"))
		return conn_answer(
			c, 401,
			"Content-Type: Application/JSON; charset=utf-8\r\n"
			"docker-content-digest:  sha256:12 \r\nLink: </v2/x>; rel=\"next\"\r\n"
			"WWW-Authenticate: Bearer realm=\"a\"\r\nWWW-Authenticate: Basic\r\n"
			"Location: ../up?a=1#part\r\nRange: 0-99\r\nRetry-After: 7\r\n"
			"OCI-Chunk-Min-Length: 10\r\n",
			"{}");
	if (is_path(request, "/early"))
		return conn_printf(c, "HTTP/1.1 103 Early Hints\r\nLink: </early>\r\n\r\n") &&
		       conn_answer(c, 200, "", "after hints");
	if (is_path(request, "/none"))
		return conn_printf(c, "HTTP/1.1 204 No Content\r\n\r\n");
	return conn_answer(c, 200, "Set-Cookie: id=SECRET\r\n", "hello");
}

static void test_answers(void **state)
{
	struct server *s = server_start(ordinary, NULL, NULL);
	struct http_request q = get(server_url(s, "/x"));
	struct http_response r;
	struct err err;

	(void)state;
	assert_int_equal(ask(&q, &r, &err), 0);
	assert_int_equal(r.status, 200);
	assert_string_equal(buf_str(&r.text), "hello");
	assert_string_equal(r.url, server_url(s, "/x"));
	assert_int_equal(r.content_length, 5);
	http_response_fini(&r);

	q.url = server_url(s, "/a/fields");
	q.url = server_url(s, "/fields");
	assert_int_equal(ask(&q, &r, &err), 0);
	assert_int_equal(r.status, 401);
	assert_string_equal(r.content_type, "application/json");
	assert_string_equal(r.digest, "sha256:12");
	assert_string_equal(r.link, "</v2/x>; rel=\"next\"");
	assert_string_equal(r.range, "0-99");
	assert_string_equal(r.chunk_min, "10");
	assert_string_equal(r.location, server_url(s, "/up?a=1"));
	assert_int_equal(r.n_challenges, 2);
	assert_string_equal(r.challenges[1], "Basic");
	assert_int_equal(r.retry_after, 7);
	http_response_fini(&r);

	q.url = server_url(s, "/early");
	assert_int_equal(ask(&q, &r, &err), 0);
	assert_string_equal(buf_str(&r.text), "after hints");
	assert_null(r.link);
	http_response_fini(&r);

	q.url = server_url(s, "/none");
	assert_int_equal(ask(&q, &r, &err), 0);
	assert_int_equal(r.status, 204);
	http_response_fini(&r);

	q.url = server_url(s, "/head");
	q.method = "HEAD";
	assert_int_equal(ask(&q, &r, &err), 0);
	assert_int_equal(r.content_length, 77);
	assert_int_equal(r.text.len, 0);
	http_response_fini(&r);

	/* What is compressed is wanted as it is, and no cookie is kept. */
	assert_true(server_saw(s, "Accept-Encoding: identity\r\n"));
	assert_false(server_saw(s, "Cookie"));
	assert_true(server_saw(s, "User-Agent: imagefs/"));
	server_stop(s);
}

static void test_sink(void **state)
{
	struct server *s = server_start(ordinary, NULL, NULL);
	struct taken t = { 0 };
	struct http_request q = into(&t, server_url(s, "/blob"));
	struct http_response r;
	struct err err;

	(void)state;
	assert_int_equal(ask(&q, &r, &err), 0);
	assert_int_equal(t.n, BLOB);
	assert_int_equal(t.status, 200);
	assert_false(t.wrong);
	assert_int_equal(r.text.len, 0);
	http_response_fini(&r);

	/* What a server says instead of the blob is no part of it. */
	t = (struct taken){ 0 };
	q.url = server_url(s, "/fields");
	assert_int_equal(ask(&q, &r, &err), 0);
	assert_int_equal(t.n, 0);
	assert_string_equal(buf_str(&r.text), "{}");
	http_response_fini(&r);

	t = (struct taken){ .fail_at = MIB };
	q.url = server_url(s, "/blob");
	assert_int_equal(ask(&q, &r, &err), -EDOM);
	assert_string_equal(err.msg, "the sink has enough");
	assert_true(t.n >= MIB && t.n < BLOB);
	http_response_fini(&r);
	server_stop(s);
}

/* One that takes its time is not a server that stalls. */
static void test_slow_sink(void **state)
{
	struct server *s = server_start(ordinary, NULL, NULL);
	struct taken t = { .rest_ms = 2500 };
	struct http_request q = into(&t, server_url(s, "/blob"));
	struct http_response r _cleanup_response_;
	struct err err;

	(void)state;
	assert_int_equal(ask(&q, &r, &err), 0);
	assert_int_equal(t.n, BLOB);
	assert_false(t.wrong);
	server_stop(s);
}

/* --- answers that are none --- */

static bool broken(struct conn *c, const char *request, void *arg)
{
	static __thread char line[70000];
	unsigned i;

	(void)arg;
	memset(line, 'a', sizeof(line) - 1);
	if (is_path(request, "/garbage"))
		conn_printf(c, "SSH-2.0-OpenSSH_9.2\r\n\r\nand more\r\n");
	else if (is_path(request, "/http09"))
		conn_printf(c, "<html>hello</html>\n");
	else if (is_path(request, "/nothing"))
		;
	else if (is_path(request, "/status"))
		conn_printf(c, "HTTP/1.1 20000 OK\r\nContent-Length: 0\r\n\r\n");
	else if (is_path(request, "/zero"))
		conn_write(c, "HTTP/1.1 200 OK\r\nX: a\0b\r\nContent-Length: 0\r\n\r\n", 46);
	else if (is_path(request, "/negative"))
		conn_printf(c, "HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nhello");
	else if (is_path(request, "/twice"))
		conn_printf(
			c,
			"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello");
	else if (is_path(request, "/huge"))
		conn_printf(
			c,
			"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999999\r\n\r\nhello");
	else if (is_path(request, "/line"))
		for (i = 0; i < 200 && conn_printf(c, i ? "%s" : "HTTP/1.1 200 OK\r\nX: %s", line);
		     i++)
			;
	else if (is_path(request, "/headers"))
		for (i = 0; i < 100000 && conn_printf(c,
						      i ? "X-%u: %.1000s\r\n"
							: "HTTP/1.1 200 OK\r\nX-%u: %.1000s\r\n",
						      i, line);
		     i++)
			;
	else if (is_path(request, "/hints"))
		for (i = 0;
		     i < 1000000 && conn_printf(c, "HTTP/1.1 103 Early Hints\r\nX: %u\r\n\r\n", i);
		     i++)
			;
	else if (is_path(request, "/half"))
		conn_printf(c, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhello");
	else if (is_path(request, "/chunk"))
		conn_printf(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n64\r\nhello");
	else if (is_path(request, "/nochunk"))
		conn_printf(c,
			    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
	else if (is_path(request, "/badchunk"))
		conn_printf(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: "
			       "chunked\r\n\r\nzz\r\nhello\r\n0\r\n\r\n");
	else if (is_path(request, "/halfheader"))
		conn_printf(c, "HTTP/1.1 200 OK\r\nContent-Le");
	else if (is_path(request, "/reset")) {
		conn_printf(c, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhello");
		conn_reset(c);
	}
	return false;
}

static void test_broken(void **state)
{
	static const struct {
		const char *path;
		int want, or ;
	} cases[] = {
		{ "/garbage", -EPROTO, 0 },
		{ "/http09", -EPROTO, 0 },
		{ "/nothing", -ECONNRESET, 0 },
		{ "/status", -EPROTO, 0 },
		{ "/zero", -EPROTO, 0 },
		{ "/negative", -EPROTO, 0 },
		{ "/twice", -EPROTO, -ECONNRESET },
		{ "/huge", 200, -EFBIG },
		{ "/line", -EFBIG, 0 },
		{ "/headers", -EFBIG, 0 },
		{ "/hints", -EFBIG, 0 },
		{ "/half", -ECONNRESET, 0 },
		{ "/chunk", -ECONNRESET, 0 },
		{ "/nochunk", -ECONNRESET, 0 },
		{ "/badchunk", -EPROTO, -ECONNRESET },
		{ "/halfheader", -ECONNRESET, 0 },
		{ "/reset", -ECONNRESET, 0 },
	};
	struct server *s = server_start(broken, NULL, NULL);
	bool wrong = false;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int n = outcome_at(s, cases[i].path);

		if (n != cases[i].want && (!cases[i].or || n != cases[i].or)) {
			print_error("%s: %d (%s), not %d\n", cases[i].path, n,
				    n < 0 ? strerror(-n) : "", cases[i].want);
			wrong = true;
		}
	}
	assert_false(wrong);
	server_stop(s);
	/* Connection errors are transient, protocol errors are not. */
	assert_true(http_transient(-ECONNRESET));
	assert_true(http_transient(-ETIMEDOUT));
	assert_false(http_transient(-EPROTO));
	assert_false(http_transient(-EFBIG));
	assert_false(http_transient(-EKEYREJECTED));
	assert_false(http_transient(-ECANCELED));
}

static void test_refused(void **state)
{
	struct server *s = server_start(ordinary, NULL, NULL);
	char url[512];

	(void)state;
	snprintf(url, sizeof(url), "%s", server_url(s, "/"));
	server_stop(s);
	assert_int_equal(outcome(url), -ECONNREFUSED);
}

/* --- too much --- */

static bool endless(struct conn *c, const char *request, void *arg)
{
	static char some[65536];

	(void)arg;
	if (is_path(request, "/said")) {
		conn_printf(c, "HTTP/1.1 200 OK\r\nContent-Length: 4000000000000\r\n\r\n");
	} else {
		conn_printf(c, "HTTP/1.1 %d OK\r\nContent-Type: text/html\r\n\r\n",
			    is_path(request, "/500") ? 500 : 200);
	}
	while (conn_write(c, some, sizeof(some)))
		;
	return false;
}

static int count(void *arg, const void *data, size_t len, struct err *err)
{
	(void)data;
	(void)err;
	*(uint64_t *)arg += len;
	return 0;
}

static void test_endless(void **state)
{
	struct server *s = server_start(endless, NULL, NULL);
	struct http_request q = get(server_url(s, "/200"));
	struct http_response r _cleanup_response_;
	struct err err;
	uint64_t n = 0;

	(void)state;
	q.max = MIB;
	assert_int_equal(ask(&q, &r, &err), -EFBIG);
	assert_true(r.text.len <= MIB);
	http_response_fini(&r);
	q.url = server_url(s, "/said");
	assert_int_equal(ask(&q, &r, &err), -EFBIG);
	http_response_fini(&r);
	q.url = server_url(s, "/200");
	q.sink = count;
	q.arg = &n;
	assert_int_equal(ask(&q, &r, &err), -EFBIG);
	assert_true(n <= MIB);
	http_response_fini(&r);
	/* An error's text is cut off, and stays an answer. */
	q.url = server_url(s, "/500");
	assert_int_equal(ask(&q, &r, &err), 0);
	assert_int_equal(r.status, 500);
	assert_true(r.text.len <= HTTP_ERROR_BODY_MAX);
	http_response_fini(&r);
	/* Where nothing is expected nothing endless is taken either. */
	q = get(server_url(s, "/200"));
	q.max = 0;
	n = (uint64_t)ask(&q, &r, &err);
	assert_true(r.text.len <= HTTP_ERROR_BODY_MAX);
	server_stop(s);
}

/* --- silence --- */

static bool silent(struct conn *c, const char *request, void *arg)
{
	(void)arg;
	if (is_path(request, "/head"))
		conn_printf(c, "HTTP/1.1 200 OK\r\nContent-Le");
	else if (is_path(request, "/body"))
		conn_printf(c, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhello");
	conn_hang(c);
	return false;
}

static void test_stall(void **state)
{
	struct server *s = server_start(silent, NULL, NULL);
	struct http_request q = { .method = "PUT", .max = 100 };
	struct http_response r _cleanup_response_;
	struct err err;
	_cleanup_free_ char *much = calloc(1, 64 * MIB);

	(void)state;
	assert_int_equal(http_anew(1), 0);
	assert_int_equal(outcome_at(s, "/"), -ETIMEDOUT);
	assert_int_equal(outcome_at(s, "/head"), -ETIMEDOUT);
	assert_int_equal(outcome_at(s, "/body"), -ETIMEDOUT);
	/* One that does not take what is sent to it. */
	q.url = server_url(s, "/body-is-not-read");
	q.body = much;
	q.body_length = 64 * MIB;
	assert_int_equal(ask(&q, &r, &err), -ETIMEDOUT);
	server_stop(s);
	assert_int_equal(http_anew(60), 0);
}

/* --- giving up --- */

static void *cancel_soon(void *arg)
{
	struct server *s = arg;

	while (server_requests(s) < 4)
		rest(5);
	http_cancel(http);
	return NULL;
}

static void *hang_on(void *arg)
{
	static const char *const paths[] = { "/", "/head", "/body", "/body" };
	static _Atomic unsigned next;

	return (void *)(intptr_t)outcome_at(arg, paths[next++ % 4]);
}

static void test_cancel(void **state)
{
	struct server *s = server_start(silent, NULL, NULL);
	pthread_t canceller, t[4];
	void *r;
	size_t i;

	(void)state;
	pthread_create(&canceller, NULL, cancel_soon, s);
	for (i = 0; i < 4; i++)
		pthread_create(&t[i], NULL, hang_on, s);
	for (i = 0; i < 4; i++) {
		pthread_join(t[i], &r);
		assert_int_equal((int)(intptr_t)r, -ECANCELED);
	}
	pthread_join(canceller, NULL);
	assert_int_equal(outcome_at(s, "/"), -ECANCELED);
	server_stop(s);
	assert_int_equal(http_anew(60), 0);
}

/* --- bodies that are sent --- */

struct upload {
	struct buf got;
	_Atomic uint64_t sent;
};

static bool taking(struct conn *c, const char *request, void *arg)
{
	struct upload *u = arg;

	if (is_path(request, "/early")) {
		conn_answer(c, 413, "Connection: close\r\n", "too large");
		return false;
	}
	if (is_path(request, "/cut")) {
		conn_printf(c, "HTTP/1.1 100 Continue\r\n\r\n");
		conn_reset(c);
		return false;
	}
	buf_clear(&u->got);
	return conn_body(c, &u->got) && conn_answer(c, 201, "Location: /there\r\n", "");
}

static void count_sent(void *arg, uint64_t n)
{
	((struct upload *)arg)->sent += n;
}

static void test_upload(void **state)
{
	struct upload u = { .got = BUF_INIT };
	struct server *s = server_start(taking, &u, NULL);
	struct http_request q = { .method = "PATCH", .max = 100, .sent = count_sent, .arg = &u };
	struct http_response r _cleanup_response_;
	struct err err;
	_cleanup_free_ unsigned char *data = malloc(BLOB);
	_cleanup_fclose_ FILE *f = tmpfile();

	(void)state;
	fill(data, 0, BLOB);
	fwrite(data, 1, BLOB, f);
	fflush(f);

	q.url = server_url(s, "/file");
	q.body_fd = fileno(f);
	q.body_offset = 1000;
	q.body_length = BLOB - 3000;
	assert_int_equal(ask(&q, &r, &err), 0);
	assert_int_equal(r.status, 201);
	assert_string_equal(r.location, server_url(s, "/there"));
	assert_int_equal(u.got.len, BLOB - 3000);
	assert_memory_equal(u.got.data, data + 1000, BLOB - 3000);
	assert_int_equal(u.sent, BLOB - 3000);
	http_response_fini(&r);

	q.url = server_url(s, "/memory");
	q.body = "hello";
	q.body_length = 5;
	q.method = "POST";
	assert_int_equal(ask(&q, &r, &err), 0);
	assert_int_equal(u.got.len, 5);
	assert_memory_equal(u.got.data, "hello", 5);
	http_response_fini(&r);

	/* A POST of nothing says so. */
	q.url = server_url(s, "/empty");
	q.body = "";
	q.body_length = 0;
	assert_int_equal(ask(&q, &r, &err), 0);
	assert_true(server_saw(s, "POST /empty "));
	assert_true(server_saw(s, "Content-Length: 0\r\n"));
	assert_false(server_saw(s, "chunked"));
	http_response_fini(&r);

	/* The file is shorter than it was. */
	q.body = NULL;
	q.body_length = BLOB;
	q.url = server_url(s, "/short");
	assert_true(ask(&q, &r, &err) < 0);
	assert_false(http_transient(-(int)err.code));
	http_response_fini(&r);

	/* An answer in the middle of it is the answer. */
	q.url = server_url(s, "/early");
	q.body_offset = 0;
	assert_int_equal(ask(&q, &r, &err), 0);
	assert_int_equal(r.status, 413);
	assert_string_equal(buf_str(&r.text), "too large");
	http_response_fini(&r);

	q.url = server_url(s, "/cut");
	assert_int_equal(ask(&q, &r, &err), -ECONNRESET);
	http_response_fini(&r);
	server_stop(s);
	buf_fini(&u.got);
}

/* --- numbers --- */

static bool waiting(struct conn *c, const char *request, void *arg)
{
	char line[200];

	(void)request;
	snprintf(line, sizeof(line), "Retry-After: %s\r\n", (const char *)arg);
	return conn_answer(c, 429, line, "");
}

static int64_t retry_after(const char *said)
{
	struct server *s = server_start(waiting, (void *)(uintptr_t)said, NULL);
	struct http_request q = get(server_url(s, "/"));
	struct http_response r _cleanup_response_;
	struct err err;

	assert_int_equal(ask(&q, &r, &err), 0);
	server_stop(s);
	return r.retry_after;
}

static void test_retry_after(void **state)
{
	char date[64];
	time_t then = time(NULL) + 1000;
	struct tm tm;

	(void)state;
	strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&then, &tm));
	assert_in_range(retry_after(date), 900, 1000);
	assert_int_equal(retry_after("Fri, 31 Dec 1999 23:59:59 GMT"), 0);
	assert_int_equal(retry_after("0"), 0);
	assert_int_equal(retry_after("120"), 120);
	assert_int_equal(retry_after("-1"), -1);
	assert_int_equal(retry_after("soon"), -1);
	assert_int_equal(retry_after(""), -1);
	assert_int_equal(retry_after("99999999999999999999999999"), -1);
}

/* --- many at once --- */

struct job {
	struct server *s;
	unsigned seed;
	const char *wrong;
	char reported[200];
};

static void *many(void *arg)
{
	struct job *j = arg;
	unsigned i;

	for (i = 0; i < 12 && !j->wrong; i++) {
		struct taken t = { 0 };
		struct http_request q = into(&t, server_url(j->s, i % 3 ? "/blob" : "/small"));
		struct http_response r _cleanup_response_;
		struct err err;
		int n;

		if (i % 4 == 1)
			t.fail_at = 1 + (j->seed * 7919 + i * 104729) % BLOB;
		if (i % 3 == 0)
			q.sink = NULL;
		n = ask(&q, &r, &err);
		if (n != (t.fail_at && q.sink ? -EDOM : 0))
			j->wrong = "outcome";
		if (t.wrong || (n == 0 && q.sink && t.n != BLOB))
			j->wrong = "content";
		if (j->wrong)
			snprintf(j->reported, sizeof(j->reported), "%d: %.150s", n, err.msg);
		if (!q.sink && strcmp(buf_str(&r.text), "hello") != 0)
			j->wrong = "text";
	}
	return NULL;
}

static void test_many(void **state)
{
	struct server *s = server_start(ordinary, NULL, NULL);
	struct job jobs[8];
	pthread_t t[8];
	unsigned i;

	(void)state;
	for (i = 0; i < 8; i++) {
		jobs[i] = (struct job){ .s = s, .seed = i };
		pthread_create(&t[i], NULL, many, &jobs[i]);
	}
	for (i = 0; i < 8; i++)
		pthread_join(t[i], NULL);
	for (i = 0; i < 8; i++)
		if (jobs[i].wrong)
			fail_msg("%s %s", jobs[i].wrong, jobs[i].reported);
	server_stop(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answers),	  cmocka_unit_test(test_sink),
		cmocka_unit_test(test_slow_sink), cmocka_unit_test(test_broken),
		cmocka_unit_test(test_refused),	  cmocka_unit_test(test_endless),
		cmocka_unit_test(test_stall),	  cmocka_unit_test(test_cancel),
		cmocka_unit_test(test_upload),	  cmocka_unit_test(test_retry_after),
		cmocka_unit_test(test_many),
	};

	return cmocka_run_group_tests(tests, http_start, http_end);
}
