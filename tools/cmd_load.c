/*
 * imagefs load: images from an archive or a layout directory into the store.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "store/disk/store.h"
#include "store/oci/platform.h"
#include "store/oci/reference.h"
#include "store/transfer/load.h"
#include "tools/ensure_image.h"
#include "tools/verb.h"

DEFINE_CLEANUP_PTR(struct store, store_close);

struct wish {
	const char *input;
	struct load_options options;
};

static const struct option_spec options[] = {
	{ 'i', "input", "FILE", "read FILE, or an OCI layout directory, instead of standard input",
	  OPTION(struct wish, input) },
	{ 0, "platform", "OS/ARCH[/VARIANT]",
	  "load only images for this platform; the default is this host's, else any",
	  OPTION(struct wish, options.platform), .values = PLATFORM_VALUES },
	{ 'q', "quiet", NULL, "show no progress bar", OPTION_IGNORE },
	OPTIONS_END,
};

/* The short form of a name, as docker prints it. */
static char *familiar(const char *name)
{
	_cleanup_reference_ struct reference ref = { 0 };

	return reference_parse(name, &ref, NULL) == 0 ? reference_familiar(&ref) : NULL;
}

static void print_image(const struct load_image *image)
{
	_cleanup_free_ char *short_name = NULL;
	const char *name;

	if (!image->name) {
		printf("Loaded image ID: %s\n", image->id.str);
		return;
	}
	short_name = familiar(image->name);
	name = short_name ? short_name : image->name;
	if (digest_is_set(&image->displaced))
		printf("The image %s already exists, renaming the old one with ID %s to empty "
		       "string\n",
		       name, image->displaced.str);
	printf("Loaded image: %s\n", name);
}

/* On stderr: images of other platforms, and members that were left out. Returns the exit status. */
static int print_rest(const struct verb *v, const struct load_result *r)
{
	char host[64];
	size_t i;
	int status = 0;

	platform_host_name(host);
	for (i = 0; i < r->n; i++) {
		const struct load_image *image = &r->v[i];
		_cleanup_free_ char *name = image->name ? familiar(image->name) : NULL;
		struct err err = ERR_INIT;

		/* Once per image; its names are adjacent. */
		if (!image->platform || (i && digest_eq(&image->id, &r->v[i - 1].id)))
			continue;
		err_set(&err, ENOTSUP,
			"%s: the image for %s is missing or incomplete; loaded the one for %s",
			name ? name : image->id.str, host, image->platform);
		verb_fail(v, &err);
	}
	for (i = 0; i < r->n_left; i++) {
		struct err err = ERR_INIT;

		err_set(&err, EINVAL, "%s%s", r->left[i].text,
			r->left[i].no_image ? ": skipped" : "");
		verb_fail(v, &err);
		status |= !r->left[i].no_image;
	}
	return status;
}

static int open_input(const char *input, struct err *err)
{
	int fd;

	if (!input || strcmp(input, "-") == 0) {
		if (isatty(STDIN_FILENO))
			return err_set(err, EINVAL,
				       "requested load from stdin, but stdin is empty; name a file "
				       "with -i");
		return STDIN_FILENO;
	}
	fd = open(input, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	return fd < 0 ? err_sys(err, errno, "%s", input) : fd;
}

static int run(const struct verb *v, const struct globals *g, int argc, char **argv)
{
	_cleanup_(cleanup_store_close) struct store *s = NULL;
	_cleanup_load_result_ struct load_result result = { 0 };
	struct wish w = { .input = NULL };
	struct err err = ERR_INIT;
	size_t i;
	int fd;

	verb_options(v, &argc, &argv, &w);
	w.options.quiet = g->quiet;
	if (argc > 0)
		return verb_usage(v, "unexpected argument %s", argv[0]);
	if (w.options.platform && ensure_platform(w.options.platform, &err) < 0)
		return verb_usage(v, "%s", err.msg);
	fd = open_input(w.input, &err);
	if (fd < 0 || verb_store_to_write(g, &s, &err) < 0 ||
	    load(s, fd, fd == STDIN_FILENO ? "standard input" : w.input, &w.options, &result,
		 &err) < 0)
		return verb_fail(v, &err);
	for (i = 0; i < result.n; i++)
		print_image(&result.v[i]);
	fflush(stdout);
	return print_rest(v, &result);
}

const struct verb cmd_load = {
	.name = "load",
	.summary = "Load images from an archive or an OCI layout directory",
	.arguments = "",
	.options = options,
	.help = "Archives of docker save, podman save, skopeo, buildah and umoci are read, also\n"
		"compressed with gzip, xz, bzip2 or zstd.\n"
		"\n"
		"Examples:\n"
		"  imagefs load -i debian.tar\n"
		"  docker save debian | imagefs load\n",
	.run = run,
};
