/*
 * Opens a client with only these credentials. The result of its first request decides.
 */
#include "registry/login.h"

#include <errno.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "registry/auth/auth.h"
#include "registry/auth/cred.h"
#include "registry/client.h"
#include "registry/config/hosts.h"
#include "registry/http/http.h"

DEFINE_CLEANUP_PTR(struct http, http_free);
DEFINE_CLEANUP_PTR(struct auth, auth_free);
DEFINE_CLEANUP_PTR(struct client, client_free);

/*
 * client_open() also accepts some error responses. As in docker, only a 2xx counts as a login. A
 * registry without authentication gets no Authorization header.
 */
static int ask(struct http *h, struct auth *a, const struct client *c, struct err *err)
{
	struct http_response answer _cleanup_response_ = { 0 };
	struct http_request q = { .method = "GET",
				  .endpoint = client_endpoint(c),
				  .body_length = -1 };
	struct buf url _cleanup_buf_ = BUF_INIT;
	char *header = NULL;
	int r = auth_header(a, client_endpoint(c), NULL, &header, err);

	if (r == 0 && buf_printf(&url, "%s/v2/", client_url(c)) < 0)
		r = err_nomem(err);
	if (r == 0) {
		q.url = url.data;
		q.authorization = header;
		r = http_do(h, &q, &answer, err);
	}
	wipe_string(header);
	if (r < 0 || (answer.status >= 200 && answer.status < 300))
		return r;
	return err_set(err, answer.status == 401 || answer.status == 403 ? EACCES : EPROTO,
		       "login attempt to %.300s failed with status: %ld", url.data, answer.status);
}

int login_check(const char *key, bool plain_http, struct cred *c, struct err *err)
{
	struct endpoints e _cleanup_endpoints_ = ENDPOINTS_INIT;
	_cleanup_(cleanup_http_free) struct http *h = NULL;
	_cleanup_(cleanup_auth_free) struct auth *a = NULL;
	_cleanup_(cleanup_client_free) struct client *client = NULL;
	char *identity;
	int r = hosts_exact(key, plain_http, &e, err);

	if (r == 0)
		r = http_new(NULL, &h, err);
	if (r == 0)
		r = auth_new(h, &a, err);
	if (r == 0)
		r = auth_use(a, c, err);
	if (r == 0)
		r = client_open(h, a, endpoints_own(&e), NULL, &client, err);
	if (r == 0)
		r = ask(h, a, client, err);
	if (r < 0)
		return r;
	identity = auth_identity_token(a);
	if (identity) {
		wipe_string(c->password);
		wipe_string(c->identity_token);
		c->password = NULL;
		c->identity_token = identity;
	}
	return 0;
}
