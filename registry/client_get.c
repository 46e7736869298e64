/*
 * Reading from a registry: manifests, blobs, lists.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/json.h"
#include "base/text.h"
#include "registry/client_private.h"
#include "registry/http/http_url.h"
#include "registry/http/link.h"
#include "registry/http/refusal.h"
#include "store/disk/blob.h"
#include "store/oci/manifest.h"

#define LIST_MAX (16u << 20)
#define LIST_PAGES_MAX 4096
#define LIST_NAMES_MAX (1u << 20)
#define NAME_MAX_LEN 255

void client_manifest_fini(struct client_manifest *m)
{
	buf_fini(&m->text);
	free(m->media_type);
	memset(m, 0, sizeof(*m));
}

/* Append "Accept: a, b". */
static int accept_line(const char *const *types, struct buf *out)
{
	size_t i;
	int r = buf_puts(out, "Accept: ");

	for (i = 0; types[i] && r == 0; i++)
		r = buf_printf(out, "%s%s", i ? ", " : "", types[i]);
	return r;
}

static int check(const struct buf *text, const struct digest *want, const char *who,
		 struct err *err)
{
	struct digest got;

	if (digest_like(text->data ? text->data : "", text->len, want, &got) < 0)
		return err_nomem(err);
	if (digest_eq(&got, want))
		return 0;
	return err_set(err, EBADMSG, "the received manifest has the digest %s; %s %s", got.str, who,
		       want->str);
}

/* Verify the requested digest first, then the one in the response. */
static int check_manifest(const struct http_response *r, const char *ref,
			  struct client_manifest *out, struct err *err)
{
	struct digest want, said;
	int e = 0;

	if (digest_parse(ref, &want, NULL) == 0) {
		e = check(&r->text, &want, "expected", err);
		out->digest = want;
	} else if (digest_of(r->text.data ? r->text.data : "", r->text.len, &out->digest) < 0) {
		e = err_nomem(err);
	}
	if (e == 0 && r->digest) {
		if (digest_parse(r->digest, &said, NULL) < 0)
			return err_set(err, EPROTO, "the registry sent an invalid digest");
		e = check(&r->text, &said, "the registry says", err);
	}
	return e;
}

int client_manifest_get(struct client *c, const char *ref, const char *const *accept,
			struct client_manifest *out, struct err *err)
{
	_cleanup_free_ char *url = client_path(c, "manifests/%s", ref);
	struct http_response r _cleanup_response_ = { 0 };
	struct buf line _cleanup_buf_ = BUF_INIT;
	const char *headers[2] = { NULL };
	struct http_request q = { .method = "GET",
				  .url = url,
				  .headers = headers,
				  .body_length = -1,
				  .max = BLOB_JSON_MAX };
	int e;

	memset(out, 0, sizeof(*out));
	if (!url || accept_line(accept, &line) < 0)
		return err_nomem(err);
	headers[0] = line.data;
	e = client_call(c, &q, NULL, &r, err);
	if (e < 0)
		return e == -EFBIG ? err_wrap(err, e, "manifest") : e;
	if (r.status != 200)
		return client_error(&r, err);
	if (refusal_is_web_page(&r))
		return err_set(err, EPROTO, WEB_PAGE);
	e = check_manifest(&r, ref, out, err);
	if (e < 0)
		return e;
	out->text = r.text;
	memset(&r.text, 0, sizeof(r.text));
	out->media_type = TAKE_PTR(r.content_type);
	return 0;
}

static int head(struct client *c, const char *url, const char *accept, struct http_response *r,
		struct err *err)
{
	const char *headers[2] = { accept, NULL };
	struct http_request q = {
		.method = "HEAD", .url = url, .headers = headers, .body_length = -1
	};
	int e = client_call(c, &q, NULL, r, err);

	if (e < 0)
		return e;
	/* The registry may not support the check. The manifest is then pushed. */
	if (r->status == 404 || r->status == 405 || r->status == 501)
		return 0;
	/* A server that answers every request with a web page is not a registry. */
	if (r->status == 200 && refusal_is_web_page(r))
		return err_set(err, EPROTO, WEB_PAGE);
	return r->status == 200 ? 1 : client_error(r, err);
}

int client_manifest_has(struct client *c, const char *ref, struct err *err)
{
	_cleanup_free_ char *url = client_path(c, "manifests/%s", ref);
	struct http_response r _cleanup_response_ = { 0 };

	if (!url)
		return err_nomem(err);
	return head(c, url,
		    "Accept: " MEDIA_OCI_MANIFEST ", " MEDIA_DOCKER_MANIFEST ", " MEDIA_OCI_INDEX
		    ", " MEDIA_DOCKER_LIST,
		    &r, err);
}

