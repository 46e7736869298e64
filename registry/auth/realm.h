/*
 * Token servers: which of them a registry may name, and which of them may receive a password. A
 * realm comes from the network, so it is checked before it is used.
 */
#ifndef REGISTRY_AUTH_REALM_H
#define REGISTRY_AUTH_REALM_H

#include <stdbool.h>

#include "base/err.h"

struct realm {
	char *url;  /* normalized by libcurl */
	char *host; /* host[:port], as in endpoints */
	bool https;
	bool same_host; /* on the registry's host, on any port */
};

#define _cleanup_realm_ __attribute__((cleanup(realm_fini)))

/*
 * realm_check - check whether tokens may be fetched from a realm.
 * text      the realm of the challenge
 * base_url  the URL of the registry
 * errors    -EPROTO not a URL, or not allowed: plain http, unless the registry uses it and the
 *           realm is on its host; a user or password in the URL; a private or loopback address,
 *           unless the registry has one itself
 */
int realm_check(const char *text, const char *base_url, struct realm *out,
		struct err *err) MUST_CHECK;
void realm_fini(struct realm *r);

/*
 * realm_takes_secrets - true if a password may be sent to the realm: over https; in plain text only
 * to the registry's own host, and only if that is this machine or marked insecure in
 * registries.conf.
 */
bool realm_takes_secrets(const struct realm *r, bool insecure);

#endif
