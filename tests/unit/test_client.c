/*
 * registry/client.h against registries that break off, lie, or ask for patience.
 */
#include "config.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "registry/auth/auth.h"
#include "registry/client.h"
#include "registry/config/hosts.h"
#include "registry/http/http.h"
#include "store/oci/digest.h"
#include "tests/unit/ask.h"
#include "tests/unit/server.h"

#define BLOB 300000u
#define MANIFEST "{\"schemaVersion\":2}"
#define AUTH "Authorization: Basic YW5uYTpTRUNSRVQ=" /* anna:SECRET */

/* A registry: pings are answered, all else is the test's. */
struct registry {
	struct server *server;
	struct endpoint endpoint;
	struct auth *auth;
	struct client *client;
	char host[64], dir[64], other[512];
	answer_fn answer;
	_Atomic unsigned n; /* requests beside pings */
	bool needs_password;
};

static char blob[BLOB];
static struct digest blob_digest;
static struct err err;

static bool answer(struct conn *c, const char *request, void *arg)
{
	struct registry *r = arg;

	if (r->needs_password && !strstr(request, AUTH))
		return conn_body(c, NULL) &&
		       conn_answer(c, 401, "WWW-Authenticate: Basic realm=\"x\"\r\n", "{}");
	if (is_path(request, "/v2/"))
		return conn_answer(c, 200, "", "{}");
	r->n++;
	return r->answer(c, request, r);
}

static void config_write(struct registry *r)
{
	char path[100];
	_cleanup_fclose_ FILE *f = NULL;

	snprintf(r->dir, sizeof(r->dir), "/tmp/imagefs-test.XXXXXX");
	assert_non_null(mkdtemp(r->dir));
	snprintf(path, sizeof(path), "%s/config.json", r->dir);
	f = fopen(path, "w");
	fprintf(f, "{\"auths\":{\"%s\":{\"auth\":\"YW5uYTpTRUNSRVQ=\"}}}", r->host);
	setenv("DOCKER_CONFIG", r->dir, 1);
}

static void registry_serve(struct registry *r, answer_fn f, struct tls *tls)
{
	static char path[] = "a/b";

	memset(r, 0, sizeof(*r));
	r->answer = f;
	r->server = server_start(answer, r, tls);
	snprintf(r->host, sizeof(r->host), "127.0.0.1:%u", server_port(r->server));
	r->endpoint = (struct endpoint){ .host = r->host, .key = r->host, .plain_http = true };
	r->endpoint.path = path;
	config_write(r);
	assert_int_equal(auth_new(http, &r->auth, &err), 0);
}

static void registry_open(struct registry *r)
{
	if (client_open(http, r->auth, &r->endpoint, "pull,push", &r->client, &err) < 0)
		fail_msg("%s", err.msg);
}

static void registry_start(struct registry *r, answer_fn f)
{
	registry_serve(r, f, NULL);
	registry_open(r);
}

static void registry_stop(struct registry *r)
{
	char path[100];

	client_free(r->client);
	auth_free(r->auth);
	server_stop(r->server);
	snprintf(path, sizeof(path), "%s/config.json", r->dir);
	unlink(path);
	rmdir(r->dir);
}

/* --- how it is spoken to --- */

static bool nothing(struct conn *c, const char *request, void *arg)
{
	(void)request;
	(void)arg;
	return conn_body(c, NULL) && conn_answer(c, 404, "", "{}");
}

static void test_scheme(void **state)
{
	struct tls *tls = tls_new("127.0.0.1");
	struct registry r;

	(void)state;
	registry_start(&r, nothing);
	assert_int_equal(strncmp(client_url(r.client), "http://", 7), 0);
	client_free(TAKE_PTR(r.client));
	r.endpoint.plain_http = false;
	assert_int_equal(client_open(http, r.auth, &r.endpoint, "pull", &r.client, &err),
			 -ENOTCONN);
	r.endpoint.plain_http = true;
	server_hang_on_tls(r.server);
	registry_open(&r);
	assert_int_equal(strncmp(client_url(r.client), "http://", 7), 0);
	registry_stop(&r);

	/* A certificate that cannot be verified is no reason to do without. */
	registry_serve(&r, nothing, tls);
	assert_int_equal(client_open(http, r.auth, &r.endpoint, "pull", &r.client, &err),
			 -EKEYREJECTED);
	assert_int_equal(server_requests(r.server), 0);
	r.endpoint.ca_pem = tls_pem(tls);
	registry_open(&r);
	assert_int_equal(strncmp(client_url(r.client), "https://", 8), 0);
	registry_stop(&r);
	tls_free(tls);
}

