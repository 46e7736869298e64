/*
 * Maps references and hosts to endpoints.
 */
#include "registry/config/hosts.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/log.h"
#include "registry/config/certs.h"
#include "registry/config/registries.h"
#include "store/oci/reference.h"

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

/* name_host - set the host of an endpoint: "docker.io" or another one. */
static int name_host(const char *domain, size_t len, struct endpoint *e, struct err *err)
{
	e->key = strndup(domain, len);
	if (!e->key)
		return err_nomem(err);
	e->host = strdup(strcmp(e->key, HUB) == 0 ? HUB_HOST : e->key);
	return e->host ? 0 : err_nomem(err);
}

/*
 * Parse a mapped name, which must be a valid reference. Tag and digest are at its end and must be
 * unchanged; a prefix with a tag could change them.
 */
static int read_name(const char *name, const struct reference *ref, struct endpoint *e,
		     struct err *err)
{
	_cleanup_reference_ struct reference to = { 0 };
	int r = reference_parse(name, &to, err);

	if (r == 0 && ((!!to.tag != !!ref->tag) || (to.tag && strcmp(to.tag, ref->tag) != 0) ||
		       strcmp(to.digest.str, ref->digest.str) != 0))
		r = err_set(err, ENOTSUP,
			    "%s: registries.conf must not map a tag to a different tag", name);
	if (r == 0)
		r = name_host(to.domain, strlen(to.domain), e, err);
	if (r == 0)
		e->path = TAKE_PTR(to.path);
	return r;
}

/* Parse a mapped host: "HOST" or "HOST/PATH". */
static int read_host(const char *name, struct endpoint *e, struct err *err)
{
	_cleanup_reference_ struct reference to = { 0 };
	size_t n = strcspn(name, "/");
	struct buf text _cleanup_buf_ = BUF_INIT;
	int r;

	/* Append a repository, so that the reference parser decides whether it is a host. */
	if (buf_puts(&text, name) < 0 || (!name[n] && buf_puts(&text, "/x") < 0))
		return err_nomem(err);
	if (reference_parse(buf_str(&text), &to, NULL) < 0)
		return err_set(err, EINVAL, "%.600s: invalid registry name", name);
	r = name_host(to.domain, strlen(to.domain), e, err);
	if (r < 0)
		return r;
	e->path = strdup(name[n] ? to.path : "");
	return e->path ? 0 : err_nomem(err);
}

/* A request for a reference, or for a host if ref is NULL. name is the full name of either. */
struct request {
	const char *name;
	const struct reference *ref;
	const struct registries *conf;
	bool plain_http;
};

/* located - replace the matched part of name by location; NULL: out of memory. */
static char *located(const struct request *q, const char *location, size_t match)
{
	struct buf text _cleanup_buf_ = BUF_INIT;

	if ((location && buf_puts(&text, location) < 0) ||
	    buf_puts(&text, q->name + (location ? match : 0)) < 0)
		return NULL;
	return buf_take(&text);
}

/* check_blocked - the mapped name may be blocked by another entry. */
static int check_blocked(const struct request *q, const char *name, struct err *err)
{
	const struct registry_entry *entry;
	size_t match;

	entry = registries_find(q->conf, name, &match);
	if (!entry || !entry->blocked)
		return 0;
	return err_set(err, EACCES, "registry %s is blocked in %s", entry->prefix, entry->file);
}

static int make(const struct request *q, const char *location, size_t match, bool insecure,
		struct endpoint *e, struct err *err)
{
	_cleanup_free_ char *name = located(q, location, match);
	int r;

	if (!name)
		return err_nomem(err);
	r = check_blocked(q, name, err);
	if (r == 0)
		r = q->ref ? read_name(name, q->ref, e, err) : read_host(name, e, err);
	if (r < 0)
		return r;
	e->insecure = insecure;
	e->plain_http = q->plain_http || insecure || hosts_loopback(e->host);
	return certs_find(e->key, &e->ca_pem, &e->client_cert, &e->client_key, err);
}

/* mirror_blocked - returns 1, 0 or -ENOMEM. */
static int mirror_blocked(const struct request *q, const struct registry_mirror *m, size_t match)
{
	_cleanup_free_ char *name = located(q, m->location, match);

	if (!name)
		return -ENOMEM;
	return check_blocked(q, name, NULL) < 0;
}

