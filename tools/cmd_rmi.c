/*
 * imagefs rmi: names of images go, and images with their last name.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "store/disk/store.h"
#include "store/upkeep/remove.h"
#include "tools/verb.h"

DEFINE_CLEANUP_PTR(struct store, store_close);
DEFINE_CLEANUP_PTR(struct removal, removal_free);

static void print_lines(const struct removal *r)
{
	struct removal_line line;
	size_t pos = 0;

	while (removal_line(r, &pos, &line))
		printf("%s: %s\n", line.kind == REMOVAL_UNTAGGED ? "Untagged" : "Deleted",
		       line.text);
}

/* As in docker, with -f a missing image is reported, but is no failure. */
static int rmi(const struct verb *v, struct store *s, char **names, int n, bool force, bool parents)
{
	_cleanup_(cleanup_removal_free) struct removal *r = NULL;
	struct err err = ERR_INIT, *errs = calloc((size_t)n, sizeof(*errs));
	int i, e, status = 0;

	e = errs ? removal_new(s, &r, &err) : err_nomem(&err);
	for (i = 0; i < n && e == 0; i++) {
		int one = removal_image(r, names[i], force, parents, &errs[i]);

		if (one == -ENOMEM)
			e = err_nomem(&err);
		else if (one == 0)
			errs[i].code = 0;
	}
	if (e == 0)
		e = removal_commit(r, false, &err);
	if (e < 0) {
		free(errs);
		return verb_fail(v, &err);
	}
	print_lines(r);
	fflush(stdout);
	for (i = 0; i < n; i++) {
		if (!errs[i].code)
			continue;
		verb_fail(v, &errs[i]);
		if (!force || errs[i].code != ENOENT)
			status = 1;
	}
	if (removal_uncertain(r))
		log_warn("nothing was freed: %s", removal_uncertain(r));
	free(errs);
	return status;
}

struct wish {
	bool force, no_prune;
};

static const struct option_spec options[] = {
	{ 'f', "force", NULL,
	  "untag an image that a container uses; by its ID, remove one that has several names",
	  OPTION(struct wish, force) },
	{ 0, "no-prune", NULL, "keep parents without a name", OPTION(struct wish, no_prune) },
	OPTIONS_END,
};

static int run(const struct verb *v, const struct globals *g, int argc, char **argv)
{
	_cleanup_(cleanup_store_close) struct store *s = NULL;
	struct wish w = { .force = false };
	struct err err = ERR_INIT;

	verb_options(v, &argc, &argv, &w);
	if (argc < 1)
		return verb_usage(v, "requires at least 1 argument");
	if (verb_store_to_write(g, &s, &err) < 0)
		return verb_fail(v, &err);
	return rmi(v, s, argv, argc, w.force, !w.no_prune);
}

const struct verb cmd_rmi = {
	.name = "rmi",
	.summary = "Remove images or names of images",
	.arguments = "IMAGE...",
	.options = options,
	.help = "By a name the name goes, and the image with the last one. A layer goes when no\n"
		"other image and no container has it.\n"
		"\n"
		"Example:\n"
		"  imagefs rmi debian:12\n",
	.run = run,
};
