/*
 * Basic and Bearer.
 */
#include "registry/auth.h"

#include <errno.h>
#include <stdlib.h>

#include "base/err.h"
#include "registry/creds.h"
#include "registry/hosts.h"

struct auth {
	struct http *http;
};

int auth_new(struct http *h, struct auth **out, struct err *err)
{
	struct auth *a = calloc(1, sizeof(*a));

	if (!a)
		return err_nomem(err);
	a->http = h;
	*out = a;
	return 0;
}

void auth_free(struct auth *a)
{
	free(a);
}

int auth_use(struct auth *a, const struct cred *c, struct err *err)
{
	(void)a;
	(void)c;
	return err_set(err, ENOTSUP, "not in this version yet");
}

char *auth_identity_token(struct auth *a)
{
	(void)a;
	return NULL;
}

int auth_header(struct auth *a, const struct endpoint *e, const char *scope, char **out,
		struct err *err)
{
	(void)a;
	(void)e;
	(void)scope;
	(void)err;
	*out = NULL;
	return 0;
}

int auth_challenged(struct auth *a, const struct endpoint *e, const char *base_url,
		    const char *scope, const char *const *challenges, const char *rejected,
		    struct err *err)
{
	(void)a;
	(void)base_url;
	(void)scope;
	(void)challenges;
	(void)rejected;
	return err_set(err, EACCES, "%s: unauthorized: authentication required", e->host);
}