static bool used(const struct registry_mirror *m, bool has_digest)
{
	return m->use == MIRROR_ALWAYS || (m->use == MIRROR_DIGESTS) == has_digest;
}

/* Add the mirrors, except blocked ones, then the registry itself; v has room for all. */
static int fill(const struct request *q, const struct registry_entry *entry, size_t match,
		struct endpoints *out, struct err *err)
{
	size_t i;
	int r;

	for (i = 0; entry && q->ref && i < entry->n_mirrors; i++) {
		const struct registry_mirror *m = &entry->mirrors[i];
		struct endpoint *e = &out->v[out->n];

		if (!used(m, digest_is_set(&q->ref->digest)))
			continue;
		r = mirror_blocked(q, m, match);
		if (r > 0) {
			log_debug("mirror %s: blocked", m->location);
			continue;
		}
		out->n++;
		r = r < 0 ? err_nomem(err) : make(q, m->location, match, m->insecure, e, err);
		if (r < 0)
			return r;
		e->mirror = true;
		e->by_digest_only = m->use == MIRROR_DIGESTS;
	}
	return make(q, entry ? entry->location : NULL, match, entry && entry->insecure,
		    &out->v[out->n++], err);
}

static int resolve(const struct request *q, bool follow, struct endpoints *out, struct err *err)
{
	struct endpoints e _cleanup_endpoints_ = ENDPOINTS_INIT;
	struct registry_entry as_is = { 0 };
	const struct registry_entry *entry;
	size_t match = 0;
	int r = check_blocked(q, q->name, err);

	if (r < 0)
		return r;
	entry = registries_find(q->conf, q->name, &match);
	if (entry && !follow) {
		as_is.insecure = entry->insecure;
		entry = &as_is;
	}
	e.v = calloc((entry ? entry->n_mirrors : 0) + 1, sizeof(*e.v));
	if (!e.v)
		return err_nomem(err);
	r = fill(q, entry, match, &e, err);
	if (r < 0)
		return r;
	*out = e;
	e = (struct endpoints)ENDPOINTS_INIT;
	return 0;
}

int hosts_resolve_in(const struct registries *conf, const struct reference *ref, bool plain_http,
		     struct endpoints *out, struct err *err)
{
	struct request q = { .ref = ref, .conf = conf, .plain_http = plain_http };
	struct buf name _cleanup_buf_ = BUF_INIT;

	if (buf_printf(&name, "%s/%s%s%s%s%s", ref->domain, ref->path, ref->tag ? ":" : "",
		       ref->tag ? ref->tag : "", digest_is_set(&ref->digest) ? "@" : "",
		       digest_is_set(&ref->digest) ? ref->digest.str : "") < 0)
		return err_nomem(err);
	q.name = buf_str(&name);
	return resolve(&q, true, out, err);
}

int hosts_resolve(const struct reference *ref, bool plain_http, struct endpoints *out,
		  struct err *err)
{
	struct registries conf _cleanup_registries_ = { NULL, 0 };
	int r = registries_load(&conf, err);

	return r < 0 ? r : hosts_resolve_in(&conf, ref, plain_http, out, err);
}

static int resolve_host(const char *domain, bool plain_http, bool follow, struct endpoints *out,
			struct err *err)
{
	struct registries conf _cleanup_registries_ = { NULL, 0 };
	struct request q = { .conf = &conf, .plain_http = plain_http };
	struct endpoint checked = { 0 };
	int r = strchr(domain, '/') ? err_set(err, EINVAL, "%.600s: invalid registry name", domain)
				    : read_host(domain, &checked, err);

	if (r == 0)
		r = registries_load(&conf, err);
	if (r == 0) {
		q.name = checked.key;
		r = resolve(&q, follow, out, err);
	}
	endpoint_fini(&checked);
	return r;
}

int hosts_of(const char *domain, bool plain_http, struct endpoints *out, struct err *err)
{
	return resolve_host(domain, plain_http, true, out, err);
}

int hosts_exact(const char *domain, bool plain_http, struct endpoints *out, struct err *err)
{
	return resolve_host(domain, plain_http, false, out, err);
}
