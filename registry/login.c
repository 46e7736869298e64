/*
 * One client with these credentials and no others, whose first request says it.
 */
#include "registry/login.h"

#include <stddef.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "registry/auth.h"
#include "registry/client.h"
#include "registry/creds.h"
#include "registry/hosts.h"
#include "registry/http.h"

DEFINE_CLEANUP_PTR(struct http, http_free);
DEFINE_CLEANUP_PTR(struct auth, auth_free);
DEFINE_CLEANUP_PTR(struct client, client_free);

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
	if (r < 0)
		return r;
	identity = auth_identity_token(a);
	if (identity) {
		cred_wipe(c->password);
		cred_wipe(c->identity_token);
		c->password = NULL;
		c->identity_token = identity;
	}
	return 0;
}
