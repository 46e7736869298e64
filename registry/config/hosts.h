/*
 * Where a repository is reached: registries.conf and certs.d, as podman and
 * docker have them, turned into the endpoints of a reference in the order in
 * which they are tried.
 * spec    containers-registries.conf(5), containers-certs.d(5)
 * threads any; what is returned belongs to the caller
 */
#ifndef REGISTRY_CONFIG_HOSTS_H
#define REGISTRY_CONFIG_HOSTS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

struct reference;
struct registries;

/* One server and a repository on it. All strings are heap and never NULL where nothing else is said. */
struct endpoint {
	char *host; /* host[:port] to connect to: "registry-1.docker.io", "localhost:5000", "[::1]:5000" */
	char *key;  /* what credentials are kept for: "docker.io", else the same as host */
	char *path; /* the repository there: "library/ubuntu"; "" where only a host was asked for */
	bool plain_http; /* http may be tried where https is not spoken: loopback, --plain-http, insecure */
	bool insecure;	     /* certificates are not verified: only registries.conf says so */
	bool mirror;	     /* pulled from, never pushed to */
	bool by_digest_only; /* a mirror that is only asked for digests */
	char *ca_pem;	     /* certificates to trust beside the system's, PEM; NULL: none */
	char *client_cert;   /* the path of a client certificate, PEM; NULL: none */
	char *client_key;    /* the path of its key; NULL exactly where client_cert is */
};

/* At least one; the last one is the registry itself, all others are mirrors. */
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
 * hosts_resolve - the endpoints of a reference.
 * plain_http   what --plain-http said; for all of them
 * out          endpoints_fini(); set on success only. Mirrors that are asked for digests only are
 *              left out where ref has none
 * errors       -EACCES blocked by registries.conf; -EINVAL a damaged file, with its line
 */
int hosts_resolve(const struct reference *ref, bool plain_http, struct endpoints *out,
		  struct err *err) MUST_CHECK;

/* hosts_resolve_in - the same with what registries.conf says given. */
int hosts_resolve_in(const struct registries *conf, const struct reference *ref, bool plain_http,
		     struct endpoints *out, struct err *err) MUST_CHECK;

/*
 * hosts_of - the endpoint of a host alone, where registries.conf leads for it; no mirrors.
 * domain  "docker.io" or host[:port]
 * out     one endpoint, path "" or what `location` has behind the host
 * errors  as hosts_resolve; -EINVAL no host
 */
int hosts_of(const char *domain, bool plain_http, struct endpoints *out,
	     struct err *err) MUST_CHECK;

/*
 * hosts_exact - the same for the very host: what registries.conf says of blocked and insecure
 * counts, its location does not, so that a password goes where the user said: for login.
 */
int hosts_exact(const char *domain, bool plain_http, struct endpoints *out,
		struct err *err) MUST_CHECK;

/* endpoints_own - the registry itself, the last one. Borrowed. */
const struct endpoint *endpoints_own(const struct endpoints *e);
void endpoints_fini(struct endpoints *e);

/* hosts_loopback - host[:port] is literally localhost, in 127.0.0.0/8 or [::1]. */
bool hosts_loopback(const char *host);

#endif
