/*
 * References and hosts as endpoints.
 */
#include "registry/hosts.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "store/reference.h"

#define HUB "docker.io"
#define HUB_HOST "registry-1.docker.io"

static void endpoint_fini(struct endpoint *e)
{
	free(e->host);
	free(e->key);
	free(e->path);
	free(e->ca_pem);
	free(e->client_cert);
	free(e->client_key);
}

void endpoints_fini(struct endpoints *e)
{
	size_t i;

	for (i = 0; i < e->n; i++)
		endpoint_fini(&e->v[i]);
	free(e->v);
	e->v = NULL;
	e->n = 0;
}

const struct endpoint *endpoints_own(const struct endpoints *e)
{
	return &e->v[e->n - 1];
}

bool hosts_loopback(const char *host)
{
	size_t n = *host == '[' ? strcspn(host, "]") + (strchr(host, ']') != NULL)
				: strcspn(host, ":");
	struct in_addr a;
	char name[64];

	if (n >= sizeof(name))
		return false;
	memcpy(name, host, n);
	name[n] = '\0';
	if (strcmp(name, "localhost") == 0 || strcmp(name, "[::1]") == 0)
		return true;
	return inet_pton(AF_INET, name, &a) == 1 && ntohl(a.s_addr) >> 24 == 127;
}

static int one(const char *domain, const char *path, bool plain_http, struct endpoints *out,
	       struct err *err)
{
	struct endpoints e _cleanup_endpoints_ = { calloc(1, sizeof(*e.v)), 1 };

	if (!e.v) {
		e.n = 0;
		return err_nomem(err);
	}
	e.v->host = strdup(strcmp(domain, HUB) == 0 ? HUB_HOST : domain);
	e.v->key = strdup(domain);
	e.v->path = strdup(path);
	if (!e.v->host || !e.v->key || !e.v->path)
		return err_nomem(err);
	e.v->plain_http = plain_http || hosts_loopback(domain);
	*out = e;
	e = (struct endpoints)ENDPOINTS_INIT;
	return 0;
}

int hosts_resolve(const struct reference *ref, bool plain_http, struct endpoints *out,
		  struct err *err)
{
	return one(ref->domain, ref->path, plain_http, out, err);
}

int hosts_of(const char *domain, bool plain_http, struct endpoints *out, struct err *err)
{
	return one(domain, "", plain_http, out, err);
}

int hosts_exact(const char *domain, bool plain_http, struct endpoints *out, struct err *err)
{
	return one(domain, "", plain_http, out, err);
}
