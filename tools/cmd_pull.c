/*
 * imagefs pull: images from a registry into the store.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "registry/pull.h"
#include "store/disk/store.h"
#include "store/oci/reference.h"
#include "tools/ensure_image.h"
#include "tools/verb.h"

DEFINE_CLEANUP_PTR(struct store, store_close);

static const struct option_spec options[] = {
	{ 'a', "all-tags", NULL, "pull all tags of the repository",
	  OPTION(struct pull_options, all_tags) },
	{ 0, "platform", "OS/ARCH[/VARIANT]",
	  "pull the image for this platform; the default is this host's",
	  OPTION(struct pull_options, platform), .values = PLATFORM_VALUES },
	{ 0, "plain-http", NULL, "use http if the registry does not support https",
	  OPTION(struct pull_options, plain_http) },
	{ 'q', "quiet", NULL, "print only the name", OPTION_IGNORE },
	OPTIONS_END,
};

/* Neither tag nor digest was typed. */
static bool is_bare(const char *name)
{
	const char *slash = strrchr(name, '/');

	return !strchr(slash ? slash : name, ':') && !strchr(name, '@');
}

/* The last line: the whole name, as docker prints it. */
static void print_name(const struct reference *ref, bool all_tags)
{
	printf("%s/%s", ref->domain, ref->path);
	if (!all_tags && ref->tag)
		printf(":%s", ref->tag);
	if (digest_is_set(&ref->digest))
		printf("@%s", ref->digest.str);
	putchar('\n');
}

static int run(const struct verb *v, const struct globals *g, int argc, char **argv)
{
	_cleanup_(cleanup_store_close) struct store *s = NULL;
	_cleanup_reference_ struct reference ref = { 0 };
	struct pull_options o = { .to = stdout };
	struct err err = ERR_INIT;
	bool bare;

	verb_options(v, &argc, &argv, &o);
	o.quiet = g->quiet;
	if (argc != 1)
		return verb_usage(v, "requires exactly 1 argument");
	if (o.platform && ensure_platform(o.platform, &err) < 0)
		return verb_usage(v, "%s", err.msg);
	bare = is_bare(argv[0]);
	if (reference_parse(argv[0], &ref, &err) < 0)
		return verb_fail(v, &err);
	if (o.all_tags && !bare) {
		err_set(&err, EINVAL, "tag can't be used with --all-tags/-a");
		return verb_fail(v, &err);
	}
	if (bare && !o.all_tags && !o.quiet)
		printf("Using default tag: %s\n", ref.tag);
	if (verb_store_to_write(g, &s, &err) < 0 || pull(s, &ref, &o, NULL, &err) < 0)
		return verb_fail(v, &err);
	print_name(&ref, o.all_tags);
	return 0;
}

const struct verb cmd_pull = {
	.name = "pull",
	.summary = "Pull an image from a registry",
	.arguments = "REPO[:TAG|@DIGEST]",
	.options = options,
	.help = "Examples:\n"
		"  imagefs pull debian:12\n"
		"  imagefs pull --platform linux/arm64 localhost:5000/team/app\n",
	.run = run,
};
