/*
 * imagefs logout: forget what login stored.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "registry/auth/creds.h"
#include "tools/verb.h"

#define HUB "docker.io"
#define HUB_URL "https://index.docker.io/v1/"

static int logout(const char *server, struct err *err)
{
	_cleanup_free_ char *key = creds_key(server);
	struct buf shown _cleanup_buf_ = BUF_INIT;
	bool found = false;
	int r;

	if (!key || text_escape(&shown, strcmp(key, HUB) == 0 ? HUB_URL : key) < 0)
		return err_nomem(err);
	r = creds_erase(key, &found, err);
	if (r < 0)
		return err_wrap(err, r, "could not erase credentials for %.300s", buf_str(&shown));
	/* Docker says so whether or not there was anything. */
	printf("Removing login credentials for %s\n", buf_str(&shown));
	return 0;
}

static int run(const struct verb *v, const struct globals *g, int argc, char **argv)
{
	struct err err = ERR_INIT;

	(void)g;
	verb_options(v, &argc, &argv, NULL);
	if (argc > 1)
		return verb_usage(v, "requires at most 1 argument");
	return logout(argc > 0 ? argv[0] : HUB, &err) < 0 ? verb_fail(v, &err) : 0;
}

const struct verb cmd_logout = {
	.name = "logout",
	.summary = "Log out from a registry",
	.arguments = "[SERVER]",
	.help = "Without SERVER it is Docker Hub.\n"
		"\n"
		"Example:\n"
		"  imagefs logout registry.example.com\n",
	.run = run,
};
