/*
 * The thread that drives libcurl's multi handle. It never waits for a caller: unread data fills the
 * transfer's window, and a full window pauses the transfer.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "registry/http/http_private.h"

#define HEADERS_MAX (256u << 10)
#define TICK_MS 250

/*
 * libcurl delivers 16 KiB at a time; waking the caller for each would cost more than all other
 * processing.
 */
#define WORTH_WAKING (256u << 10)

/* Factor by which the timeout grows while waiting for the response to a large body. */
#define ANSWER_PATIENCE 10
#define LARGE_BODY (1 << 20)

int64_t http_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void fail(struct http_transfer *t, int error)
{
	pthread_mutex_lock(&t->lock);
	if (t->error == 0)
		t->error = error;
	pthread_mutex_unlock(&t->lock);
}

/* Called with the transfer's lock held; signals once per wait of the caller. */
static void wake(struct http_transfer *t)
{
	if (!t->waiting)
		return;
	t->waiting = false;
	pthread_cond_signal(&t->cond);
}

static void tell_headers(struct http_transfer *t)
{
	pthread_mutex_lock(&t->lock);
	t->headers = true;
	pthread_cond_signal(&t->cond);
	pthread_mutex_unlock(&t->lock);
}

static size_t room(const struct http_transfer *t)
{
	return (size_t)(HTTP_WINDOW - (t->in - t->out));
}

/* Only the loop thread adds to the window, so it can fill the free part without the lock. */
static void put(struct http_transfer *t, const char *data, size_t len, uint64_t at)
{
	size_t pos = (size_t)(at % HTTP_WINDOW), first = MIN(len, HTTP_WINDOW - pos);

	memcpy(t->window + pos, data, first);
	memcpy(t->window, data + first, len - first);
}

static size_t on_body(char *data, size_t size, size_t n, void *arg)
{
	struct http_transfer *t = arg;
	size_t len = size * n;

	t->moved = http_now();
	if (!t->window)
		t->window = malloc(HTTP_WINDOW);
	if (!t->window || len > HTTP_WINDOW) {
		fail(t, -ENOMEM);
		return 0;
	}
	pthread_mutex_lock(&t->lock);
	if (t->abort) {
		pthread_mutex_unlock(&t->lock);
		return 0;
	}
	t->headers = true;
	if (room(t) < len) {
		t->paused = true;
		t->resume = false;
		wake(t);
		pthread_mutex_unlock(&t->lock);
		return CURL_WRITEFUNC_PAUSE;
	}
	pthread_mutex_unlock(&t->lock);
	put(t, data, len, t->in);
	pthread_mutex_lock(&t->lock);
	t->in += len;
	if (t->in - t->out >= WORTH_WAKING)
		wake(t);
	pthread_mutex_unlock(&t->lock);
	return len;
}

static char *value_of(const char *line, size_t len)
{
	const char *colon = memchr(line, ':', len), *end = line + len;

	for (colon++; colon < end && (*colon == ' ' || *colon == '\t'); colon++)
		;
	while (end > colon && (end[-1] == '\r' || end[-1] == '\n' || end[-1] == ' '))
		end--;
	return strndup(colon, (size_t)(end - colon));
}

static bool is(const char *line, size_t len, const char *name)
{
	size_t n = strlen(name);

	return len > n && line[n] == ':' && strncasecmp(line, name, n) == 0;
}

static int take(char **where, const char *line, size_t len)
{
	free(*where);
	*where = value_of(line, len);
	return *where ? 0 : -ENOMEM;
}

/* A list may be spread over several headers. */
static int take_more(char **where, const char *line, size_t len)
{
	_cleanup_free_ char *before = TAKE_PTR(*where);
	_cleanup_free_ char *value = NULL;

	if (!before)
		return take(where, line, len);
	value = value_of(line, len);
	if (!value || asprintf(where, "%s, %s", before, value) < 0) {
		*where = NULL;
		return -ENOMEM;
	}
	return 0;
}

/* A decimal number without sign, or -1. */
static int64_t number(const char *s)
{
	char *end;
	long long v;

	if (*s < '0' || *s > '9')
		return -1;
	errno = 0;
	v = strtoll(s, &end, 10);
	return errno || (*end && *end != '-' && *end != ' ') ? -1 : v;
}

/* Retry-After: seconds, or a date. */
static int64_t seconds(const char *s)
{
	int64_t n = number(s);
	time_t when;

	if (n >= 0)
		return n;
	when = curl_getdate(s, NULL);
	return when < 0 ? -1 : MAX((int64_t)(when - time(NULL)), 0);
}

static int take_number(const char *line, size_t len, int64_t (*parse)(const char *), int64_t *out)
{
	_cleanup_free_ char *v = value_of(line, len);

	if (!v)
		return -ENOMEM;
	*out = parse(v);
	return 0;
}

