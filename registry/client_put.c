/*
 * Writing to a registry: uploads of blobs, and manifests.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "registry/client_private.h"
#include "registry/http/http_url.h"
#include "registry/http/refusal.h"

#define CHUNK_MIN_MAX (1ull << 30) /* a larger minimum chunk size is ignored */

/*
 * The success status is 201. Some registries use other ones, and a proxy may answer in place of the
 * registry. After any other 2xx the caller checks that the object exists.
 */
static int not_taken(const char *what, const struct http_response *r, struct err *err)
{
	return err_set(err, EPROTO, "the registry did not accept the %s (status %ld)", what,
		       r->status);
}

/*
 * Registries without support for OCI manifests answer 415, or 400 with an error code, which Amazon
 * ECR turns into 405.
 */
static bool is_type_refused(const struct http_response *r)
{
	if (r->status == 415)
		return true;
	return (r->status == 400 || r->status == 405) &&
	       (refusal_has_code(r, "MANIFEST_INVALID") || refusal_has_code(r, "TAG_INVALID") ||
		refusal_has_code(r, "UNSUPPORTED"));
}

int client_manifest_put(struct client *c, const char *ref, const char *media_type, const void *data,
			size_t len, const struct digest *digest, struct err *err)
{
	_cleanup_free_ char *url = client_path(c, "manifests/%s", ref);
	struct http_response r _cleanup_response_ = { 0 };
	struct buf type _cleanup_buf_ = BUF_INIT;
	const char *headers[2] = { NULL };
	struct http_request q = { .method = "PUT",
				  .url = url,
				  .headers = headers,
				  .body = data,
				  .body_fd = -1,
				  .body_length = (int64_t)len };
	struct digest said;
	int e;

	if (!url || buf_printf(&type, "Content-Type: %s", media_type) < 0)
		return err_nomem(err);
	headers[0] = type.data;
	e = client_call(c, &q, NULL, &r, err);
	if (e < 0)
		return e;
	if (is_type_refused(&r)) {
		client_error(&r, err);
		return err ? (err->code = ENOTSUP, -ENOTSUP) : -ENOTSUP;
	}
	if (r.status < 200 || r.status > 299)
		return client_error(&r, err);
	if (r.status != 201 && client_manifest_has(c, digest->str, NULL) != 1)
		return not_taken("manifest", &r, err);
	if (r.digest && digest_parse(r.digest, &said, NULL) == 0 &&
	    strncmp(said.str, digest->str, 7) == 0 && !digest_eq(&said, digest))
		return err_set(err, EBADMSG, "the registry stored the manifest as %s instead of %s",
			       said.str, digest->str);
	return 0;
}

/* Replace *location by the URL of the next request of the upload. */
static int take_location(const struct client *c, char **location, struct http_response *r,
			 bool needed, struct err *err)
{
	if (!r->location)
		return needed ? err_set(err, EPROTO, "the registry sent no location for the upload")
			      : 0;
	/* Private layers must not be sent unencrypted. */
	if (http_url_is_tls(c->base) && !http_url_is_tls(r->location))
		return err_set(err, EPROTO, "the registry redirects the upload from https to http");
	free(*location);
	*location = TAKE_PTR(r->location);
	return 0;
}

static uint64_t chunk_size(const struct http_response *r)
{
	char *end;
	unsigned long long n = r->chunk_min ? strtoull(r->chunk_min, &end, 10) : 0;

	return n && *end == '\0' && n <= CHUNK_MIN_MAX ? n : 0;
}

int client_upload_begin(struct client *c, const struct digest *mount, const char *from,
			char **location, uint64_t *chunk_min, struct err *err)
{
	_cleanup_free_ char *url = NULL;
	struct http_response r _cleanup_response_ = { 0 };
	struct http_request q = {
		.method = "POST", .body = "", .body_fd = -1, .no_redirect = true
	};
	int e;

	*location = NULL;
	url = mount ? client_path(c, "blobs/uploads/?mount=%s&from=%s", mount->str, from)
		    : client_path(c, "blobs/uploads/");
	if (!url)
		return err_nomem(err);
	q.url = url;
	e = client_call(c, &q, NULL, &r, err);
	if (e < 0)
		return e;
	if (mount && r.status == 201)
		return 0;
	if (r.status != 202)
		return client_error(&r, err);
	if (chunk_min)
		*chunk_min = chunk_size(&r);
	return take_location(c, location, &r, true, err);
}

