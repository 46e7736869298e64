/*
 * imagefs push: an image, or all tags of a repository, to its registry.
 */
#include <stdio.h>

#include "base/cleanup.h"
#include "registry/push.h"
#include "store/disk/store.h"
#include "tools/verb.h"

DEFINE_CLEANUP_PTR(struct store, store_close);

enum { OPT_PLAIN_HTTP = 1, OPT_DISABLE_CONTENT_TRUST };

static int run(const struct verb *v, const struct globals *g, int argc, char **argv)
{
	static const struct option longs[] = {
		{ "all-tags", no_argument, NULL, 'a' },
		{ "plain-http", no_argument, NULL, OPT_PLAIN_HTTP },
		{ "disable-content-trust", no_argument, NULL, OPT_DISABLE_CONTENT_TRUST },
		{ NULL, 0, NULL, 0 },
	};
	_cleanup_(cleanup_store_close) struct store *s = NULL;
	struct push_options o = { 0 };
	struct err err = ERR_INIT;
	int opt;

	while ((opt = verb_getopt(v, argc, argv, "a", longs)) != -1) {
		if (opt == 'a')
			o.all_tags = true;
		else if (opt == OPT_PLAIN_HTTP)
			o.plain_http = true;
	}
	if (optind >= argc)
		return verb_usage(v, "which image?");
	if (argc - optind > 1)
		return verb_usage(v, "unexpected argument %s", argv[optind + 1]);
	o.quiet = g->quiet;
	if (verb_store(g, &s, &err) < 0 || push(s, argv[optind], &o, &err) < 0)
		return verb_fail(v, &err);
	return 0;
}

const struct verb cmd_push = {
	.name = "push",
	.usage = "[-a] [-q] REPO[:TAG]",
	.summary = "Send an image to its registry",
	.help = "  -a, --all-tags     all tags of the repository\n"
		"  -q, --quiet        print the name alone\n"
		"      --plain-http   speak http where the registry has no https\n\n"
		"The name says which registry: without a host it is Docker Hub.\n\n"
		"Examples:\n"
		"  imagefs tag app:1 localhost:5000/app:1 && imagefs push localhost:5000/app:1\n"
		"  imagefs push -a registry.example.com/team/app\n",
	.run = run,
};
