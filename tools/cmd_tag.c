/*
 * imagefs tag: one more name for an image.
 */
#include <errno.h>

#include "base/cleanup.h"
#include "store/disk/store.h"
#include "store/image/image.h"
#include "store/oci/reference.h"
#include "tools/verb.h"

static int tag(const struct globals *g, const char *source, const char *name, struct err *err)
{
	_cleanup_reference_ struct reference ref = { 0 };
	_cleanup_free_ char *full = NULL;
	struct store *s;
	int r;

	r = reference_parse(name, &ref, err);
	if (r < 0)
		return r;
	if (digest_is_set(&ref.digest))
		return err_set(err, EINVAL, "%s: refusing to create a tag with a digest reference",
			       name);
	full = reference_full(&ref);
	if (!full)
		return err_nomem(err);
	r = verb_store_to_write(g, &s, err);
	if (r < 0)
		return r;
	r = image_tag(s, source, full, err);
	store_close(s);
	return r;
}

static int run(const struct verb *v, const struct globals *g, int argc, char **argv)
{
	struct err err = ERR_INIT;

	verb_options(v, &argc, &argv, NULL);
	if (argc != 2)
		return verb_usage(v, "requires exactly 2 arguments");
	return tag(g, argv[0], argv[1], &err) < 0 ? verb_fail(v, &err) : 0;
}

const struct verb cmd_tag = {
	.name = "tag",
	.summary = "Add a name to an image",
	.arguments = "SOURCE_IMAGE[:TAG] TARGET_IMAGE[:TAG]",
	.help = "Example:\n"
		"  imagefs tag debian:12 localhost:5000/team/debian:12\n",
	.run = run,
};