static bool web_page(struct conn *c, const char *request, void *arg)
{
	(void)request;
	(void)arg;
	return conn_body(c, NULL) && conn_answer(c, 200, "Content-Type: text/html\r\n",
						 "<!DOCTYPE html><p>\033[31mWelcome");
}

static void test_web_page(void **state)
{
	struct registry r;
	struct server *s = server_start(web_page, NULL, NULL);
	static const char *const accept[] = { "a/b", NULL };
	struct client_manifest m = { 0 };
	char host[64];

	(void)state;
	registry_start(&r, web_page);
	assert_int_equal(client_manifest_get(r.client, "1", accept, &m, &err), -EPROTO);
	assert_non_null(strstr(err.msg, "web page"));
	/* Nor does it have what it has a page for: a push would send nothing. */
	assert_int_equal(client_manifest_has(r.client, "1", &err), -EPROTO);
	assert_int_equal(client_blob_has(r.client, &blob_digest, NULL, &err), -EPROTO);
	client_free(TAKE_PTR(r.client));
	snprintf(host, sizeof(host), "127.0.0.1:%u", server_port(s));
	r.endpoint.host = host;
	assert_int_equal(client_open(http, r.auth, &r.endpoint, "pull", &r.client, &err), -EPROTO);
	assert_non_null(strstr(err.msg, "not a registry"));
	registry_stop(&r);
	server_stop(s);
}

/* --- passwords --- */

static void test_password(void **state)
{
	struct registry r;

	(void)state;
	registry_serve(&r, nothing, NULL);
	r.needs_password = true;
	registry_open(&r);
	assert_int_equal(client_manifest_has(r.client, "1", &err), 0);
	assert_true(server_saw(r.server, AUTH));
	registry_stop(&r);

	/* Not for the registry on the next port. */
	registry_serve(&r, nothing, NULL);
	r.needs_password = true;
	r.endpoint.key = (char *)(uintptr_t) "127.0.0.1:1";
	assert_int_equal(client_open(http, r.auth, &r.endpoint, "pull", &r.client, &err), -EACCES);
	assert_false(server_saw(r.server, "Authorization"));
	registry_stop(&r);
}

/* --- manifests --- */

static bool manifests(struct conn *c, const char *request, void *arg)
{
	static __thread char large[5u << 20];

	(void)arg;
	if (is_path(request, "/v2/a/b/manifests/lie"))
		return conn_answer(
			c, 200,
			"Docker-Content-Digest: sha256:000000000000000000000000000000000000"
			"0000000000000000000000000000\r\n",
			MANIFEST);
	if (is_path(request, "/v2/a/b/manifests/gone"))
		return conn_answer(
			c, 404, "Content-Type: application/json\r\n",
			"{\"errors\":[{\"code\":\"MANIFEST_UNKNOWN\",\"message\":\"manifest "
			"unknown\"}]}");
	if (is_path(request, "/v2/a/b/manifests/rude"))
		return conn_answer(
			c, 403, "",
			"{\"errors\":[{\"code\":\"DENIED\",\"message\":\"\\u001b[2Jno\\nno\"}]}");
	if (is_path(request, "/v2/a/b/manifests/large")) {
		memset(large, ' ', sizeof(large) - 1);
		return conn_answer(c, 200, "", large);
	}
	return conn_answer(c, 200, "Content-Type: a/B; x=y\r\n", MANIFEST);
}

static int manifest(struct registry *r, const char *ref)
{
	static const char *const accept[] = { "a/b", "c/d", NULL };
	struct client_manifest m = { 0 };
	int e = client_manifest_get(r->client, ref, accept, &m, &err);

	if (e == 0) {
		assert_string_equal(buf_str(&m.text), MANIFEST);
		assert_string_equal(m.media_type, "a/b");
	}
	client_manifest_fini(&m);
	return e;
}

