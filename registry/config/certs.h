/*
 * certs.d: certificates to trust and to show, per registry, in the directories that docker and podman
 * keep them in.
 * spec    containers-certs.d(5)
 */
#ifndef REGISTRY_CONFIG_CERTS_H
#define REGISTRY_CONFIG_CERTS_H

#include "base/err.h"

/*
 * certs_find - from the first of ~/.config/containers/certs.d, /etc/containers/certs.d and
 * /etc/docker/certs.d that has a directory of that name.
 * host      host[:port], as it is typed: "docker.io", "localhost:5000"
 * ca_pem    all *.crt in one, to be trusted beside the system's; heap or NULL
 * cert, key the paths of the first *.cert and its *.key; heap, or both NULL
 * errors    -EINVAL one of a pair is missing; as the system's. What cannot be searched is passed over
 */
int certs_find(const char *host, char **ca_pem, char **cert, char **key,
	       struct err *err) MUST_CHECK;

/* certs_ca - only what is trusted of it, for a host that a registry leads to. */
int certs_ca(const char *host, char **ca_pem, struct err *err) MUST_CHECK;

#endif
