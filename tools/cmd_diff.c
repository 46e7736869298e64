/*
 * imagefs diff: what is different in a container, in an image's top layer, between two images.
 */
#include <errno.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "store/container/container.h"
#include "store/container/container_lock.h"
#include "store/container/diff.h"
#include "store/disk/store.h"
#include "store/image/image.h"
#include "tools/verb.h"

DEFINE_CLEANUP_PTR(struct store, store_close);

/* -ENOENT: there is no such container. */
static int of_container(struct store *s, const char *name, struct diff *out, struct err *err)
{
	struct container_flock container_lock _cleanup_container_lock_ = CONTAINER_LOCK_INIT;
	_cleanup_container_ struct container *c = NULL;
	int r;

	r = container_open(s, name[0] == '/' ? name + 1 : name, &c, err);
	if (r == 0)
		r = container_lock_shared(s, c, &container_lock, err);
	return r < 0 ? r : container_lock_confirm(s, c, diff_container(s, c, out, err), err);
}

static int of_one(struct store *s, const char *name, struct diff *out, struct err *err)
{
	_cleanup_container_ struct container *c = NULL;
	_cleanup_image_ struct image *i = NULL;
	struct buf shown _cleanup_buf_ = BUF_INIT;
	int r;

	if (container_open(s, name[0] == '/' ? name + 1 : name, &c, err) != -ENOENT)
		return of_container(s, name, out, err);
	r = image_get(s, name, &i, err);
	if (r == 0)
		return diff_image(s, i, out, err);
	if (r != -ENOENT || i)
		return r;
	text_escape(&shown, name);
	return err_set(err, ENOENT, "No such container or image: %.300s", buf_str(&shown));
}

static int of_two(struct store *s, char **names, struct diff *out, struct err *err)
{
	_cleanup_image_ struct image *before = NULL, *now = NULL;
	int r = image_get(s, names[0], &before, err);

	if (r == 0)
		r = image_get(s, names[1], &now, err);
	return r < 0 ? r : diff_images(s, before, now, out, err);
}

static int print(const struct diff *d, struct err *err)
{
	struct buf line _cleanup_buf_ = BUF_INIT;
	size_t i;

	for (i = 0; i < d->n; i++) {
		buf_clear(&line);
		if (text_escape(&line, d->v[i].path) < 0)
			return err_nomem(err);
		printf("%c %s\n", d->v[i].kind, buf_str(&line));
	}
	return 0;
}

static int run(const struct verb *v, const struct globals *g, int argc, char **argv)
{
	_cleanup_(cleanup_store_close) struct store *s = NULL;
	struct diff d _cleanup_diff_ = DIFF_INIT;
	struct err err = ERR_INIT;
	int r;

	verb_options(v, &argc, &argv, NULL);
	if (argc < 1 || argc > 2)
		return verb_usage(v, "requires a container, an image or two images");
	r = verb_store(g, &s, &err);
	if (r == 0)
		r = argc == 1 ? of_one(s, argv[0], &d, &err) : of_two(s, argv, &d, &err);
	if (r == 0)
		r = print(&d, &err);
	return r < 0 ? verb_fail(v, &err) : 0;
}

const struct verb cmd_diff = {
	.name = "diff",
	.summary = "Show the changes of a container or an image, or between two images",
	.arguments = "CONTAINER|IMAGE [IMAGE]",
	.help = "A line for each difference: A /path was added, C changed, D deleted. A directory "
		"in\n"
		"which something is different is C, once.\n"
		"\n"
		"  CONTAINER      against its image; a container's name comes before an image's\n"
		"  IMAGE          what its top layer did to those below it\n"
		"  IMAGE IMAGE    the second against the first, by content: times do not count\n"
		"\n"
		"Examples:\n"
		"  imagefs diff web\n"
		"  imagefs diff debian:12.1 debian:12.2\n",
	.run = run,
};