static void test_manifests(void **state)
{
	struct registry r;
	struct digest d;

	(void)state;
	registry_start(&r, manifests);
	assert_int_equal(manifest(&r, "1"), 0);
	assert_true(server_saw(r.server, "Accept: a/b, c/d\r\n"));
	assert_int_equal(digest_of(MANIFEST, strlen(MANIFEST), &d), 0);
	assert_int_equal(manifest(&r, d.str), 0);
	/* The digest that was asked for counts, whatever the registry calls it. */
	assert_int_equal(manifest(&r, blob_digest.str), -EBADMSG);
	assert_int_equal(manifest(&r, "lie"), -EBADMSG);
	assert_int_equal(manifest(&r, "large"), -EFBIG);
	assert_int_equal(manifest(&r, "gone"), -ENOENT);
	assert_non_null(strstr(err.msg, "manifest unknown: manifest unknown"));
	assert_int_equal(manifest(&r, "rude"), -EACCES);
	assert_null(strchr(err.msg, '\033'));
	assert_null(strchr(err.msg, '\n'));
	registry_stop(&r);
}

/* --- blobs --- */

struct got {
	struct buf bytes;
	unsigned restarts;
};

static int keep(void *arg, const void *data, size_t len, struct err *e)
{
	(void)e;
	return buf_append(&((struct got *)arg)->bytes, data, len);
}

static int restart(void *arg, struct err *e)
{
	struct got *g = arg;

	(void)e;
	buf_clear(&g->bytes);
	g->restarts++;
	return 0;
}

static int fetch(struct registry *r, struct got *g, uint64_t offset)
{
	struct client_sink to = { .sink = keep, .restart = restart, .arg = g };
	int e;

	buf_clear(&g->bytes);
	g->restarts = 0;
	if (offset)
		IGNORE(buf_append(&g->bytes, blob, (size_t)offset));
	e = client_blob_get(r->client, &blob_digest, BLOB, offset, &to, &err);
	if (e == 0) {
		assert_int_equal(g->bytes.len, BLOB);
		assert_memory_equal(g->bytes.data, blob, BLOB);
	}
	return e;
}

static size_t range_of(const char *request)
{
	const char *p = strstr(request, "Range: bytes=");

	return p ? (size_t)strtoul(p + 13, NULL, 10) : 0;
}

