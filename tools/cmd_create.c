/*
 * imagefs create: a container, a writable directory on top of an image.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "store/disk/store.h"
#include "store/image/image.h"
#include "tools/ensure_image.h"
#include "tools/make_container.h"
#include "tools/run/ensure_options.h"
#include "tools/verb.h"

DEFINE_CLEANUP_PTR(struct store, store_close);

enum { OPT_NAME = 256, OPT_PULL, OPT_PLATFORM, OPT_PLAIN_HTTP };

static int create(struct store *s, const char *wanted, const char *image_name,
		  const struct ensure_options *ensure, char **name, struct err *err)
{
	_cleanup_image_ struct image *image = NULL;
	int r = ensure_image(s, image_name, ensure, &image, err);

	return r < 0 ? r : make_container(s, wanted, image, name, err);
}

static int run(const struct verb *v, const struct globals *g, int argc, char **argv)
{
	static const struct option longs[] = {
		{ "name", required_argument, NULL, OPT_NAME },
		{ "pull", required_argument, NULL, OPT_PULL },
		{ "platform", required_argument, NULL, OPT_PLATFORM },
		{ "plain-http", no_argument, NULL, OPT_PLAIN_HTTP },
		{ NULL, 0, NULL, 0 },
	};
	_cleanup_(cleanup_store_close) struct store *s = NULL;
	_cleanup_free_ char *name = NULL;
	const char *wanted = NULL;
	struct ensure_options ensure = { .pull = NULL };
	struct err err = ERR_INIT;
	int opt;

	while ((opt = verb_getopt(v, argc, argv, "", longs)) != -1) {
		if (opt == OPT_NAME)
			wanted = optarg;
		else if (opt == OPT_PULL)
			ensure.pull = optarg;
		else if (opt == OPT_PLATFORM)
			ensure.platform = optarg;
		else
			ensure.plain_http = true;
	}
	ensure.quiet = g->quiet;
	if (optind >= argc)
		return verb_usage(v, "which image?");
	if (argc - optind > 1)
		return verb_usage(v, "one image only: %s is too much", argv[optind + 1]);
	if (ensure_check(&ensure, &err) < 0)
		return verb_usage(v, "%s", err.msg);
	if ((wanted && make_container_check(wanted, &err) < 0) ||
	    verb_store_to_write(g, &s, &err) < 0 ||
	    create(s, wanted, argv[optind], &ensure, &name, &err) < 0)
		return verb_fail(v, &err);
	puts(name);
	return 0;
}

const struct verb cmd_create = {
	.name = "create",
	.usage = "[--name NAME] [--pull missing|always|never] [--platform PLATFORM] [--plain-http] "
		 "IMAGE",
	.summary = "Make a container: a writable directory on top of an image",
	.help = "      --name NAME   its name, and that of its directory below containers/;\n"
		"                    else a random one\n"
		"      --pull WHEN   pull the image: missing (the default), always, never\n"
		"      --platform OS/ARCH[/VARIANT]\n"
		"                    the image for another platform than this host's\n"
		"      --plain-http  http where the registry does not speak https\n\n"
		"The name is printed. An image that is not there is pulled first.\n\n"
		"Example:\n"
		"  imagefs create --name web debian:12 && touch /mnt/containers/web/hello\n",
	.run = run,
};
