/*
 * Endpoints: registries.conf and certs.d, applied to a reference, give the servers to use in the
 * order in which they are tried.
 * spec    containers-registries.conf(5), containers-certs.d(5)
 * threads any; results belong to the caller
 */
#ifndef REGISTRY_CONFIG_HOSTS_H
#define REGISTRY_CONFIG_HOSTS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

struct reference;
struct registries;

/* A server and a repository on it. Strings are heap, and not NULL unless noted. */
struct endpoint {
	char *host;	     /* host[:port] to connect to: "registry-1.docker.io", "[::1]:5000" */
	char *key;	     /* key of the credentials: "docker.io", or the same as host */
	char *path;	     /* the repository: "library/ubuntu"; "" if only a host was given */
	bool plain_http;     /* http is allowed if TLS fails: loopback, --plain-http, insecure */
	bool insecure;	     /* do not verify certificates; set by registries.conf only */
	bool mirror;	     /* used for pull, never for push */
	bool by_digest_only; /* a mirror for references with a digest only */
	char *ca_pem;	     /* certificates to trust in addition to the system's; NULL: none */
	char *client_cert;   /* path of a client certificate, PEM; NULL: none */
	char *client_key;    /* path of its key; NULL if client_cert is NULL */
};

/* One or more. The last is the registry itself, all others are mirrors. */
struct endpoints {
	struct endpoint *v;
	size_t n;
};

#define ENDPOINTS_INIT  \
	{               \
		NULL, 0 \
	}
#define _cleanup_endpoints_ __attribute__((cleanup(endpoints_fini)))

/*
 * hosts_resolve - find the endpoints of a reference.
 * plain_http   the value of --plain-http, for all of them
 * out          endpoints_fini(). If ref has no digest, mirrors for digests only are omitted
 * errors       -EACCES blocked by registries.conf; -EINVAL an invalid file, with the line
 */
int hosts_resolve(const struct reference *ref, bool plain_http, struct endpoints *out,
		  struct err *err) MUST_CHECK;

/* hosts_resolve_in - hosts_resolve() with a given registries.conf. */
int hosts_resolve_in(const struct registries *conf, const struct reference *ref, bool plain_http,
		     struct endpoints *out, struct err *err) MUST_CHECK;

/*
 * hosts_of - find the endpoint of a host, mapped by registries.conf, without mirrors.
 * domain  "docker.io" or host[:port]
 * out     one endpoint; its path is "" or the path of `location`
 * errors  those of hosts_resolve(); -EINVAL invalid host
 */
int hosts_of(const char *domain, bool plain_http, struct endpoints *out,
	     struct err *err) MUST_CHECK;

/*
 * hosts_exact - hosts_of() without mapping, for login: `blocked` and `insecure` of registries.conf
 * apply, `location` does not, so that a password is sent only to the host that the user named.
 */
int hosts_exact(const char *domain, bool plain_http, struct endpoints *out,
		struct err *err) MUST_CHECK;

/* endpoints_own - the registry itself, which is the last one. Borrowed. */
const struct endpoint *endpoints_own(const struct endpoints *e);
void endpoints_fini(struct endpoints *e);

/* hosts_loopback - true if host[:port] is literally localhost, in 127.0.0.0/8 or [::1]. */
bool hosts_loopback(const char *host);

#endif
