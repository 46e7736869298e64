/*
 * imagefs ps: the containers of the store.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "store/container.h"
#include "store/reference.h"
#include "store/refs.h"
#include "store/store.h"
#include "tools/verb.h"

DEFINE_CLEANUP_PTR(struct store, store_close);

enum { OPT_FORMAT = 1 };

struct list {
	struct container **v;
	size_t n;
};

static void list_fini(struct list *l)
{
	while (l->n)
		container_free(l->v[--l->n]);
	free(l->v);
}

/* The newest first, as docker lists them. */
static int newest_first(const void *a, const void *b)
{
	const struct container *x = *(struct container *const *)a;
	const struct container *y = *(struct container *const *)b;

	if (x->created.tv_sec != y->created.tv_sec)
		return x->created.tv_sec > y->created.tv_sec ? -1 : 1;
	if (x->created.tv_nsec != y->created.tv_nsec)
		return x->created.tv_nsec > y->created.tv_nsec ? -1 : 1;
	return strcmp(x->name, y->name);
}

/* All that can be read; what is wrong with the others is said. 0, 1: some are damaged, -errno. */
static int read_all(const struct verb *v, struct store *s, struct list *out, struct err *err)
{
	char **names;
	size_t i;
	int status = 0, r = container_list(s, &names, err);

	if (r < 0)
		return r;
	for (i = 0; names[i]; i++)
		;
	out->v = calloc(i + 1, sizeof(struct container *));
	for (i = 0; out->v && names[i]; i++) {
		r = container_open(s, names[i], &out->v[out->n], err);
		if (r == 0)
			out->n++;
		else if (r != -ENOENT) /* removed meanwhile */
			status = verb_fail(v, err);
	}
	container_list_free(names);
	if (!out->v)
		return err_nomem(err);
	qsort(out->v, out->n, sizeof(struct container *), newest_first);
	return status;
}

/* The name that the image was asked for by, as long as that means it still; else its ID. */
static int image_shown(const struct container *c, const struct refs *refs, char **out)
{
	struct reference ref = { 0 };
	const struct ref *now = c->image_name ? refs_find(refs, c->image_name) : NULL;

	if (now && digest_eq(&now->id, &c->image_id) &&
	    reference_parse(c->image_name, &ref, NULL) == 0) {
		*out = reference_familiar(&ref);
		reference_fini(&ref);
	} else {
		*out = strndup(digest_hex(&c->image_id), 12);
	}
	return *out ? 0 : -ENOMEM;
}

/* True where a container that was there was removed meanwhile. */
static bool is_gone(struct store *s, const struct container *c)
{
	_cleanup_container_ struct container *now = NULL;

	return container_open(s, c->name, &now, NULL) == -ENOENT;
}

static int add_row(struct store *s, struct text_table *t, const struct container *c,
		   const struct refs *refs, struct err *err)
{
	_cleanup_free_ char *image = NULL;
	char ago[48], created[64], size[32];
	uint64_t bytes;
	int r = container_changed_size(c, &bytes, err);

	if (r < 0)
		return is_gone(s, c) ? 0 : r;
	text_ago((int64_t)(time(NULL) - c->created.tv_sec), ago);
	snprintf(created, sizeof(created), "%s ago", ago);
	text_size(bytes, size);
	if (image_shown(c, refs, &image) < 0 || text_table_add(t, c->name) < 0 ||
	    text_table_add(t, image) < 0 || text_table_add(t, created) < 0 ||
	    text_table_add(t, size) < 0)
		return err_nomem(err);
	return 0;
}

static int print_table(struct store *s, const struct list *l, struct err *err)
{
	static const char *const heads[] = { "CONTAINER", "IMAGE", "CREATED", "SIZE" };
	struct refs refs _cleanup_refs_ = { 0 };
	struct text_table t;
	size_t i;
	int r = refs_read(s, &refs, err);

	if (r < 0)
		return r;
	text_table_init(&t, ARRAY_SIZE(heads));
	for (i = 0; i < ARRAY_SIZE(heads) && r == 0; i++)
		r = text_table_add(&t, heads[i]) < 0 ? err_nomem(err) : 0;
	for (i = 0; i < l->n && r == 0; i++)
		r = add_row(s, &t, l->v[i], &refs, err);
	if (r == 0)
		text_table_print(&t);
	text_table_fini(&t);
	return r;
}

static int run(const struct verb *v, const struct globals *g, int argc, char **argv)
{
	static const struct option longs[] = {
		{ "all", no_argument, NULL, 'a' },
		{ "quiet", no_argument, NULL, 'q' },
		{ "format", required_argument, NULL, OPT_FORMAT },
		{ "filter", required_argument, NULL, 'f' },
		{ NULL, 0, NULL, 0 },
	};
	_cleanup_(cleanup_store_close) struct store *s = NULL;
	_cleanup_(list_fini) struct list l = { NULL, 0 };
	struct err err = ERR_INIT;
	bool quiet = false;
	size_t i;
	int opt, status;

	while ((opt = verb_getopt(v, argc, argv, "aqf:", longs)) != -1) {
		if (opt == 'q')
			quiet = true;
		if (opt == OPT_FORMAT || opt == 'f') {
			err_set(&err, ENOTSUP, "--%s is not in this version yet",
				opt == 'f' ? "filter" : "format");
			return verb_fail(v, &err);
		}
	}
	if (optind < argc)
		return verb_usage(v, "%s: no argument is taken", argv[optind]);
	if (verb_store(g, &s, &err) < 0)
		return verb_fail(v, &err);
	status = read_all(v, s, &l, &err);
	if (status < 0)
		return verb_fail(v, &err);
	if (!quiet && print_table(s, &l, &err) < 0)
		return verb_fail(v, &err);
	for (i = 0; quiet && i < l.n; i++)
		puts(l.v[i]->name);
	return status;
}

const struct verb cmd_ps = {
	.name = "ps",
	.usage = "[-a] [-q]",
	.summary = "List containers",
	.help = "  -a, --all     accepted: all are listed in any case\n"
		"  -q, --quiet   names only\n\n"
		"SIZE is that of the files that changed.\n\n"
		"Example:\n"
		"  imagefs rm $(imagefs ps -q)\n",
	.run = run,
};
