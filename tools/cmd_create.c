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

struct wish {
	const char *name;
	struct ensure_options ensure;
};

static const struct option_spec options[] = {
	{ 0, "name", "NAME",
	  "name of the container and of its directory in containers/; the default is random",
	  OPTION(struct wish, name) },
	{ 0, "pull", "WHEN", "pull the image: missing (the default), always, never",
	  OPTION(struct wish, ensure.pull), .values = "missing|always|never" },
	{ 0, "platform", "OS/ARCH[/VARIANT]",
	  "use the image for this platform; the default is this host's",
	  OPTION(struct wish, ensure.platform), .values = PLATFORM_VALUES },
	{ 0, "plain-http", NULL, "use http if the registry does not support https",
	  OPTION(struct wish, ensure.plain_http) },
	OPTIONS_END,
};

static int create(struct store *s, const char *wanted, const char *image_name,
		  const struct ensure_options *ensure, char **name, struct err *err)
{
	_cleanup_image_ struct image *image = NULL;
	int r = ensure_image(s, image_name, ensure, &image, err);

	return r < 0 ? r : make_container(s, wanted, image, name, err);
}

static int run(const struct verb *v, const struct globals *g, int argc, char **argv)
{
	_cleanup_(cleanup_store_close) struct store *s = NULL;
	_cleanup_free_ char *name = NULL;
	struct wish w = { .name = NULL };
	struct err err = ERR_INIT;

	verb_options(v, &argc, &argv, &w);
	w.ensure.quiet = g->quiet;
	if (argc < 1)
		return verb_usage(v, "which image?");
	if (argc > 1)
		return verb_usage(v, "one image only: %s is too much", argv[1]);
	if (ensure_check(&w.ensure, &err) < 0)
		return verb_usage(v, "%s", err.msg);
	if ((w.name && make_container_check(w.name, &err) < 0) ||
	    verb_store_to_write(g, &s, &err) < 0 ||
	    create(s, w.name, argv[0], &w.ensure, &name, &err) < 0)
		return verb_fail(v, &err);
	puts(name);
	return 0;
}

const struct verb cmd_create = {
	.name = "create",
	.summary = "Create a container: a writable directory on top of an image",
	.arguments = "IMAGE",
	.options = options,
	.help = "The name is printed. A missing image is pulled first.\n"
		"\n"
		"Example:\n"
		"  imagefs create --name web debian:12 && touch /mnt/containers/web/hello\n",
	.run = run,
};