int client_blob_has(struct client *c, const struct digest *d, int64_t *size, struct err *err)
{
	_cleanup_free_ char *url = client_path(c, "blobs/%s", d->str);
	struct http_response r _cleanup_response_ = { 0 };
	int e;

	if (!url)
		return err_nomem(err);
	e = head(c, url, NULL, &r, err);
	if (size)
		*size = r.content_length;
	return e;
}

/* A blob that is being downloaded. */
struct fetch {
	const struct client_sink *to;
	const struct digest *digest;
	uint64_t size, pos;
	uint64_t reached; /* maximum of pos: only bytes beyond it count as progress */
	bool moved;	  /* this attempt received bytes */
	bool unsatisfied; /* the server answered 416: range not satisfiable */
};

static int wrong_size(const struct fetch *f, const char *what, struct err *err)
{
	return err_set(err, EPROTO, "blob %s: the registry sends %s than its %llu byte%s",
		       f->digest->str, what, (unsigned long long)f->size, TEXT_S(f->size));
}

static int on_head(void *arg, const struct http_response *r, struct err *err)
{
	struct fetch *f = arg;
	int e;

	if (r->status == 206) {
		if (r->range_start != (int64_t)f->pos)
			return err_set(err, EPROTO, "blob %s: the registry sent a different range",
				       f->digest->str);
		if (f->to->resumed)
			*f->to->resumed = true;
	} else if (f->pos) {
		if (!f->to->restart)
			return err_set(err, EPROTO, "blob %s: the registry does not support ranges",
				       f->digest->str);
		e = f->to->restart(f->to->arg, err);
		if (e < 0)
			return e;
		f->pos = 0;
	}
	if (r->content_length >= 0 && (uint64_t)r->content_length != f->size - f->pos)
		return wrong_size(f,
				  (uint64_t)r->content_length > f->size - f->pos ? "more" : "less",
				  err);
	return 0;
}

static int on_data(void *arg, const void *data, size_t len, struct err *err)
{
	struct fetch *f = arg;
	int r;

	if (len > f->size - f->pos)
		return wrong_size(f, "more", err);
	r = f->to->sink(f->to->arg, data, len, err);
	if (r == 0) {
		f->pos += len;
		f->moved = f->moved || f->pos > f->reached;
		f->reached = MAX(f->reached, f->pos);
	}
	return r;
}

/* One attempt, starting where the last one ended. */
static int fetch_once(struct client *c, struct fetch *f, const char *url, struct http_response *r,
		      struct err *err)
{
	struct buf range _cleanup_buf_ = BUF_INIT;
	const char *headers[2] = { NULL };
	struct http_request q = { .method = "GET",
				  .url = url,
				  .headers = headers,
				  .body_length = -1,
				  .max = UINT64_MAX,
				  .head = on_head,
				  .sink = on_data,
				  .arg = f };
	int e;

	if (f->pos) {
		if (buf_printf(&range, "Range: bytes=%llu-", (unsigned long long)f->pos) < 0)
			return err_nomem(err);
		headers[0] = range.data;
	}
	f->moved = false;
	e = client_once(c, &q, NULL, r, err);
	/* The bytes received so far may belong to another blob: restart at 0. */
	if (e == 0 && r->status == 416 && f->pos) {
		if (f->unsatisfied || !f->to->restart)
			return wrong_size(f, "less", err);
		f->unsatisfied = true;
		f->pos = 0;
		e = f->to->restart(f->to->arg, err);
		return e < 0 ? e
			     : err_set(err, EAGAIN, "blob %s: range not satisfiable",
				       f->digest->str);
	}
	if (e == 0 && r->status != 200 && r->status != 206)
		return retry_status(r->status)
			       ? 0
			       : err_wrap(err, client_error(r, err), "blob %s", f->digest->str);
	/* The response ended early and had no length. */
	if (e == 0 && f->pos < f->size)
		return err_set(err, ECONNRESET,
			       "blob %s: connection closed after %llu of %llu byte%s",
			       f->digest->str, (unsigned long long)f->pos,
			       (unsigned long long)f->size, TEXT_S(f->size));
	return e;
}

int client_blob_get(struct client *c, const struct digest *d, uint64_t size, uint64_t offset,
		    const struct client_sink *to, struct err *err)
{
	_cleanup_free_ char *url = client_path(c, "blobs/%s", d->str);
	struct fetch f = { .to = to, .digest = d, .size = size, .pos = offset, .reached = offset };
	struct retry retry = { .http = c->http };

	if (!url)
		return err_nomem(err);
	if (offset > size)
		return err_set(err, EINVAL, "blob %s: it has only %llu byte%s", d->str,
			       (unsigned long long)size, TEXT_S(size));
	while (f.pos < size) {
		struct http_response r _cleanup_response_ = { 0 };
		int e = fetch_once(c, &f, url, &r, err);

		if (e == 0 && f.pos == size)
			return 0;
		if (retry_wait(&retry, e, e == 0 ? &r : NULL, f.moved))
			continue;
		if (e < 0)
			return retry_reported(&retry, e, err);
		e = retry_reported(&retry, client_error(&r, err), err);
		return err_wrap(err, e, "blob %s", d->str);
	}
	return 0;
}

