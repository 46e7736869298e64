/*
 * imagefs import: the tar of a root file system becomes an image.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "store/disk/store.h"
#include "store/oci/reference.h"
#include "store/transfer/import.h"
#include "tools/epoch.h"
#include "tools/verb.h"

DEFINE_CLEANUP_PTR(struct store, store_close);

static int open_input(const char *file, struct err *err)
{
	int fd;

	if (strcmp(file, "-") == 0) {
		if (isatty(STDIN_FILENO))
			return err_set(err, EINVAL,
				       "standard input is a terminal; name a file, or "
				       "pipe a tar into it");
		return STDIN_FILENO;
	}
	if (strncmp(file, "http://", 7) == 0 || strncmp(file, "https://", 8) == 0)
		return err_set(err, ENOTSUP,
			       "%.300s: a URL is not fetched; use: curl -fL URL | imagefs import - "
			       "[REPOSITORY[:TAG]]",
			       file);
	fd = open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	return fd < 0 ? err_sys(err, errno, "%s", file) : fd;
}

/* The whole reference of a new image; NULL where none was given. Caller frees. */
static int full_name(const char *reference, char **out, struct err *err)
{
	_cleanup_reference_ struct reference ref = { 0 };
	int r;

	*out = NULL;
	if (!reference || !*reference)
		return 0;
	r = reference_parse(reference, &ref, err);
	if (r < 0)
		return r;
	if (digest_is_set(&ref.digest))
		return err_set(err, EINVAL, "%s: cannot import digest reference", reference);
	*out = reference_full(&ref);
	return *out ? 0 : err_nomem(err);
}

static int execute(const struct globals *g, const char *file, const char *reference,
		   struct import_options *o, struct err *err)
{
	_cleanup_(cleanup_store_close) struct store *s = NULL;
	_cleanup_free_ char *full = NULL;
	struct digest id;
	int fd, r;

	r = full_name(reference, &full, err);
	if (r < 0)
		return r;
	o->name = full;
	fd = open_input(file, err);
	if (fd < 0)
		return fd;
	r = verb_store_to_write(g, &s, err);
	if (r == 0)
		r = import(s, fd, fd == STDIN_FILENO ? "standard input" : file, o, &id, err);
	if (fd != STDIN_FILENO)
		close(fd);
	if (r == 0)
		puts(id.str);
	return r;
}

struct wish {
	struct option_list changes;
	struct import_options options;
};

static const struct option_spec options[] = {
	{ 'c', "change", "INSTRUCTION",
	  "apply a Dockerfile instruction: CMD, ENTRYPOINT, ENV, EXPOSE, HEALTHCHECK, LABEL, "
	  "ONBUILD, STOPSIGNAL, USER, VOLUME, WORKDIR",
	  OPTION(struct wish, changes) },
	{ 'm', "message", "TEXT", "comment for the history (default: \"Imported from -\")",
	  OPTION(struct wish, options.message) },
	{ 0, "platform", "PLATFORM", "OS[/ARCH[/VARIANT]] or ARCH; the default is this host's",
	  OPTION(struct wish, options.platform), .values = PLATFORM_VALUES },
	OPTIONS_END,
};

static int run(const struct verb *v, const struct globals *g, int argc, char **argv)
{
	struct wish w = { .options = { .timestamp = -1 } };
	struct err err = ERR_INIT;
	int status;

	verb_options(v, &argc, &argv, &w);
	w.options.changes = w.changes.v;
	w.options.n_changes = w.changes.n;
	w.options.quiet = g->quiet;
	if (argc < 1 || argc > 2)
		status = verb_usage(v, "requires at least 1 and at most 2 arguments");
	else if (epoch_env(&w.options.timestamp, &err) < 0 ||
		 execute(g, argv[0], argc == 2 ? argv[1] : NULL, &w.options, &err) < 0)
		status = verb_fail(v, &err);
	else
		status = 0;
	option_list_fini(&w.changes);
	return status;
}

const struct verb cmd_import = {
	.name = "import",
	.summary = "Create an image of one layer from a tar archive of a root file system",
	.arguments = "FILE|- [REPOSITORY[:TAG]]",
	.options = options,
	.help = "The tar may be compressed with gzip, zstd, bzip2 or xz. A tar has no "
		"configuration:\n"
		"what an exported image had (command, environment, user, ...) is lost; give it "
		"with\n"
		"--change. $SOURCE_DATE_EPOCH is the image's time where it is set.\n"
		"\n"
		"Examples:\n"
		"  imagefs import -c 'CMD [\"bash\"]' rootfs.tar.xz debian:mine\n"
		"  imagefs export work | imagefs import - flat:1\n",
	.run = run,
};
