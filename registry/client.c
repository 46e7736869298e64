/*
 * What all requests to a registry share: scheme, credentials, retries and the meaning of error
 * responses.
 */
#include "registry/client.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "registry/auth/auth.h"
#include "registry/auth/cred.h"
#include "registry/client_private.h"
#include "registry/config/hosts.h"
#include "registry/http/http_url.h"
#include "registry/http/refusal.h"

#define CHALLENGED_MAX 2

char *client_path(const struct client *c, const char *fmt, ...)
{
	struct buf b _cleanup_buf_ = BUF_INIT;
	_cleanup_free_ char *rest = NULL;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&rest, fmt, ap);
	va_end(ap);
	if (n < 0) {
		rest = NULL;
		return NULL;
	}
	if (buf_printf(&b, "%s/v2/%s/%s", c->base, c->endpoint->path, rest) < 0)
		return NULL;
	return buf_take(&b);
}

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static char *scope_of(struct client *c, const char *given)
{
	char *scope;

	if (given)
		return strdup(given);
	pthread_mutex_lock(&c->lock);
	scope = strdup(c->scope ? c->scope : "");
	pthread_mutex_unlock(&c->lock);
	return scope;
}

/*
 * Retry-After applies to all requests to a server, including those of other threads and of uploads.
 * A value that is too large is handled by retry_wait().
 */
static void note_patience(struct client *c, const struct http_response *r)
{
	if (!retry_status(r->status) || r->retry_after < 0 || r->retry_after > RETRY_AFTER_MAX)
		return;
	pthread_mutex_lock(&c->lock);
	c->not_before = MAX(c->not_before, now_ms() + r->retry_after * 1000);
	pthread_mutex_unlock(&c->lock);
}

static int be_patient(struct client *c)
{
	int64_t ms;

	pthread_mutex_lock(&c->lock);
	ms = c->not_before - now_ms();
	pthread_mutex_unlock(&c->lock);
	return ms > 0 ? http_sleep(c->http, (unsigned)ms) : 0;
}

int client_once(struct client *c, struct http_request *q, const char *given,
		struct http_response *out, struct err *err)
{
	_cleanup_free_ char *scope = scope_of(c, given);
	const char *wanted = scope && *scope ? scope : NULL;
	bool own = http_same_origin(c->base, q->url);
	unsigned challenged;

	if (!scope)
		return err_nomem(err);
	q->home = c->base;
	q->endpoint = c->endpoint;
	for (challenged = 0;; challenged++) {
		_cleanup_secret_ char *header = NULL;
		const char *challenges[HTTP_CHALLENGES_MAX + 1] = { NULL };
		int r = own ? auth_header(c->auth, c->endpoint, wanted, &header, err) : 0;

		if (r < 0)
			return r;
		q->authorization = header;
		r = be_patient(c);
		r = r < 0 ? err_set(err, -r, "%s: cancelled while waiting for Retry-After",
				    c->endpoint->host)
			  : http_do(c->http, q, out, err);
		q->authorization = NULL;
		/* The body may be printed in an error message. */
		if (r == 0 && out->status >= 300)
			auth_scrub(c->auth, &out->text);
		if (r == 0)
			note_patience(c, out);
		if (r < 0 || out->status != 401 || !own || challenged == CHALLENGED_MAX)
			return r;
		memcpy(challenges, out->challenges, out->n_challenges * sizeof(*challenges));
		r = auth_challenged(c->auth, c->endpoint, c->base, wanted, challenges, header, err);
		if (r < 0)
			return r;
		http_response_fini(out);
	}
}

int client_call(struct client *c, struct http_request *q, const char *scope,
		struct http_response *out, struct err *err)
{
	struct retry retry = { .http = c->http };

	for (;;) {
		int r = client_once(c, q, scope, out, err);

		if (r == 0 && !retry_status(out->status))
			return 0;
		if (!retry_wait(&retry, r, r == 0 ? out : NULL, false)) {
			if (r == 0)
				r = client_error(out, err);
			return retry_reported(&retry, r, err);
		}
		http_response_fini(out);
	}
}

static int error_of(long status)
{
	if (retry_status(status))
		return EAGAIN;
	switch (status) {
	case 401:
	case 403:
		return EACCES;
	case 404:
		return ENOENT;
	case 413:
		return EFBIG;
	default:
		return EPROTO;
	}
}

/* Write the message of an error response; docker's prefixes are used if the body has no text. */
static int sentence(const struct http_response *r, const struct refusal *f, const char *words,
		    int error, struct err *err)
{
	const char *separator = *words ? ": " : "";
	char status[64];

	if (f->coded)
		return err_set(err, error, "%s", words);
	switch (r->status) {
	case 401:
		return err_set(err, error, "unauthorized: %s",
			       *words ? words : "authentication required");
	case 403:
		return err_set(err, error, "denied: %s",
			       *words ? words : "requested access to the resource is denied");
	case 413:
		return err_set(err, error,
			       "request entity too large: a proxy before the registry limits "
			       "uploads (nginx: client_max_body_size)");
	case 429:
		return err_set(err, error, "toomanyrequests: %s",
			       *words ? words : "too many requests");
	default:
		break;
	}
	if (r->status == 404 && refusal_is_web_page(r))
		return err_set(err, error, WEB_PAGE);
	return err_set(err, error, "the server answered with status %s%s%s",
		       refusal_status(r->status, status), separator, words);
}