/* Set *out to the URL of rel="next", always on this server, or to NULL on the last page. */
static int next_page(struct client *c, const struct http_response *r, const char *now, char **out,
		     struct err *err)
{
	_cleanup_free_ char *target = NULL;
	char *moved;
	int e = link_find(r->link, "next", &target);

	*out = NULL;
	if (e <= 0)
		return e < 0 ? err_nomem(err) : 0;
	*out = http_url_join(now, target);
	/* Behind a proxy a registry may not know its own address: stay on this server. */
	if (*out && !http_same_origin(*out, c->base)) {
		moved = http_url_moved(c->base, *out);
		free(*out);
		*out = moved;
	}
	if (!*out || strcmp(*out, now) == 0) {
		free(TAKE_PTR(*out));
		return err_set(err, EPROTO,
			       "the registry's list has an invalid link to its next page");
	}
	return 0;
}

static bool acceptable(const char *name)
{
	size_t i;

	for (i = 0; name[i]; i++)
		if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-/",
			    name[i]))
			return false;
	return i > 0 && i <= NAME_MAX_LEN;
}

/* Process one page. Returns 1 if each() stopped. */
static int page(const struct http_response *r, const char *member, unsigned *left,
		int (*each)(void *arg, const char *name, struct err *err), void *arg,
		struct err *err)
{
	_cleanup_json_ json_t *j = NULL;
	const json_t *name;
	size_t i;
	int e = json_parse(buf_str(&r->text), r->text.len, "the registry's list", &j, err);

	if (e < 0)
		return e == -ENOMEM ? e : err_wrap(err, -EPROTO, "the registry");
	json_array_foreach(json_object_get(j, member), i, name) {
		if (!json_is_string(name) || !acceptable(json_string_value(name)))
			continue;
		if (!*left)
			return err_set(err, EFBIG, "the registry lists more than %u names",
				       LIST_NAMES_MAX);
		(*left)--;
		e = each(arg, json_string_value(name), err);
		if (e)
			return e;
	}
	return 0;
}

static int list(struct client *c, const char *first, const char *scope, const char *member,
		int (*each)(void *arg, const char *name, struct err *err), void *arg,
		struct err *err)
{
	_cleanup_free_ char *url = strdup(first);
	unsigned left = LIST_NAMES_MAX, pages;

	for (pages = 0; url; pages++) {
		struct http_response r _cleanup_response_ = { 0 };
		struct http_request q = {
			.method = "GET", .url = url, .body_length = -1, .max = LIST_MAX
		};
		char *next = NULL;
		int e;

		if (pages == LIST_PAGES_MAX)
			return err_set(err, EFBIG, "the registry's list has more than %d pages",
				       LIST_PAGES_MAX);
		e = client_call(c, &q, scope, &r, err);
		if (e == 0 && r.status != 200)
			e = client_error(&r, err);
		if (e == 0)
			e = page(&r, member, &left, each, arg, err);
		if (e)
			return e < 0 ? e : 0;
		e = next_page(c, &r, url, &next, err);
		if (e < 0)
			return e;
		free(url);
		url = next;
	}
	return first ? 0 : err_nomem(err);
}

int client_tags(struct client *c, int (*each)(void *arg, const char *tag, struct err *err),
		void *arg, struct err *err)
{
	_cleanup_free_ char *url = client_path(c, "tags/list?n=1000");

	return url ? list(c, url, NULL, "tags", each, arg, err) : err_nomem(err);
}

int client_tags_of(struct client *c, const char *path,
		   int (*each)(void *arg, const char *tag, struct err *err), void *arg,
		   struct err *err)
{
	struct buf url _cleanup_buf_ = BUF_INIT, scope _cleanup_buf_ = BUF_INIT;

	if (buf_printf(&url, "%s/v2/%s/tags/list?n=1000", c->base, path) < 0 ||
	    buf_printf(&scope, "repository:%s:pull", path) < 0)
		return err_nomem(err);
	return list(c, url.data, scope.data, "tags", each, arg, err);
}

int client_catalog(struct client *c, int (*each)(void *arg, const char *repo, struct err *err),
		   void *arg, struct err *err)
{
	struct buf url _cleanup_buf_ = BUF_INIT;

	if (buf_printf(&url, "%s/v2/_catalog?n=1000", c->base) < 0)
		return err_nomem(err);
	return list(c, url.data, "registry:catalog:*", "repositories", each, arg, err);
}
