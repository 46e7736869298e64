/*
 * Credentials in files and helpers.
 */
#include "registry/creds.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"

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

char *creds_key(const char *name)
{
	return strdup(name);
}

int creds_get(const char *key, const char *path, struct cred *out, struct err *err)
{
	(void)key;
	(void)path;
	(void)out;
	(void)err;
	return -ENOENT;
}

int creds_put(const char *key, const struct cred *c, char **file, struct err *err)
{
	(void)c;
	(void)file;
	return err_set(err, ENOTSUP, "%s: not in this version yet", key);
}

int creds_erase(const char *key, bool *found, struct err *err)
{
	(void)found;
	return err_set(err, ENOTSUP, "%s: not in this version yet", key);
}