static void set_body(struct http_request *q, const struct client_body *b)
{
	q->body = b->data ? (const char *)b->data + b->offset : b->length ? NULL : "";
	q->body_fd = b->fd;
	q->body_offset = b->offset;
	q->body_length = (int64_t)b->length;
	q->sent = b->sent;
	q->arg = b->arg;
}

int client_upload_chunk(struct client *c, char **location, const struct client_body *b,
			struct err *err)
{
	struct http_response r _cleanup_response_ = { 0 };
	struct buf range _cleanup_buf_ = BUF_INIT;
	const char *headers[3] = { "Content-Type: application/octet-stream", NULL, NULL };
	struct http_request q = { .method = "PATCH", .url = *location, .headers = headers };
	int e;

	if (buf_printf(&range, "Content-Range: %llu-%llu", (unsigned long long)b->offset,
		       (unsigned long long)(b->offset + b->length - 1)) < 0)
		return err_nomem(err);
	headers[1] = range.data;
	set_body(&q, b);
	e = client_once(c, &q, NULL, &r, err);
	if (e < 0)
		return e;
	/* Not the range that the server expects: the caller asks for the status. */
	if (r.status == 416)
		return err_set(err, EAGAIN, "the registry expects a different range of the upload");
	if (r.status < 200 || r.status > 299)
		return client_error(&r, err);
	return take_location(c, location, &r, true, err);
}

int client_upload_end(struct client *c, char **location, const struct digest *d,
		      const struct client_body *b, struct err *err)
{
	static const char *const headers[] = { "Content-Type: application/octet-stream", NULL };
	struct http_response r _cleanup_response_ = { 0 };
	struct buf url _cleanup_buf_ = BUF_INIT;
	struct http_request q = { .method = "PUT", .headers = headers };
	int e;

	if (buf_printf(&url, "%s%cdigest=%s", *location, strchr(*location, '?') ? '&' : '?',
		       d->str) < 0)
		return err_nomem(err);
	q.url = url.data;
	set_body(&q, b);
	e = client_once(c, &q, NULL, &r, err);
	if (e < 0)
		return e;
	if (r.status < 200 || r.status > 299)
		return client_error(&r, err);
	if (r.status != 201 && client_blob_has(c, d, NULL, NULL) != 1)
		return not_taken("blob", &r, err);
	return 0;
}

int client_upload_status(struct client *c, char **location, uint64_t *have, struct err *err)
{
	struct http_response r _cleanup_response_ = { 0 };
	struct http_request q = { .method = "GET", .url = *location, .body_length = -1 };
	unsigned long long last = 0;
	const char *dash;
	char *end;
	int e = client_call(c, &q, NULL, &r, err);

	if (e < 0)
		return e;
	if (r.status < 200 || r.status > 299)
		return client_error(&r, err);
	dash = r.range ? strchr(r.range, '-') : NULL;
	if (dash) {
		errno = 0;
		last = strtoull(dash + 1, &end, 10);
		if (errno || *end || end == dash + 1)
			return err_set(err, EPROTO,
				       "the registry did not report the state of the upload");
	}
	/* "0-0" also means that there are no bytes. */
	*have = last ? last + 1 : 0;
	return take_location(c, location, &r, false, err);
}

void client_upload_cancel(struct client *c, const char *location)
{
	struct http_response r _cleanup_response_ = { 0 };
	struct http_request q = { .method = "DELETE", .url = location, .body_length = -1 };

	/* The registry forgets abandoned uploads by itself. */
	IGNORE(client_once(c, &q, NULL, &r, NULL));
}
