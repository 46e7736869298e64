/* Credentials are wiped before their memory is freed. */
#include "registry/auth/cred.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

void cred_fini(struct cred *c)
{
	free(c->user);
	wipe_string(c->password);
	wipe_string(c->identity_token);
	memset(c, 0, sizeof(*c));
}
