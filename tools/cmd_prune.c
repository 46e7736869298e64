/*
 * imagefs prune: remove unused images, and files that no image needs.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/text.h"
#include "store/disk/store.h"
#include "store/image/image.h"
#include "store/upkeep/remove.h"
#include "tools/print/filter.h"
#include "tools/verb.h"

DEFINE_CLEANUP_PTR(struct store, store_close);
DEFINE_CLEANUP_PTR(struct removal, removal_free);

struct wish {
	bool all, force;
	struct filter filter;
	bool has_until;
	struct timespec until;
};

static const char *get_label(void *ctx, const char *label)
{
	return image_label(ctx, label);
}

/* Docker's rules: created before until, all of label, and not all of label!. */
static int wanted(void *arg, const struct image *image, struct err *err)
{
	const struct wish *w = arg;
	void *ctx = (void *)image;

	(void)err;
	if (w->has_until && (image->created.tv_sec > w->until.tv_sec ||
			     (image->created.tv_sec == w->until.tv_sec &&
			      image->created.tv_nsec > w->until.tv_nsec)))
		return 0;
	if (!filter_labels(&w->filter, "label", get_label, ctx))
		return 0;
	return !filter_has(&w->filter, "label!") ||
	       !filter_labels(&w->filter, "label!", get_label, ctx);
}

#define FILTERS "until=|label=|label!=|dangling=true|dangling=false"

/* As in docker, dangling=false means --all. */
static int check_filter(struct wish *w, struct err *err)
{
	struct timespec now;
	const char *value;
	bool dangling = true;
	size_t i = 0;
	int r = filter_check(&w->filter, FILTERS, err);

	if (r < 0)
		return r;
	r = filter_bool(&w->filter, "dangling", &dangling, err);
	if (r < 0)
		return r;
	if (r > 0)
		w->all = !dangling;
	clock_gettime(CLOCK_REALTIME, &now);
	while ((value = filter_next(&w->filter, "until", &i))) {
		if (w->has_until)
			return err_set(err, EINVAL, "more than one until filter specified");
		r = filter_time(value, now, &w->until, err);
		if (r < 0)
			return r;
		w->has_until = true;
	}
	return 0;
}

/* On a terminal ask docker's question; elsewhere agree. */
static bool is_agreed(bool all)
{
	char answer[16] = "";

	if (!isatty(STDIN_FILENO))
		return true;
	printf("WARNING! This will remove all %s.\nAre you sure you want to continue? [y/N] ",
	       all ? "images without at least one container associated to them"
		   : "dangling images");
	fflush(stdout);
	if (!fgets(answer, sizeof(answer), stdin))
		return false;
	return strcmp(answer, "y\n") == 0 || strcmp(answer, "Y\n") == 0;
}

static void print_result(const struct removal *r)
{
	struct removal_line line;
	char size[32];
	size_t pos = 0;

	while (removal_line(r, &pos, &line)) {
		if (pos == 1)
			puts("Deleted Images:");
		printf("%s: %s\n", line.kind == REMOVAL_UNTAGGED ? "untagged" : "deleted",
		       line.text);
	}
	text_size_long(removal_bytes(r), size);
	printf("%sTotal reclaimed space: %s\n", pos ? "\n" : "", size);
	if (removal_uncertain(r)) {
		fflush(stdout);
		log_warn("only what is surely not needed was freed: %s", removal_uncertain(r));
	}
}

static int prune(const struct verb *v, struct store *s, struct wish *w)
{
	_cleanup_(cleanup_removal_free) struct removal *r = NULL;
	struct err err = ERR_INIT;

	if (removal_new(s, &r, &err) < 0 ||
	    removal_prune(r, w->all, w->filter.n ? wanted : NULL, w, &err) < 0 ||
	    removal_commit(r, true, &err) < 0)
		return verb_fail(v, &err);
	print_result(r);
	return 0;
}

static int take_filter(void *filter, char *value, struct err *err)
{
	int r = filter_add(filter, value, err);

	return r < 0 ? err_wrap(err, r, "--filter %s", value) : 0;
}

static const struct option_spec options[] = {
	{ 'a', "all", NULL, "remove all images that no container uses, not only unnamed ones",
	  OPTION(struct wish, all) },
	{ 'f', "force", NULL, "do not ask for confirmation (asked only on a terminal)",
	  OPTION(struct wish, force) },
	{ 0, "filter", "FILTER",
	  "remove only: until=TIME (created before), label=KEY[=VALUE], label!=KEY[=VALUE]; can be "
	  "repeated",
	  OPTION_TAKE(struct wish, filter, take_filter), .values = FILTERS },
	OPTIONS_END,
};

static int run(const struct verb *v, const struct globals *g, int argc, char **argv)
{
	_cleanup_(cleanup_store_close) struct store *s = NULL;
	struct wish w = { .has_until = false };
	struct err err = ERR_INIT;
	int status = 0;

	verb_options(v, &argc, &argv, &w);
	if (argc > 0) {
		status = verb_usage(v, "accepts no arguments");
	} else if (check_filter(&w, &err) < 0 || verb_store_to_write(g, &s, &err) < 0) {
		status = verb_fail(v, &err);
	} else if (!w.force && !is_agreed(w.all)) {
		puts("Total reclaimed space: 0B");
	} else {
		status = prune(v, s, &w);
	}
	filter_fini(&w.filter);
	return status;
}

const struct verb cmd_prune = {
	.name = "prune",
	.summary = "Remove unused images and unreferenced files",
	.arguments = "",
	.options = options,
	.help = "Unreferenced blobs, indexes and cached copies are always removed.\n"
		"\n"
		"Example:\n"
		"  imagefs prune --filter until=24h\n",
	.run = run,
};