/* From where it is asked for, and how it is said: len as Content-Length, sent bytes. */
static bool part(struct conn *c, size_t from, size_t len, size_t sent)
{
	if (from)
		conn_printf(c,
			    "HTTP/1.1 206 Part\r\nContent-Range: bytes "
			    "%zu-%zu/%u\r\nContent-Length: %zu\r\n\r\n",
			    from, from + len - 1, BLOB, len);
	else
		conn_printf(c, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n", len);
	return conn_write(c, blob + from, sent < BLOB - from ? sent : BLOB - from) && sent == len;
}

static bool cutting(struct conn *c, const char *request, void *arg)
{
	size_t from = range_of(request), left = BLOB - from;

	(void)arg;
	return part(c, from, left, left < 70000 ? left : 70000);
}

static bool without_ranges(struct conn *c, const char *request, void *arg)
{
	struct registry *r = arg;

	(void)request;
	return part(c, 0, BLOB, r->n < 3 ? 100000 * r->n : BLOB);
}

static bool other_range(struct conn *c, const char *request, void *arg)
{
	size_t from = range_of(request);

	(void)arg;
	return from ? part(c, from - 1, BLOB - from + 1, BLOB - from + 1) : part(c, 0, BLOB, 1000);
}

/* Without a length, closing at the end. */
static bool unsaid(struct conn *c, const char *request, size_t len)
{
	size_t from = range_of(request);

	if (from >= len) {
		conn_answer(c, 416, "", "");
		return false;
	}
	conn_printf(c, "HTTP/1.1 %s\r\n", from ? "206 Part" : "200 OK");
	if (from)
		conn_printf(c, "Content-Range: bytes %zu-%zu/%zu\r\n", from, len - 1, len);
	conn_printf(c, "\r\n");
	conn_write(c, blob + from, len - from < BLOB - from ? len - from : BLOB - from);
	if (len > BLOB)
		conn_write(c, blob, len - BLOB);
	return false;
}

static bool shorter_unsaid(struct conn *c, const char *request, void *arg)
{
	(void)arg;
	return unsaid(c, request, BLOB - 1000);
}

static bool longer_unsaid(struct conn *c, const char *request, void *arg)
{
	(void)arg;
	return unsaid(c, request, BLOB + 1000);
}

static bool shorter(struct conn *c, const char *request, void *arg)
{
	(void)request;
	(void)arg;
	return part(c, 0, BLOB - 1, BLOB - 1);
}

static bool longer(struct conn *c, const char *request, void *arg)
{
	(void)request;
	(void)arg;
	return part(c, 0, BLOB + 1, BLOB);
}

/* Never gets beyond the same byte, and knows no ranges. */
static bool stuck(struct conn *c, const char *request, void *arg)
{
	(void)request;
	(void)arg;
	part(c, 0, BLOB, 50000);
	return false;
}

static bool storm(struct conn *c, const char *request, void *arg)
{
	static const int all[] = { 429, 503, 408, 500 };
	struct registry *r = arg;

	if (r->n <= 4)
		return conn_answer(c, all[r->n - 1], "Retry-After: 0\r\n", "<p>busy");
	return part(c, range_of(request), BLOB - range_of(request), BLOB - range_of(request));
}

static bool unwell(struct conn *c, const char *request, void *arg)
{
	(void)request;
	(void)arg;
	return conn_body(c, NULL) && conn_answer(c, 503, "Retry-After: 0\r\n", "");
}

static bool patience(struct conn *c, const char *request, void *arg)
{
	(void)request;
	(void)arg;
	return conn_body(c, NULL) && conn_answer(c, 429, "Retry-After: 86400\r\n", "");
}

static void test_blobs(void **state)
{
	static const struct {
		answer_fn answer;
		uint64_t offset;
		int want;
		unsigned requests_max, restarts;
	} cases[] = {
		{ cutting, 0, 0, 5, 0 },
		{ cutting, 200000, 0, 2, 0 },
		{ without_ranges, 0, 0, 3, 2 },
		{ other_range, 0, -EPROTO, 2, 0 },
		{ shorter, 0, -EPROTO, 1, 0 },
		{ longer, 0, -EPROTO, 1, 0 },
		{ shorter_unsaid, 0, -EPROTO, 4, 1 },
		{ longer_unsaid, 0, -EPROTO, 1, 0 },
		{ stuck, 0, -ECONNRESET, 7, 6 },
		{ storm, 0, 0, 5, 0 },
		{ unwell, 0, -EAGAIN, 6, 0 },
		{ patience, 0, -EAGAIN, 1, 0 },
		{ nothing, 0, -ENOENT, 1, 0 },
	};
	struct got g = { BUF_INIT, 0 };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct registry r;
		int e;

		err = (struct err)ERR_INIT;
		registry_start(&r, cases[i].answer);
		e = fetch(&r, &g, cases[i].offset);
		if (e != cases[i].want || r.n > cases[i].requests_max ||
		    g.restarts > cases[i].restarts)
			fail_msg("case %zu: %d (%s), %u requests, %u restarts", i, e, err.msg, r.n,
				 g.restarts);
		if (e < 0)
			assert_true(err.msg[0]);
		/* What was tried is said. */
		if (cases[i].answer == unwell)
			assert_non_null(strstr(err.msg, "after 6 tries"));
		registry_stop(&r);
	}
	buf_fini(&g.bytes);
}

static bool blob_elsewhere(struct conn *c, const char *request, void *arg)
{
	return part(c, range_of(request), BLOB - range_of(request),
		    range_of(request) ? BLOB - range_of(request) : 1000) &&
	       arg == NULL;
}

static bool lead_elsewhere(struct conn *c, const char *request, void *arg)
{
	struct registry *r = arg;

	(void)request;
	return conn_body(c, NULL) &&
	       conn_printf(c, "HTTP/1.1 307 There\r\nContent-Length: 0\r\nLocation: %s\r\n\r\n",
			   r->other);
}