int client_error(const struct http_response *r, struct err *err)
{
	struct refusal said _cleanup_refusal_ = REFUSAL_INIT;
	struct buf shown _cleanup_buf_ = BUF_INIT;

	if (refusal_read(r, &said) < 0 || refusal_shown(&said, &shown) < 0)
		return err_nomem(err);
	return sentence(r, &said, buf_str(&shown), error_of(r->status), err);
}

static int set_base(struct client *c, const char *scheme, struct err *err)
{
	struct buf b = BUF_INIT;

	free(c->base);
	c->base = NULL;
	if (buf_printf(&b, "%s://%s", scheme, c->endpoint->host) == 0)
		c->base = buf_take(&b);
	else
		buf_fini(&b);
	return c->base ? 0 : err_nomem(err);
}

/* Nothing listens at this address: reported at once, without retries. */
static bool is_unreachable(int r)
{
	return r == -ECONNREFUSED || r == -EHOSTUNREACH;
}

static int reported_by(const struct client *c, const struct http_response *r, struct err *err)
{
	return err_wrap(err, client_error(r, err), "%s/v2/", c->base);
}

/* The first request: tells whether this is a registry, and how it authenticates. */
static int ping(struct client *c, bool once, struct err *err)
{
	struct buf url _cleanup_buf_ = BUF_INIT;
	struct http_response r _cleanup_response_ = { 0 };
	struct http_request q = { .method = "GET", .body_length = -1 };
	struct retry retry = { .http = c->http };
	int e;

	if (buf_printf(&url, "%s/v2/", c->base) < 0)
		return err_nomem(err);
	q.url = url.data;
	for (;;) {
		e = client_once(c, &q, NULL, &r, err);
		if (e == 0 && !retry_status(r.status))
			break;
		if (is_unreachable(e) || (once && e < 0) ||
		    !retry_wait(&retry, e, e == 0 ? &r : NULL, false))
			return retry_reported(&retry, e < 0 ? e : reported_by(c, &r, err), err);
		http_response_fini(&r);
	}
	if (r.status == 404 || (r.status == 200 && refusal_is_web_page(&r)))
		return err_set(err, EPROTO, "%s is not a registry: no /v2/ endpoint (status %ld)",
			       c->endpoint->host, r.status);
	/* The token may be valid for a repository but not for /v2/. */
	if (r.status == 401 || r.status == 403)
		return 0;
	return r.status >= 200 && r.status < 300 ? 0 : reported_by(c, &r, err);
}

/* Use https, or http if the server does not speak TLS and the endpoint allows it. */
static int find_scheme(struct client *c, struct err *err)
{
	struct err plain = ERR_INIT;
	int r = set_base(c, "https", err);

	if (r < 0)
		return r;
	r = ping(c, c->endpoint->plain_http, err);
	/* Some servers wait for more bytes when they receive a TLS handshake instead of HTTP. */
	if (!c->endpoint->plain_http ||
	    (r != -ENOTCONN && !is_unreachable(r) && r != -ECONNRESET && r != -ETIMEDOUT))
		return r;
	r = set_base(c, "http", err);
	if (r == 0) {
		r = ping(c, false, &plain);
		if (r < 0)
			*err = plain;
	}
	return r;
}

int client_open(struct http *h, struct auth *a, const struct endpoint *e, const char *actions,
		struct client **out, struct err *err)
{
	struct client *c = calloc(1, sizeof(*c));
	struct buf scope = BUF_INIT;
	int r = 0;

	if (!c)
		return err_nomem(err);
	c->http = h;
	c->auth = a;
	c->endpoint = e;
	pthread_mutex_init(&c->lock, NULL);
	if (actions) {
		r = buf_printf(&scope, "repository:%s:%s", e->path, actions);
		c->scope = r == 0 ? buf_take(&scope) : NULL;
		buf_fini(&scope);
		if (!c->scope)
			r = err_nomem(err);
	}
	if (r == 0)
		r = find_scheme(c, err);
	if (r < 0) {
		client_free(c);
		return r;
	}
	*out = c;
	return 0;
}

void client_free(struct client *c)
{
	if (!c)
		return;
	pthread_mutex_destroy(&c->lock);
	free(c->base);
	free(c->scope);
	free(c);
}

int client_also(struct client *c, const char *path, struct err *err)
{
	struct buf scope = BUF_INIT;
	int r;

	pthread_mutex_lock(&c->lock);
	r = buf_printf(&scope, "%s%srepository:%s:pull", c->scope ? c->scope : "",
		       c->scope ? " " : "", path);
	if (r == 0) {
		/* Request each scope only once. */
		if (c->scope && strstr(c->scope, scope.data + strlen(c->scope))) {
			buf_fini(&scope);
		} else {
			free(c->scope);
			c->scope = buf_take(&scope);
		}
	}
	pthread_mutex_unlock(&c->lock);
	return r < 0 ? err_nomem(err) : 0;
}

const char *client_url(const struct client *c)
{
	return c->base;
}

const struct endpoint *client_endpoint(const struct client *c)
{
	return c->endpoint;
}

bool client_transient(int r)
{
	return http_transient(r);
}
