/*
 * certs.d: trusted and client certificates for each registry, in docker's and podman's directories.
 * spec    containers-certs.d(5)
 */
#ifndef REGISTRY_CONFIG_CERTS_H
#define REGISTRY_CONFIG_CERTS_H

#include "base/err.h"

/*
 * certs_find - read the first of ~/.config/containers/certs.d, /etc/containers/certs.d and
 * /etc/docker/certs.d that has a directory for the host.
 * host      host[:port], as the user typed it: "docker.io", "localhost:5000"
 * ca_pem    all *.crt concatenated, trusted in addition to the system's; heap or NULL
 * cert, key paths of the first *.cert and its *.key; heap, or both NULL
 * errors    -EINVAL one of a pair is missing; system errors. Unreadable directories are skipped
 */
int certs_find(const char *host, char **ca_pem, char **cert, char **key,
	       struct err *err) MUST_CHECK;

/* certs_ca - only the trusted certificates, for a host to which a registry redirects. */
int certs_ca(const char *host, char **ca_pem, struct err *err) MUST_CHECK;

#endif