static void test_blob_elsewhere(void **state)
{
	struct server *s = server_start(blob_elsewhere, NULL, NULL);
	struct got g = { BUF_INIT, 0 };
	struct registry r;

	(void)state;
	registry_serve(&r, lead_elsewhere, NULL);
	snprintf(r.other, sizeof(r.other), "%s", server_url(s, "/b?sig=1"));
	r.needs_password = true;
	registry_open(&r);
	assert_int_equal(fetch(&r, &g, 0), 0);
	/* Each try begins at the registry, for what was signed does not last. */
	assert_int_equal(r.n, 2);
	assert_true(server_saw(s, "Range: bytes=1000-"));
	assert_false(server_saw(s, "Authorization"));
	registry_stop(&r);
	server_stop(s);
	buf_fini(&g.bytes);
}

/* --- giving up --- */

static bool patience_for_long(struct conn *c, const char *request, void *arg)
{
	(void)request;
	(void)arg;
	return conn_answer(c, 429, "Retry-After: 59\r\n", "");
}

static void *cancel(void *arg)
{
	struct registry *r = arg;

	while (!r->n)
		usleep(1000);
	http_cancel(http);
	return NULL;
}

/* Neither what is waited for nor what another has been told to wait for holds up the end. */
static void test_cancel(void **state)
{
	struct registry r;
	pthread_t t;

	(void)state;
	registry_start(&r, patience_for_long);
	pthread_create(&t, NULL, cancel, &r);
	assert_true(client_manifest_has(r.client, "1", &err) < 0);
	assert_int_equal(client_manifest_has(r.client, "2", &err), -ECANCELED);
	pthread_join(t, NULL);
	registry_stop(&r);
	assert_int_equal(http_anew(60), 0);
}

/* --- uploads --- */

static bool uploads(struct conn *c, const char *request, void *arg)
{
	struct registry *r = arg;

	if (!conn_body(c, NULL))
		return false;
	if (strncmp(request, "POST", 4) == 0 && strstr(request, "mount="))
		return conn_answer(c, 201, "Location: /v2/a/b/blobs/x\r\n", "");
	if (strncmp(request, "POST", 4) == 0)
		return conn_printf(
			c,
			"HTTP/1.1 202 Go\r\nContent-Length: 0\r\nOCI-Chunk-Min-Length: 5\r\n"
			"Location: %s\r\n\r\n",
			r->other);
	if (is_path(request, "/status/nothing"))
		return conn_answer(c, 204, "Range: 0-0\r\n", "");
	if (is_path(request, "/status/some"))
		return conn_answer(c, 204, "Range: 0-99\r\nLocation: /next\r\n", "");
	if (is_path(request, "/status/odd"))
		return conn_answer(c, 204, "Range: 0-many\r\n", "");
	if (is_path(request, "/other-part"))
		return conn_answer(c, 416, "", "");
	if (is_path(request, "/unwell"))
		return conn_answer(c, 503, "", "");
	if (strncmp(request, "PATCH", 5) == 0)
		return conn_answer(c, 202, "Location: ../more?state=1\r\n", "");
	return conn_answer(c, 201, "", "");
}

static bool taking(struct conn *c, const char *request, void *arg)
{
	(void)request;
	(void)arg;
	return conn_body(c, NULL) && conn_answer(c, 201, "Location: /x\r\n", "");
}

static int status(struct registry *r, const char *path, uint64_t *have)
{
	_cleanup_free_ char *location = strdup(server_url(r->server, path));

	return client_upload_status(r->client, &location, have, &err);
}

