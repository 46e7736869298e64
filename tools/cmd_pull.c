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

enum { OPT_PLATFORM = 256, OPT_PLAIN_HTTP };

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
	static const struct option longs[] = {
		{ "all-tags", no_argument, NULL, 'a' },
		{ "platform", required_argument, NULL, OPT_PLATFORM },
		{ "plain-http", no_argument, NULL, OPT_PLAIN_HTTP },
		{ "quiet", no_argument, NULL, 'q' },
		{ NULL, 0, NULL, 0 },
	};
	_cleanup_(cleanup_store_close) struct store *s = NULL;
	_cleanup_reference_ struct reference ref = { 0 };
	struct pull_options o = { .to = stdout };
	struct err err = ERR_INIT;
	bool bare;
	int opt;

	while ((opt = verb_getopt(v, argc, argv, "aq", longs)) != -1) {
		if (opt == 'a')
			o.all_tags = true;
		else if (opt == OPT_PLATFORM)
			o.platform = optarg;
		else if (opt == OPT_PLAIN_HTTP)
			o.plain_http = true;
	}
	o.quiet = g->quiet;
	if (argc - optind != 1)
		return verb_usage(v, "requires exactly 1 argument");
	if (o.platform && ensure_platform(o.platform, &err) < 0)
		return verb_usage(v, "%s", err.msg);
	bare = is_bare(argv[optind]);
	if (reference_parse(argv[optind], &ref, &err) < 0)
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
	.usage = "[OPTIONS] REPO[:TAG|@DIGEST]",
	.summary = "Fetch an image from a registry",
	.help = "Options:\n"
		"  -a, --all-tags        every tag of the repository\n"
		"      --platform OS/ARCH[/VARIANT]\n"
		"                        which image of a multi-platform one; else this host's\n"
		"      --plain-http      http where the registry does not speak https\n"
		"  -q, --quiet           print the name only\n\n"
		"Examples:\n"
		"  imagefs pull debian:12\n"
		"  imagefs pull --platform linux/arm64 localhost:5000/team/app\n",
	.run = run,
};
