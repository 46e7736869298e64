/*
 * imagefs verify: check the objects of a store
 */
#include <errno.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "store/disk/store.h"
#include "store/upkeep/verify.h"
#include "tools/verb.h"

DEFINE_CLEANUP_PTR(struct store, store_close);

static void say(const char *line)
{
	puts(line);
}

static void print_summary(const struct verify_result *r)
{
	char size[32];

	text_size(r->bytes, size);
	printf("%u blob%s (%s), %u index%s, %u image%s, %u container%s: ", r->blobs,
	       TEXT_S(r->blobs), size, r->indexes, r->indexes == 1 ? "" : "es", r->images,
	       TEXT_S(r->images), r->containers, TEXT_S(r->containers));
	if (!r->broken && !r->unchecked)
		puts("no errors");
	else if (!r->broken)
		printf("%u not checked\n", r->unchecked);
	else if (r->unchecked)
		printf("%u broken, %u not checked\n", r->broken, r->unchecked);
	else if (!r->left)
		printf("%u broken, all repaired\n", r->broken);
	else
		printf("%u broken\n", r->broken);
}

static const struct option_spec options[] = {
	{ 0, "repair", NULL,
	  "rebuild damaged indexes; report and remove images that need a damaged or missing "
	  "blob; containers are reported and kept",
	  OPTION(struct verify_options, repair) },
	OPTIONS_END,
};

static int run(const struct verb *v, const struct globals *g, int argc, char **argv)
{
	_cleanup_(cleanup_store_close) struct store *s = NULL;
	struct verify_options o = { .say = say };
	struct verify_result result;
	struct err err = ERR_INIT;

	verb_options(v, &argc, &argv, &o);
	o.names = argv;
	o.n = (size_t)argc;
	o.quiet = g->quiet;
	if ((o.repair ? verb_store_to_write(g, &s, &err) : verb_store(g, &s, &err)) < 0 ||
	    verify(s, &o, &result, &err) < 0)
		return verb_fail(v, &err);
	print_summary(&result);
	if (!result.left && !result.unchecked)
		return 0;
	if (!result.left)
		err_set(&err, EAGAIN, "store %s: some objects could not be checked", s->path);
	else if (o.repair)
		err_set(&err, EBADMSG, "store %s: %u object%s could not be repaired", s->path,
			result.left, TEXT_S(result.left));
	else
		err_set(&err, EBADMSG, "store %s: %u object%s %s broken; see --repair", s->path,
			result.left, TEXT_S(result.left), result.left == 1 ? "is" : "are");
	return verb_fail(v, &err);
}

const struct verb cmd_verify = {
	.name = "verify",
	.summary = "Check every blob, index and reference of the store",
	.arguments = "[IMAGE...]",
	.options = options,
	.help = "Prints one line per error and a summary. The exit status is 1 if there are "
		"errors.\n"
		"With IMAGE, only the objects that it needs are checked. Other commands can "
		"run at the same time.\n"
		"\n"
		"Examples:\n"
		"  imagefs verify\n"
		"  imagefs verify --repair debian:12\n",
	.run = run,
};
