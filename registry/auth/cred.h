/*
 * A credential for a registry.
 */
#ifndef REGISTRY_AUTH_CRED_H
#define REGISTRY_AUTH_CRED_H

/* A password, or an identity token that replaces it. Members may be NULL. */
struct cred {
	char *user, *password, *identity_token;
};

#define _cleanup_cred_ __attribute__((cleanup(cred_fini)))

/* cred_fini - wipe and free all members. */
void cred_fini(struct cred *c);

#endif