static void test_uploads(void **state)
{
	struct registry r;
	struct server *s = server_start(taking, NULL, NULL);
	struct client_body b = { .data = "hello", .length = 5 };
	_cleanup_free_ char *location = NULL;
	uint64_t n = 0;

	(void)state;
	registry_serve(&r, uploads, NULL);
	r.needs_password = true;
	registry_open(&r);

	assert_int_equal(client_upload_begin(r.client, &blob_digest, "c/d", &location, &n, &err),
			 0);
	assert_null(location);
	assert_true(server_saw(r.server, "&from=c"));

	/* To another host, as a store of its own that a registry has: without credentials. */
	snprintf(r.other, sizeof(r.other), "%s", server_url(s, "/put?sig=1"));
	assert_int_equal(client_upload_begin(r.client, NULL, NULL, &location, &n, &err), 0);
	assert_string_equal(location, r.other);
	assert_int_equal(n, 5);
	assert_int_equal(client_upload_chunk(r.client, &location, &b, &err), 0);
	assert_string_equal(location, server_url(s, "/x"));
	assert_int_equal(client_upload_end(r.client, &location, &blob_digest, &b, &err), 0);
	assert_true(server_saw(s, "PATCH /put?sig=1 "));
	assert_true(server_saw(s, "PUT /x?digest=sha256"));
	assert_false(server_saw(s, "Authorization"));

	snprintf(r.other, sizeof(r.other), "/v2/a/b/blobs/uploads/1?state=0");
	free(TAKE_PTR(location));
	assert_int_equal(client_upload_begin(r.client, NULL, NULL, &location, &n, &err), 0);
	assert_string_equal(location, server_url(r.server, r.other));
	assert_int_equal(client_upload_chunk(r.client, &location, &b, &err), 0);
	assert_true(server_saw(r.server, "Content-Range: 0-4\r\n"));
	assert_string_equal(location, server_url(r.server, "/v2/a/b/blobs/more?state=1"));
	assert_int_equal(client_upload_end(r.client, &location, &blob_digest, &b, &err), 0);

	assert_int_equal(status(&r, "/status/nothing", &n), 0);
	assert_int_equal(n, 0);
	assert_int_equal(status(&r, "/status/some", &n), 0);
	assert_int_equal(n, 100);
	assert_int_equal(status(&r, "/status/odd", &n), -EPROTO);
	free(location);
	location = strdup(server_url(r.server, "/other-part"));
	assert_int_equal(client_upload_chunk(r.client, &location, &b, &err), -EAGAIN);
	assert_true(client_transient(-EAGAIN));
	free(location);
	location = strdup(server_url(r.server, "/unwell"));
	assert_int_equal(client_upload_chunk(r.client, &location, &b, &err), -EAGAIN);
	registry_stop(&r);
	server_stop(s);
}

static void test_upload_to_http(void **state)
{
	struct tls *tls = tls_new("127.0.0.1");
	struct registry r;
	struct server *s = server_start(taking, NULL, NULL);
	char *location = NULL;

	(void)state;
	registry_serve(&r, uploads, tls);
	r.endpoint.ca_pem = tls_pem(tls);
	registry_open(&r);
	snprintf(r.other, sizeof(r.other), "%s", server_url(s, "/put"));
	assert_int_equal(client_upload_begin(r.client, NULL, NULL, &location, NULL, &err), -EPROTO);
	assert_non_null(strstr(err.msg, "https"));
	assert_null(location);
	assert_int_equal(server_requests(s), 0);
	registry_stop(&r);
	server_stop(s);
	tls_free(tls);
}

static bool large_body(struct conn *c, const char *request, void *arg)
{
	(void)arg;
	if (strncmp(request, "PUT", 3) == 0 && is_path(request, "/v2/a/b/manifests/1"))
		return conn_body(c, NULL) &&
		       conn_answer(
			       c, 201,
			       "Docker-Content-Digest: sha256:000000000000000000000000000000000000"
			       "0000000000000000000000000000\r\n",
			       "");
	return conn_body(c, NULL) && conn_answer(c, 413, "", "");
}