static int64_t range_start(const char *s)
{
	return strncasecmp(s, "bytes ", 6) == 0 ? number(s + 6) : -1;
}

static int take_type(struct http_response *r, const char *line, size_t len)
{
	size_t i;

	if (take(&r->content_type, line, len) < 0)
		return -ENOMEM;
	r->content_type[strcspn(r->content_type, "; \t")] = '\0';
	for (i = 0; r->content_type[i]; i++)
		if (r->content_type[i] >= 'A' && r->content_type[i] <= 'Z')
			r->content_type[i] += 'a' - 'A';
	return 0;
}

static int take_header(struct http_response *r, const char *line, size_t len)
{
	if (is(line, len, "Content-Type"))
		return take_type(r, line, len);
	if (is(line, len, "Location"))
		return take(&r->location, line, len);
	if (is(line, len, "Docker-Content-Digest"))
		return take(&r->digest, line, len);
	if (is(line, len, "Range"))
		return take(&r->range, line, len);
	if (is(line, len, "Link"))
		return take_more(&r->link, line, len);
	if (is(line, len, "OCI-Chunk-Min-Length"))
		return take(&r->chunk_min, line, len);
	if (is(line, len, "Content-Length"))
		return take_number(line, len, number, &r->content_length);
	if (is(line, len, "Retry-After"))
		return take_number(line, len, seconds, &r->retry_after);
	if (is(line, len, "Content-Range"))
		return take_number(line, len, range_start, &r->range_start);
	if (is(line, len, "WWW-Authenticate") && r->n_challenges < HTTP_CHALLENGES_MAX)
		return take(&r->challenges[r->n_challenges++], line, len);
	return 0;
}

static void begin_answer(struct http_response *r, const char *line, size_t len)
{
	_cleanup_free_ char *text = strndup(line, len);
	const char *space = text ? strchr(text, ' ') : NULL;

	http_response_fini(r);
	r->status = space ? strtol(space, NULL, 10) : 0;
}

/* Called for each header line; a new status line after a 1xx starts over. */
static size_t on_header(char *data, size_t size, size_t n, void *arg)
{
	struct http_transfer *t = arg;
	size_t len = size * n;

	t->moved = http_now();
	t->header_bytes += len;
	if (t->header_bytes > HEADERS_MAX) {
		fail(t, -EFBIG);
		return 0;
	}
	if (t->informed)
		return len; /* a trailer */
	if (len > 5 && strncmp(data, "HTTP/", 5) == 0)
		begin_answer(t->r, data, len);
	else if (len <= 2 && t->r->status >= 200)
		t->informed = true;
	else if (memchr(data, ':', len) && take_header(t->r, data, len) < 0) {
		fail(t, -ENOMEM);
		return 0;
	}
	if (t->informed)
		tell_headers(t);
	return len;
}

static size_t on_send(char *data, size_t size, size_t n, void *arg)
{
	struct http_transfer *t = arg;
	const struct http_request *q = t->q;
	uint64_t left = (uint64_t)q->body_length - t->at;
	size_t len = (size_t)MIN((uint64_t)(size * n), left);
	ssize_t got = (ssize_t)len;

	t->moved = http_now();
	if (q->body)
		memcpy(data, (const char *)q->body + t->at, len);
	else if (len)
		got = pread(q->body_fd, data, len, (off_t)(q->body_offset + t->at));
	if (got < 0 || (got == 0 && len)) {
		fail(t, got < 0 ? -errno : -ENODATA);
		return CURL_READFUNC_ABORT;
	}
	t->at += (uint64_t)got;
	if (q->sent && got)
		q->sent(q->arg, (uint64_t)got);
	return (size_t)got;
}

/* Rewind the body to repeat the request on another connection. */
static int on_seek(void *arg, curl_off_t offset, int origin)
{
	struct http_transfer *t = arg;

	if (origin != SEEK_SET || offset < 0 || offset > t->q->body_length)
		return CURL_SEEKFUNC_FAIL;
	t->at = (uint64_t)offset;
	return CURL_SEEKFUNC_OK;
}

