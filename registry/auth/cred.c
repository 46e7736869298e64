/*
 * Secrets are wiped before their memory is given back.
 */
#include "registry/auth/cred.h"

#include <stdlib.h>
#include <string.h>

void cred_wipe(char *secret)
{
	if (secret)
		explicit_bzero(secret, strlen(secret));
	free(secret);
}

void cred_fini(struct cred *c)
{
	free(c->user);
	cred_wipe(c->password);
	cred_wipe(c->identity_token);
	memset(c, 0, sizeof(*c));
}