static void test_manifest_put(void **state)
{
	struct client_body b = { .data = "hello", .length = 5 };
	_cleanup_free_ char *location = NULL;
	struct registry r;
	struct digest d;

	(void)state;
	registry_start(&r, large_body);
	assert_int_equal(digest_of(MANIFEST, strlen(MANIFEST), &d), 0);
	assert_int_equal(client_manifest_put(r.client, "1", "a/b", MANIFEST, strlen(MANIFEST), &d,
					     &err),
			 -EBADMSG);
	assert_true(server_saw(r.server, "Content-Type: a/b\r\n"));
	assert_int_equal(client_manifest_put(r.client, "2", "a/b", MANIFEST, strlen(MANIFEST), &d,
					     &err),
			 -EFBIG);
	registry_stop(&r);
	/* A page with status 200 is no word of a registry that has taken something. */
	registry_start(&r, web_page);
	assert_int_equal(client_manifest_put(r.client, "2", "a/b", MANIFEST, strlen(MANIFEST), &d,
					     &err),
			 -EPROTO);
	location = strdup(server_url(r.server, "/put"));
	assert_int_equal(client_upload_end(r.client, &location, &blob_digest, &b, &err), -EPROTO);
	registry_stop(&r);
	/* Once more where it may help: the same manifest again is the same. */
	registry_start(&r, unwell);
	assert_int_equal(client_manifest_put(r.client, "2", "a/b", MANIFEST, strlen(MANIFEST), &d,
					     &err),
			 -EAGAIN);
	assert_int_equal(r.n, 6);
	registry_stop(&r);
}

/* --- lists --- */

static bool lists(struct conn *c, const char *request, void *arg)
{
	struct registry *r = arg;
	char link[600];

	if (is_path(request, "/v2/a/b/tags/list?n=1000"))
		snprintf(link, sizeof(link), "Link: <%s>; rel=\"next\"\r\n",
			 r->other[0] ? r->other : "/v2/a/b/tags/list?n=1000&last=1");
	else
		link[0] = '\0';
	return conn_answer(c, 200, link,
			   link[0] ? "{\"tags\":[\"1\",\"b\\u001b[2J\",7,\"2\"]}"
				   : "{\"tags\":[\"3\",\"a/../../b c\"]}");
}

static int join(void *arg, const char *name, struct err *e)
{
	(void)e;
	return buf_printf(arg, "%s ", name);
}

static void test_lists(void **state)
{
	struct buf names _cleanup_buf_ = BUF_INIT;
	struct server *s = server_start(nothing, NULL, NULL);
	struct registry r;

	(void)state;
	registry_start(&r, lists);
	assert_int_equal(client_tags(r.client, join, &names, &err), 0);
	assert_string_equal(buf_str(&names), "1 2 3 ");
	/* Another host's name is not believed, whatever it is: the list is this server's. */
	snprintf(r.other, sizeof(r.other), "%s", server_url(s, "/v2/a/b/tags/list?n=2"));
	buf_clear(&names);
	assert_int_equal(client_tags(r.client, join, &names, &err), 0);
	assert_string_equal(buf_str(&names), "1 2 3 ");
	assert_true(server_saw(r.server, "GET /v2/a/b/tags/list?n=2 "));
	assert_int_equal(server_requests(s), 0);
	snprintf(r.other, sizeof(r.other), "/v2/a/b/tags/list?n=1000");
	assert_int_equal(client_tags(r.client, join, &names, &err), -EPROTO);
	registry_stop(&r);
	registry_start(&r, web_page);
	assert_int_equal(client_tags(r.client, join, &names, &err), -EPROTO);
	registry_stop(&r);
	server_stop(s);
}

static int begin(void **state)
{
	size_t i;

	for (i = 0; i < sizeof(blob); i++)
		blob[i] = (char)((i * 2654435761u) >> 9);
	if (digest_of(blob, sizeof(blob), &blob_digest) < 0)
		return -1;
	setenv("HOME", "/nonexistent", 1);
	unsetenv("REGISTRY_AUTH_FILE");
	unsetenv("XDG_RUNTIME_DIR");
	return http_start(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_scheme),	       cmocka_unit_test(test_web_page),
		cmocka_unit_test(test_password),       cmocka_unit_test(test_manifests),
		cmocka_unit_test(test_blobs),	       cmocka_unit_test(test_blob_elsewhere),
		cmocka_unit_test(test_cancel),	       cmocka_unit_test(test_uploads),
		cmocka_unit_test(test_upload_to_http), cmocka_unit_test(test_manifest_put),
		cmocka_unit_test(test_lists),
	};

	return cmocka_run_group_tests(tests, begin, http_end);
}