void http_loop_callbacks(struct http_transfer *t)
{
	curl_easy_setopt(t->easy, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(t->easy, CURLOPT_WRITEDATA, t);
	curl_easy_setopt(t->easy, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(t->easy, CURLOPT_HEADERDATA, t);
	curl_easy_setopt(t->easy, CURLOPT_READFUNCTION, on_send);
	curl_easy_setopt(t->easy, CURLOPT_READDATA, t);
	curl_easy_setopt(t->easy, CURLOPT_SEEKFUNCTION, on_seek);
	curl_easy_setopt(t->easy, CURLOPT_SEEKDATA, t);
	curl_easy_setopt(t->easy, CURLOPT_PRIVATE, t);
}

/* The caller owns the transfer again as soon as done is set. */
static void finish(struct http *h, struct http_transfer *t, CURLcode code, int error)
{
	struct http_transfer **p;

	for (p = &h->active; *p; p = &(*p)->next)
		if (*p == t) {
			*p = t->next;
			break;
		}
	curl_multi_remove_handle(h->multi, t->easy);
	pthread_mutex_lock(&t->lock);
	t->code = code;
	if (error && t->error == 0)
		t->error = error;
	t->done = true;
	pthread_cond_signal(&t->cond);
	pthread_mutex_unlock(&t->lock);
}

static void add_pending(struct http *h)
{
	struct http_transfer *t, *next;

	pthread_mutex_lock(&h->lock);
	t = TAKE_PTR(h->pending);
	pthread_mutex_unlock(&h->lock);
	for (; t; t = next) {
		next = t->next;
		t->next = h->active;
		h->active = t;
		t->moved = http_now();
		if (curl_multi_add_handle(h->multi, t->easy) != CURLM_OK)
			finish(h, t, CURLE_FAILED_INIT, -EIO);
	}
}

/* After a large body the server may take time to process it before it responds. */
static bool has_stalled(const struct http *h, const struct http_transfer *t)
{
	int64_t limit = (int64_t)h->stall_seconds * 1000;

	if (t->q->body_length > LARGE_BODY && t->at == (uint64_t)t->q->body_length)
		limit *= ANSWER_PATIENCE;
	return http_now() - t->moved > limit;
}

/* Handle requests of callers, and timeouts. */
static void look_after(struct http *h, bool end)
{
	struct http_transfer *t, *next;

	for (t = h->active; t; t = next) {
		bool resume, abort, paused;

		next = t->next;
		pthread_mutex_lock(&t->lock);
		resume = t->resume;
		paused = t->paused && !resume;
		abort = t->abort;
		if (resume)
			t->resume = t->paused = false;
		pthread_mutex_unlock(&t->lock);
		if (abort || end) {
			finish(h, t, CURLE_ABORTED_BY_CALLBACK, -ECANCELED);
		} else if (resume) {
			t->moved = http_now();
			curl_easy_pause(t->easy, CURLPAUSE_CONT);
		} else if (!paused && has_stalled(h, t)) {
			finish(h, t, CURLE_OPERATION_TIMEDOUT, -ETIMEDOUT);
		}
	}
}

static void take_finished(struct http *h)
{
	struct http_transfer *t;
	CURLMsg *m;
	int left;

	while ((m = curl_multi_info_read(h->multi, &left))) {
		CURLcode code = m->data.result;

		if (m->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, (char **)&t);
		finish(h, t, code, 0);
	}
}

/* No more data is available: wake callers whose data was too little to wake them before. */
static void hand_over(struct http *h)
{
	struct http_transfer *t;

	for (t = h->active; t; t = t->next) {
		pthread_mutex_lock(&t->lock);
		if (t->in > t->out)
			wake(t);
		pthread_mutex_unlock(&t->lock);
	}
}

static void *loop(void *arg)
{
	struct http *h = arg;
	bool stop = false;
	int running;

	while (!stop) {
		bool end;

		pthread_mutex_lock(&h->lock);
		stop = h->stop;
		end = h->stop || h->cancelled;
		pthread_mutex_unlock(&h->lock);
		add_pending(h);
		look_after(h, end);
		curl_multi_perform(h->multi, &running);
		take_finished(h);
		hand_over(h);
		if (!stop)
			curl_multi_poll(h->multi, NULL, 0, TICK_MS, NULL);
	}
	return NULL;
}

int http_loop_start(struct http *h, struct err *err)
{
	sigset_t all, before;
	int r;

	h->multi = curl_multi_init();
	if (!h->multi)
		return err_nomem(err);
	/*
	 * Each transfer has its own connection, for HTTP/2, too. A slow caller or a broken
	 * connection then affects no other transfer, and it was not slower when measured.
	 */
	curl_multi_setopt(h->multi, CURLMOPT_PIPELINING, CURLPIPE_NOTHING);
	/* Other threads handle signals; blocked SIGPIPE makes writes fail with EPIPE. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	r = pthread_create(&h->thread, NULL, loop, h);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return r ? err_sys(err, r, "cannot start a thread") : 0;
}

void http_loop_stop(struct http *h)
{
	pthread_mutex_lock(&h->lock);
	h->stop = true;
	pthread_mutex_unlock(&h->lock);
	http_loop_wake(h);
	pthread_join(h->thread, NULL);
}

int http_loop_add(struct http *h, struct http_transfer *t)
{
	bool cancelled;

	pthread_mutex_lock(&h->lock);
	cancelled = h->cancelled || h->stop;
	if (!cancelled) {
		t->next = h->pending;
		h->pending = t;
	}
	pthread_mutex_unlock(&h->lock);
	if (cancelled)
		return -ECANCELED;
	http_loop_wake(h);
	return 0;
}

void http_loop_wake(struct http *h)
{
	curl_multi_wakeup(h->multi);
}
