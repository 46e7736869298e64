/*
 * One request from its options to its response. Each hop of a redirect is a separate transfer, so
 * the headers to send are decided here for each hop.
 */
#include "registry/http/http.h"

#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "registry/config/certs.h"
#include "registry/config/hosts.h"
#include "registry/http/http_private.h"
#include "registry/http/http_url.h"

#define REDIRECTS_MAX 10
#define CA_BUNDLE_MAX (16u << 20)
#define RECEIVE_BUFFER (256L << 10)
#define SEND_BUFFER (512L << 10)

static pthread_once_t global_once = PTHREAD_ONCE_INIT;

static void global_init(void)
{
	curl_global_init(CURL_GLOBAL_DEFAULT);
}

static void release(struct http *h)
{
	curl_multi_cleanup(h->multi);
	pthread_cond_destroy(&h->ended);
	pthread_mutex_destroy(&h->lock);
	free(h->system_ca);
	free(h);
}

int http_new(const struct http_options *o, struct http **out, struct err *err)
{
	struct http *h = calloc(1, sizeof(*h));
	const char *ca = getenv("SSL_CERT_FILE");
	pthread_condattr_t monotonic;
	int r;

	if (!h)
		return err_nomem(err);
	pthread_once(&global_once, global_init);
	pthread_mutex_init(&h->lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&h->ended, &monotonic);
	pthread_condattr_destroy(&monotonic);
	h->stall_seconds = o && o->stall_seconds ? o->stall_seconds : HTTP_STALL_SECONDS;
	h->system_ca = ca && *ca ? strdup(ca) : NULL;
	r = http_loop_start(h, err);
	if (r < 0) {
		release(h);
		return r;
	}
	*out = h;
	return 0;
}

void http_free(struct http *h)
{
	if (!h)
		return;
	http_loop_stop(h);
	release(h);
}

void http_cancel(struct http *h)
{
	pthread_mutex_lock(&h->lock);
	h->cancelled = true;
	pthread_cond_broadcast(&h->ended);
	pthread_mutex_unlock(&h->lock);
	http_loop_wake(h);
}

int http_sleep(struct http *h, unsigned ms)
{
	int64_t until = http_now() + ms;
	struct timespec t = { until / 1000, (long)(until % 1000) * 1000000 };
	bool cancelled;

	if (!h) {
		while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) == EINTR)
			;
		return 0;
	}
	pthread_mutex_lock(&h->lock);
	while (!h->cancelled && pthread_cond_timedwait(&h->ended, &h->lock, &t) != ETIMEDOUT)
		;
	cancelled = h->cancelled;
	pthread_mutex_unlock(&h->lock);
	return cancelled ? -ECANCELED : 0;
}

void http_response_fini(struct http_response *r)
{
	size_t i;

	free(r->url);
	free(r->content_type);
	free(r->location);
	free(r->digest);
	free(r->range);
	free(r->link);
	free(r->chunk_min);
	for (i = 0; i < r->n_challenges; i++)
		free(r->challenges[i]);
	buf_fini(&r->text);
	memset(r, 0, sizeof(*r));
	r->content_length = r->range_start = r->retry_after = -1;
}

bool http_transient(int r)
{
	return r == -ECONNREFUSED || r == -ECONNRESET || r == -ETIMEDOUT || r == -EHOSTUNREACH ||
	       r == -EAGAIN;
}

/* Concatenate the system's certificates and those trusted in addition. */
static int trust(struct http_transfer *t, const char *own, const char *more, struct err *err)
{
	struct buf pem _cleanup_buf_ = BUF_INIT;
	struct curl_blob blob;
	char *path = t->http->system_ca;
	int r = 0;

	if (!own && !more) {
		if (path)
			curl_easy_setopt(t->easy, CURLOPT_CAINFO, path);
		return 0;
	}
	if (!path)
		curl_easy_getinfo(t->easy, CURLINFO_CAINFO, &path);
	/* Without a system bundle only the registry's certificates are trusted. */
	if (path && access(path, R_OK) == 0)
		r = file_read(AT_FDCWD, path, CA_BUNDLE_MAX, &pem, err);
	if (r < 0)
		return r;
	if (buf_printf(&pem, "\n%s\n%s", own ? own : "", more ? more : "") < 0)
		return err_nomem(err);
	blob = (struct curl_blob){ pem.data, pem.len, CURL_BLOB_COPY };
	curl_easy_setopt(t->easy, CURLOPT_CAINFO_BLOB, &blob);
	return 0;
}

