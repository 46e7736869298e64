/*
 * One credential: what proves to a registry who asks.
 */
#ifndef REGISTRY_AUTH_CRED_H
#define REGISTRY_AUTH_CRED_H

/* Either may be missing (NULL): a password, or an identity token that stands for one. */
struct cred {
	char *user, *password, *identity_token;
};

#define _cleanup_cred_ __attribute__((cleanup(cred_fini)))

/* cred_fini - wipe and free. */
void cred_fini(struct cred *c);

#endif
