/*
 * Token servers: which of them a registry may name, and which of them may be told a password. A
 * realm comes from the network, so it must not turn what is kept for one server against another.
 */
#ifndef REGISTRY_AUTH_REALM_H
#define REGISTRY_AUTH_REALM_H

#include <stdbool.h>

#include "base/err.h"

struct realm {
	char *url;  /* as libcurl writes it */
	char *host; /* host[:port], as endpoints have it */
	bool https;
	bool same_host; /* the registry's own, on whatever port */
};

#define _cleanup_realm_ __attribute__((cleanup(realm_fini)))

/*
 * realm_check - may tokens be fetched there at all?
 * text      what the challenge says
 * base_url  how the registry was spoken to
 * errors    -EPROTO no URL, or one that a registry has no business to name: plain http, unless the registry itself is
 *           spoken to so and the realm is on its host; a user or password in it; an address of a private network or of
 *           this host where the registry itself is none of these
 */
int realm_check(const char *text, const char *base_url, struct realm *out,
		struct err *err) MUST_CHECK;
void realm_fini(struct realm *r);

/*
 * realm_takes_secrets - may a password go there? Over https, yes; in plain text only to the registry's own host, and
 * only where that is this machine, or registries.conf calls the registry insecure.
 */
bool realm_takes_secrets(const struct realm *r, bool insecure);

#endif