/* own: the URL is on the endpoint's host. */
static int set_tls(struct http_transfer *t, const char *url, bool own, struct err *err)
{
	const struct endpoint *e = t->q->endpoint;
	_cleanup_free_ char *there = NULL, *ca = NULL;
	int r;

	if (!own && http_url_is_tls(url)) {
		there = http_url_authority(url);
		r = there ? certs_ca(there, &ca, err) : err_nomem(err);
		if (r < 0)
			return r;
	}
	if (own && e && e->insecure) {
		curl_easy_setopt(t->easy, CURLOPT_SSL_VERIFYPEER, 0L);
		curl_easy_setopt(t->easy, CURLOPT_SSL_VERIFYHOST, 0L);
	}
	if (own && e && e->client_cert) {
		curl_easy_setopt(t->easy, CURLOPT_SSLCERT, e->client_cert);
		curl_easy_setopt(t->easy, CURLOPT_SSLKEY, e->client_key);
	}
	return trust(t, e ? e->ca_pem : NULL, ca, err);
}

static int add_header(struct curl_slist **list, const char *line)
{
	struct curl_slist *more = curl_slist_append(*list, line);

	if (!more)
		return -ENOMEM;
	*list = more;
	return 0;
}

static int set_headers(struct http_transfer *t, const char *authorization, struct curl_slist **list,
		       struct err *err)
{
	const char *const *p = t->q->headers;
	/* No compression: digests and lengths apply to the bytes as stored. */
	int r = add_header(list, "Accept-Encoding: identity");

	for (; p && *p && r == 0; p++)
		r = add_header(list, *p);
	if (authorization && r == 0) {
		struct buf line _cleanup_secret_buf_ = BUF_INIT;

		r = buf_printf(&line, "Authorization: %s", authorization);
		if (r == 0)
			r = add_header(list, line.data);
	}
	curl_easy_setopt(t->easy, CURLOPT_HTTPHEADER, *list);
	return r < 0 ? err_nomem(err) : 0;
}

static void set_method(struct http_transfer *t)
{
	const struct http_request *q = t->q;

	if (strcmp(q->method, "HEAD") == 0) {
		curl_easy_setopt(t->easy, CURLOPT_NOBODY, 1L);
	} else if (q->body_length >= 0 && strcmp(q->method, "GET") != 0) {
		curl_easy_setopt(t->easy, CURLOPT_UPLOAD, 1L);
		curl_easy_setopt(t->easy, CURLOPT_INFILESIZE_LARGE, (curl_off_t)q->body_length);
		curl_easy_setopt(t->easy, CURLOPT_CUSTOMREQUEST, q->method);
	} else {
		curl_easy_setopt(t->easy, CURLOPT_HTTPGET, 1L);
		curl_easy_setopt(t->easy, CURLOPT_CUSTOMREQUEST, q->method);
	}
}

static int set_up(struct http_transfer *t, const char *url, const char *authorization, bool own,
		  struct curl_slist **headers, struct err *err)
{
	_cleanup_free_ char *host = http_url_host(url);
	CURL *c = t->easy;
	int r;

