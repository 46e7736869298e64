/*
 * imagefs inspect: what is known of images and containers, as a JSON array.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "store/container.h"
#include "store/image.h"
#include "store/inspect.h"
#include "store/refs.h"
#include "store/store.h"
#include "tools/verb.h"

enum kind { KIND_ANY, KIND_IMAGE, KIND_CONTAINER };

/* One name, a container's first, as docker looks. -ENOENT: there is no such thing. */
static int inspect_one(struct store *s, const struct refs *refs, const char *name, enum kind kind,
		       struct buf *out, struct err *err)
{
	_cleanup_container_ struct container *c = NULL;
	_cleanup_image_ struct image *i = NULL;
	int r;

	if (kind != KIND_IMAGE) {
		r = container_open(s, name, &c, err);
		if (r == 0)
			return inspect_container(s, c, out, err);
		if (kind == KIND_CONTAINER || (r != -ENOENT && r != -EINVAL))
			return r;
	}
	r = image_get(s, name, &i, err);
	if (r == -ENOENT && kind == KIND_ANY && strncmp(err->msg, "No such image", 13) == 0)
		return err_set(err, ENOENT, "No such object: %s", name);
	return r < 0 ? r : inspect_image(s, i, refs, out, err);
}

static int print_all(const struct verb *v, struct store *s, char **names, int n, enum kind kind)
{
	_cleanup_refs_ struct refs refs = { 0 };
	struct buf out _cleanup_buf_ = BUF_INIT;
	struct err err = ERR_INIT;
	int i, status = 0;

	if (refs_read(s, &refs, &err) < 0)
		return verb_fail(v, &err);
	for (i = 0; i < n; i++) {
		struct buf one _cleanup_buf_ = BUF_INIT;

		if (inspect_one(s, &refs, names[i], kind, &one, &err) < 0) {
			status = verb_fail(v, &err);
			continue;
		}
		if ((out.len && buf_puts(&out, ",\n") < 0) ||
		    buf_append(&out, one.data, one.len) < 0) {
			err_nomem(&err);
			return verb_fail(v, &err);
		}
	}
	printf(out.len ? "[\n%s\n]\n" : "[]\n", buf_str(&out));
	return status;
}

static int run(const struct verb *v, const struct globals *g, int argc, char **argv)
{
	static const struct option longs[] = { { "type", required_argument, NULL, 't' },
					       { "format", required_argument, NULL, 'f' },
					       { NULL, 0, NULL, 0 } };
	enum kind kind = KIND_ANY;
	struct err err = ERR_INIT;
	struct store *s;
	int opt, status;

	while ((opt = verb_getopt(v, argc, argv, "f:", longs)) != -1) {
		if (opt == 'f') {
			err_set(&err, ENOTSUP, "--format: not in this version yet");
			return verb_fail(v, &err);
		}
		if (strcmp(optarg, "image") == 0)
			kind = KIND_IMAGE;
		else if (strcmp(optarg, "container") == 0)
			kind = KIND_CONTAINER;
		else
			return verb_usage(v, "\"%s\" is not a valid value for --type", optarg);
	}
	if (optind == argc)
		return verb_usage(v, "requires at least 1 argument");
	if (verb_store(g, &s, &err) < 0)
		return verb_fail(v, &err);
	status = print_all(v, s, argv + optind, argc - optind, kind);
	store_close(s);
	return status;
}

const struct verb cmd_inspect = {
	.name = "inspect",
	.usage = "[--type image|container] NAME...",
	.summary = "Print what is known of images and containers, as JSON",
	.help = "Options:\n"
		"  --type image|container   look only there; else a container's name comes "
		"first\n\n"
		"Example:\n"
		"  imagefs inspect debian:12\n",
	.run = run,
};
