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

struct wish {
	const char *output;
	enum save_format format;
};

static int take_format(void *format, char *value, struct err *err)
{
	return save_format_parse(value, format) < 0
		       ? err_set(err, EINVAL,
				 "unknown format %s: it is docker-archive, oci-archive or oci-dir",
				 value)
		       : 0;
}

static const struct option_spec options[] = {
	{ 'o', "output", "FILE",
	  "write to FILE (a new directory for oci-dir) instead of standard output",
	  OPTION(struct wish, output) },
	{ 0, "format", "FORMAT",
	  "docker-archive (default; also an OCI layout), oci-archive or oci-dir",
	  OPTION_TAKE(struct wish, format, take_format),
	  .values = "docker-archive|oci-archive|oci-dir" },
	OPTIONS_END,
};

static int run(const struct verb *v, const struct globals *g, int argc, char **argv)
{
	_cleanup_(cleanup_store_close) struct store *s = NULL;
	struct wish w = { .format = SAVE_DOCKER_ARCHIVE };
	struct err err = ERR_INIT;

	verb_options(v, &argc, &argv, &w);
	if (argc < 1)
		return verb_usage(v, "which image?");
	if (w.output && strcmp(w.output, "-") == 0)
		w.output = NULL;
	if (!w.output && w.format == SAVE_OCI_DIR)
		return verb_usage(v, "the format oci-dir needs a directory: -o DIR");
	if (!w.output && (g->closed[STDOUT_FILENO] || isatty(STDOUT_FILENO))) {
		err_set(&err, EINVAL, "%s. Use the -o flag or redirect",
			g->closed[STDOUT_FILENO] ? "standard output is closed"
						 : "cowardly refusing to save to a terminal");
		return verb_fail(v, &err);
	}
	if (verb_store(g, &s, &err) < 0 ||
	    save(s, argv, (size_t)argc, w.format, w.output, g->quiet, &err) < 0)
		return verb_fail(v, &err);
	return 0;
}

const struct verb cmd_save = {
	.name = "save",
	.summary = "Save images to an archive or an OCI layout directory",
	.arguments = "IMAGE...",
	.options = options,
	.help = "A repository without a tag means all its tags.\n"
		"\n"
		"Examples:\n"
		"  imagefs save -o debian.tar debian:12\n"
		"  imagefs save debian:12 | docker load\n"
		"  imagefs save --format oci-archive -o both.tar debian:12 app:latest\n",
	.run = run,
};
