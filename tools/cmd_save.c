/*
 * imagefs save: images from the store into an archive or a layout directory.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "store/disk/store.h"
#include "store/transfer/save.h"
#include "tools/verb.h"

DEFINE_CLEANUP_PTR(struct store, store_close);

enum { OPT_FORMAT = 1 };

static int run(const struct verb *v, const struct globals *g, int argc, char **argv)
{
	static const struct option longs[] = {
		{ "output", required_argument, NULL, 'o' },
		{ "format", required_argument, NULL, OPT_FORMAT },
		{ NULL, 0, NULL, 0 },
	};
	_cleanup_(cleanup_store_close) struct store *s = NULL;
	enum save_format format = SAVE_DOCKER_ARCHIVE;
	const char *output = NULL;
	struct err err = ERR_INIT;
	int opt;

	while ((opt = verb_getopt(v, argc, argv, "o:", longs)) != -1) {
		if (opt == 'o')
			output = optarg;
		else if (opt == OPT_FORMAT && save_format_parse(optarg, &format) < 0)
			return verb_usage(
				v,
				"unknown format %s: it is docker-archive, oci-archive or oci-dir",
				optarg);
	}
	if (optind >= argc)
		return verb_usage(v, "which image?");
	if (output && strcmp(output, "-") == 0)
		output = NULL;
	if (!output && format == SAVE_OCI_DIR)
		return verb_usage(v, "the format oci-dir needs a directory: -o DIR");
	if (!output && (g->closed[STDOUT_FILENO] || isatty(STDOUT_FILENO))) {
		err_set(&err, EINVAL, "%s. Use the -o flag or redirect",
			g->closed[STDOUT_FILENO] ? "standard output is closed"
						 : "cowardly refusing to save to a terminal");
		return verb_fail(v, &err);
	}
	if (verb_store(g, &s, &err) < 0 ||
	    save(s, argv + optind, (size_t)(argc - optind), format, output, g->quiet, &err) < 0)
		return verb_fail(v, &err);
	return 0;
}

const struct verb cmd_save = {
	.name = "save",
	.usage = "[-o FILE] [--format docker-archive|oci-archive|oci-dir] IMAGE...",
	.summary = "Save images into an archive, or an OCI layout directory",
	.help = "  -o, --output FILE   write FILE, or a new directory for oci-dir, instead of "
		"standard output\n"
		"      --format FORMAT docker-archive (default; an OCI layout, too), oci-archive "
		"or oci-dir\n\n"
		"A repository without a tag means all its tags.\n\n"
		"Examples:\n"
		"  imagefs save -o debian.tar debian:12\n"
		"  imagefs save debian:12 | docker load\n"
		"  imagefs save --format oci-archive -o both.tar debian:12 app:latest\n",
	.run = run,
};