	if (!host)
		return err_nomem(err);
	curl_easy_setopt(c, CURLOPT_URL, url);
	curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(c, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
	curl_easy_setopt(c, CURLOPT_USERAGENT, "imagefs/" PACKAGE_VERSION);
	curl_easy_setopt(c, CURLOPT_BUFFERSIZE, RECEIVE_BUFFER);
	curl_easy_setopt(c, CURLOPT_UPLOAD_BUFFERSIZE, SEND_BUFFER);
	curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT, (long)t->http->stall_seconds);
	curl_easy_setopt(c, CURLOPT_TCP_KEEPALIVE, 1L);
	/* The headers of a proxy's CONNECT are not those of the response. */
	curl_easy_setopt(c, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
	curl_easy_setopt(c, CURLOPT_ERRORBUFFER, t->text);
	/* As Go does, bypass proxies for loopback addresses. */
	if (hosts_loopback(host))
		curl_easy_setopt(c, CURLOPT_PROXY, "");
	set_method(t);
	http_loop_callbacks(t);
	r = set_headers(t, authorization, headers, err);
	return r < 0 ? r : set_tls(t, url, own, err);
}

/* Borrow the next received bytes until window_taken(). Returns 0 at the end, or -errno. */
static ssize_t window_get(struct http_transfer *t, const void **data)
{
	size_t pos, n = 0;

	pthread_mutex_lock(&t->lock);
	while (t->in == t->out && !t->done) {
		t->waiting = true;
		pthread_cond_wait(&t->cond, &t->lock);
	}
	t->waiting = false;
	if (t->in > t->out) {
		pos = (size_t)(t->out % HTTP_WINDOW);
		n = (size_t)MIN(t->in - t->out, (uint64_t)(HTTP_WINDOW - pos));
		*data = t->window + pos;
	}
	pthread_mutex_unlock(&t->lock);
	return (ssize_t)n;
}

static void window_taken(struct http_transfer *t, size_t n)
{
	bool wake = false;

	pthread_mutex_lock(&t->lock);
	t->out += n;
	if (t->paused && !t->resume && t->in - t->out <= HTTP_WINDOW / 2)
		wake = t->resume = true;
	pthread_mutex_unlock(&t->lock);
	if (wake)
		http_loop_wake(t->http);
}

static void give_up(struct http_transfer *t)
{
	pthread_mutex_lock(&t->lock);
	t->abort = true;
	pthread_mutex_unlock(&t->lock);
	http_loop_wake(t->http);
}

static void wait_done(struct http_transfer *t)
{
	pthread_mutex_lock(&t->lock);
	while (!t->done)
		pthread_cond_wait(&t->cond, &t->lock);
	pthread_mutex_unlock(&t->lock);
}

static int too_long(const struct http_transfer *t, struct err *err)
{
	return err_set(err, EFBIG, "the response is larger than %llu bytes",
		       (unsigned long long)t->q->max);
}

/*
 * Read the body to its end, or until the caller has enough. *enough: the rest is ignored, which is
 * not an error.
 */
static int take_body(struct http_transfer *t, bool *enough, struct err *err)
{
	const struct http_request *q = t->q;
	bool good = t->r->status >= 200 && t->r->status < 300, to_sink = good && q->sink;
	bool strict = good && q->max;
	uint64_t sum = 0, max = strict ? q->max : HTTP_ERROR_BODY_MAX;
	const void *data;
	ssize_t n;
	int r = 0;

	if (to_sink && q->head)
		r = q->head(q->arg, t->r, err);
	while (r == 0 && (n = window_get(t, &data)) > 0) {
		sum += (uint64_t)n;
		if (sum > max && strict)
			return too_long(t, err);
		if (sum > max) {
			*enough = true;
			break;
		}
		if (to_sink)
			r = q->sink(q->arg, data, (size_t)n, err);
		else if (buf_append(&t->r->text, data, (size_t)n) < 0)
			r = err_nomem(err);
		window_taken(t, (size_t)n);
	}
	return r;
}

static const struct {
	CURLcode code;
	int error;
} codes[] = {
	{ CURLE_COULDNT_RESOLVE_HOST, EHOSTUNREACH },
	{ CURLE_COULDNT_RESOLVE_PROXY, EHOSTUNREACH },
	{ CURLE_COULDNT_CONNECT, ECONNREFUSED },
	{ CURLE_OPERATION_TIMEDOUT, ETIMEDOUT },
	{ CURLE_RECV_ERROR, ECONNRESET },
	{ CURLE_SEND_ERROR, ECONNRESET },
	{ CURLE_PARTIAL_FILE, ECONNRESET },
	{ CURLE_GOT_NOTHING, ECONNRESET },
	{ CURLE_HTTP2, ECONNRESET },
	{ CURLE_HTTP2_STREAM, ECONNRESET },
	{ CURLE_SEND_FAIL_REWIND, ECONNRESET },
	{ CURLE_SSL_CONNECT_ERROR, ENOTCONN },
	{ CURLE_PEER_FAILED_VERIFICATION, EKEYREJECTED },
	{ CURLE_SSL_CERTPROBLEM, EKEYREJECTED },
	{ CURLE_SSL_CACERT_BADFILE, EKEYREJECTED },
	{ CURLE_OUT_OF_MEMORY, ENOMEM },
};

/* Convert libcurl's error. The message contains the URL's host where that matters. */
static int transfer_error(struct http_transfer *t, const char *url, struct err *err)
{
	_cleanup_free_ char *shown = http_url_shown(url);
	const char *why = t->text[0] ? t->text : curl_easy_strerror(t->code);
	int error = EPROTO;
	size_t i;

	if (t->error == -ETIMEDOUT)
		return err_set(err, ETIMEDOUT, "%s: no data for %u s", shown ? shown : "",
			       t->http->stall_seconds);
	if (t->error == -ECANCELED)
		return err_set(err, ECANCELED, "%s: cancelled", shown ? shown : "");
	/* libcurl reports a header line over its limit as out of memory. */
	if (t->error == -EFBIG || (t->code == CURLE_OUT_OF_MEMORY && t->r->status && !t->informed))
		return err_set(err, EFBIG, "%s: the response headers are too large",
			       shown ? shown : "");
	if (t->error < 0)
		return err_sys(err, -t->error, "%s", shown ? shown : "");
	for (i = 0; i < ARRAY_SIZE(codes); i++)
		if (codes[i].code == t->code)
			error = codes[i].error;
	text_neutralise(t->text);
	return err_set(err, error, "%s: %s", shown ? shown : "", why);
}

static int finish(struct http_transfer *t, const char *url, struct err *err)
{
	_cleanup_free_ char *shown = http_url_shown(url);
	bool enough = false, headers;
	int r;

	pthread_mutex_lock(&t->lock);
	while (!t->headers && !t->done)
		pthread_cond_wait(&t->cond, &t->lock);
	headers = t->headers;
	pthread_mutex_unlock(&t->lock);
	r = headers ? take_body(t, &enough, err) : 0;
	if (r < 0 || enough)
		give_up(t);
	wait_done(t);
	if (r < 0 || enough)
		return r;
	if (t->error < 0 || t->code != CURLE_OK)
		return transfer_error(t, url, err);
	/* libcurl accepts truncated headers as a response. */
	if (!t->informed)
		return err_set(err, ECONNRESET, "%s: connection closed in the response headers",
			       shown ? shown : "");
	return 0;
}

static int transfer_init(struct http_transfer *t, struct err *err)
{
	t->easy = curl_easy_init();
	if (!t->easy)
		return err_nomem(err);
	pthread_mutex_init(&t->lock, NULL);
	pthread_cond_init(&t->cond, NULL);
	return 0;
}

static void transfer_fini(struct http_transfer *t)
{
	pthread_cond_destroy(&t->cond);
	pthread_mutex_destroy(&t->lock);
	curl_easy_cleanup(t->easy);
	free(t->window);
}

/* Send one hop. */
static int one(struct http *h, const struct http_request *q, const char *url,
	       const char *authorization, bool own, struct http_response *out, struct err *err)
{
	struct http_transfer t = { .http = h, .q = q, .r = out };
	_cleanup_free_ char *shown = http_url_shown(url);
	struct curl_slist *headers = NULL;
	int r = transfer_init(&t, err);

	if (r < 0)
		return r;
	log_debug("%s %s", q->method, shown ? shown : "");
	r = set_up(&t, url, authorization, own, &headers, err);
	if (r == 0 && http_loop_add(h, &t) < 0)
		r = err_set(err, ECANCELED, "%s: cancelled", shown ? shown : "");
	else if (r == 0)
		r = finish(&t, url, err);
	curl_slist_free_all(headers);
	transfer_fini(&t);
	if (r == 0)
		log_debug("%s %s: %ld", q->method, shown ? shown : "", out->status);
	return r;
}

static bool is_redirect(const struct http_request *q, const struct http_response *r)
{
	bool reads = strcmp(q->method, "GET") == 0 || strcmp(q->method, "HEAD") == 0;

	if (q->no_redirect || !r->location)
		return false;
	/* 301, 302 and 303 are ambiguous for a method with a body. */
	return r->status == 307 || r->status == 308 ||
	       (reads && (r->status == 301 || r->status == 302 || r->status == 303));
}

static int make_absolute(struct http_response *r, const char *url, struct err *err)
{
	char *absolute;

	if (!r->location)
		return 0;
	/* A redirect without a target is treated as a plain response. */
	if (!*r->location) {
		free(TAKE_PTR(r->location));
		return 0;
	}
	absolute = http_url_join(url, r->location);
	if (!absolute)
		return err_set(err, EPROTO, "redirect to an invalid URL");
	free(r->location);
	r->location = absolute;
	return 0;
}

int http_do(struct http *h, const struct http_request *q, struct http_response *out,
	    struct err *err)
{
	_cleanup_free_ char *url = http_url_join(q->url, q->url);
	unsigned hops;
	int r;

	memset(out, 0, sizeof(*out));
	http_response_fini(out);
	if (!url)
		return err_set(err, EINVAL, "unsupported URL");
	for (hops = 0;; hops++) {
		bool own = http_same_origin(q->home ? q->home : q->url, url);

		r = one(h, q, url, own ? q->authorization : NULL, own, out, err);
		if (r == 0)
			r = make_absolute(out, url, err);
		if (r < 0 || !is_redirect(q, out))
			break;
		if (hops == REDIRECTS_MAX)
			return err_set(err, EPROTO, "more than %d redirects", REDIRECTS_MAX);
		if (http_url_is_tls(url) && !http_url_is_tls(out->location))
			return err_set(err, EPROTO, "redirect from https to http refused");
		free(url);
		url = TAKE_PTR(out->location);
		http_response_fini(out);
	}
	if (r == 0)
		out->url = TAKE_PTR(url);
	return r;
}

const char *http_library_version(void)
{
	return curl_version_info(CURLVERSION_NOW)->version;
}
