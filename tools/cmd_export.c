/*
 * imagefs export: the merged tree of a container or an image as one tar.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "store/disk/store.h"
#include "store/transfer/export.h"
#include "tools/verb.h"

DEFINE_CLEANUP_PTR(struct store, store_close);

struct wish {
	const char *output;
};

static const struct option_spec options[] = {
	{ 'o', "output", "FILE", "write to FILE instead of standard output",
	  OPTION(struct wish, output) },
	OPTIONS_END,
};

static int run(const struct verb *v, const struct globals *g, int argc, char **argv)
{
	_cleanup_(cleanup_store_close) struct store *s = NULL;
	struct wish w = { .output = NULL };
	struct err err = ERR_INIT;

	verb_options(v, &argc, &argv, &w);
	if (argc != 1)
		return verb_usage(v, "requires exactly 1 argument");
	if (w.output && strcmp(w.output, "-") == 0)
		w.output = NULL;
	if (!w.output && (g->closed[STDOUT_FILENO] || isatty(STDOUT_FILENO))) {
		err_set(&err, EINVAL, "%s. Use the -o flag or redirect",
			g->closed[STDOUT_FILENO] ? "standard output is closed"
						 : "cowardly refusing to save to a terminal");
		return verb_fail(v, &err);
	}
	if (verb_store(g, &s, &err) < 0 || export(s, argv[0], w.output, g->quiet, &err) < 0)
		return verb_fail(v, &err);
	return 0;
}

const struct verb cmd_export = {
	.name = "export",
	.summary = "Export the merged tree of a container or an image as a tar archive",
	.arguments = "CONTAINER|IMAGE",
	.options = options,
	.help = "Only files are exported: layers, history and configuration (command, "
		"environment,\n"
		"user, ...) are lost. To keep them, commit the container and save the image.\n"
		"Writers to a container wait while it is read.\n"
		"\n"
		"Examples:\n"
		"  imagefs export -o work.tar work\n"
		"  imagefs export debian:12 | tar -x -C rootfs\n"
		"  imagefs export work | imagefs import - flat:1\n",
	.run = run,
};
