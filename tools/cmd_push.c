/*
 * imagefs push: an image, or all tags of a repository, to its registry.
 */
#include <stdio.h>

#include "base/cleanup.h"
#include "registry/push.h"
#include "store/disk/store.h"
#include "tools/verb.h"

DEFINE_CLEANUP_PTR(struct store, store_close);

static const struct option_spec options[] = {
	{ 'a', "all-tags", NULL, "push all tags of the repository",
	  OPTION(struct push_options, all_tags) },
	{ 'q', "quiet", NULL, "print only the name", OPTION_IGNORE },
	{ 0, "plain-http", NULL, "use http if the registry does not support https",
	  OPTION(struct push_options, plain_http) },
	{ 0, "disable-content-trust", NULL, NULL, OPTION_IGNORE },
	OPTIONS_END,
};

static int run(const struct verb *v, const struct globals *g, int argc, char **argv)
{
	_cleanup_(cleanup_store_close) struct store *s = NULL;
	struct push_options o = { 0 };
	struct err err = ERR_INIT;

	verb_options(v, &argc, &argv, &o);
	if (argc < 1)
		return verb_usage(v, "which image?");
	if (argc > 1)
		return verb_usage(v, "unexpected argument %s", argv[1]);
	o.quiet = g->quiet;
	if (verb_store(g, &s, &err) < 0 || push(s, argv[0], &o, &err) < 0)
		return verb_fail(v, &err);
	return 0;
}

const struct verb cmd_push = {
	.name = "push",
	.summary = "Push an image to its registry",
	.arguments = "REPO[:TAG]",
	.options = options,
	.help = "The name says which registry: without a host it is Docker Hub.\n"
		"\n"
		"Examples:\n"
		"  imagefs tag app:1 localhost:5000/app:1 && imagefs push localhost:5000/app:1\n"
		"  imagefs push -a registry.example.com/team/app\n",
	.run = run,
};
