/*
 * imagefs df: what the store takes, and what prune would free.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "store/disk/store.h"
#include "store/oci/reference.h"
#include "store/upkeep/df.h"
#include "tools/print/listing.h"
#include "tools/verb.h"

DEFINE_CLEANUP_PTR(struct store, store_close);
DEFINE_CLEANUP_PTR(struct listing, listing_free);

/* Sets a field of a row to a size in docker's words. */
static int set_size(struct listing *l, const char *field, uint64_t bytes)
{
	char text[32];

	text_size_long(bytes, text);
	return listing_set(l, field, text);
}

static int set_number(struct listing *l, const char *field, uint64_t n)
{
	char text[24];

	snprintf(text, sizeof(text), "%llu", (unsigned long long)n);
	return listing_set(l, field, text);
}

static int set_created(struct listing *l, struct timespec t)
{
	char ago[48], text[64] = "N/A";

	if (t.tv_sec) {
		text_ago((int64_t)(time(NULL) - t.tv_sec), ago);
		snprintf(text, sizeof(text), "%s ago", ago);
	}
	return listing_set(l, "CreatedSince", text);
}

static int add_kind(struct listing *l, const char *type, const struct df_kind *k)
{
	char size[32], text[64];

	text_size_long(k->reclaimable, size);
	if (k->size)
		snprintf(text, sizeof(text), "%s (%llu%%)", size,
			 (unsigned long long)(k->reclaimable * 100 / k->size));
	else
		snprintf(text, sizeof(text), "%s", size);
	return listing_set(l, "Type", type) < 0 || set_number(l, "TotalCount", k->n) < 0 ||
			       set_number(l, "Active", k->active) < 0 ||
			       set_size(l, "Size", k->size) < 0 ||
			       listing_set(l, "Reclaimable", text) < 0 || listing_end_row(l) < 0
		       ? -ENOMEM
		       : 0;
}

static int print_kinds(const struct df *d, const char *format, struct err *err)
{
	static const struct listing_column columns[] = {
		{ "Type", "TYPE", true },
		{ "TotalCount", "TOTAL", true },
		{ "Active", "ACTIVE", true },
		{ "Size", "SIZE", true },
		{ "Reclaimable", "RECLAIMABLE", true },
	};
	const struct {
		const char *type;
		const struct df_kind *kind;
	} rows[] = {
		{ "Images", &d->images },	 { "Containers", &d->containers },
		{ "Shared Layers", &d->shared }, { "Indexes", &d->indexes },
		{ "Cache", &d->cache },		 { "Leftovers", &d->leftovers },
	};
	_cleanup_(cleanup_listing_free) struct listing *l = NULL;
	int r = listing_new(columns, ARRAY_SIZE(columns), format, &l, err);
	size_t i;

	for (i = 0; r == 0 && i < ARRAY_SIZE(rows); i++)
		if (add_kind(l, rows[i].type, rows[i].kind) < 0)
			r = err_nomem(err);
	return r < 0 ? r : listing_print(l, err);
}

static int add_image(struct listing *l, const struct df_image *i)
{
	_cleanup_reference_ struct reference ref = { 0 };
	_cleanup_free_ char *repo = NULL;
	char id[13];

	if (i->name && reference_parse(i->name, &ref, NULL) == 0)
		repo = reference_repo(&ref);
	snprintf(id, sizeof(id), "%.12s", digest_is_set(&i->id) ? digest_hex(&i->id) : "<none>");
	return listing_set(l, "Repository", repo ? repo : "<none>") < 0 ||
			       listing_set(l, "Tag", repo && ref.tag ? ref.tag : "<none>") < 0 ||
			       listing_set(l, "ID", id) < 0 || set_created(l, i->created) < 0 ||
			       set_size(l, "Size", i->size) < 0 ||
			       set_size(l, "SharedSize", i->shared) < 0 ||
			       set_size(l, "UniqueSize", i->size - i->shared) < 0 ||
			       set_number(l, "Containers", i->containers) < 0 ||
			       listing_end_row(l) < 0
		       ? -ENOMEM
		       : 0;
}

static int print_images(const struct df *d, const char *format, struct err *err)
{
	static const struct listing_column columns[] = {
		{ "Repository", "REPOSITORY", true },
		{ "Tag", "TAG", true },
		{ "ID", "IMAGE ID", true },
		{ "CreatedSince", "CREATED", true },
		{ "Size", "SIZE", true },
		{ "SharedSize", "SHARED SIZE", true },
		{ "UniqueSize", "UNIQUE SIZE", true },
		{ "Containers", "CONTAINERS", true },
	};
	_cleanup_(cleanup_listing_free) struct listing *l = NULL;
	int r = listing_new(columns, ARRAY_SIZE(columns), format, &l, err);
	size_t i;

	for (i = 0; r == 0 && i < d->n_images; i++)
		if (add_image(l, &d->v_images[i]) < 0)
			r = err_nomem(err);
	return r < 0 ? r : listing_print(l, err);
}

static int add_container(struct listing *l, const struct df_container *c)
{
	char id[13];

	snprintf(id, sizeof(id), "%.12s", digest_hex(&c->image_id));
	return listing_set(l, "Names", c->name) < 0 ||
			       listing_set(l, "Image", c->image ? c->image : id) < 0 ||
			       set_size(l, "Size", c->size) < 0 || set_created(l, c->created) < 0 ||
			       listing_end_row(l) < 0
		       ? -ENOMEM
		       : 0;
}

static int print_containers(const struct df *d, const char *format, struct err *err)
{
	static const struct listing_column columns[] = {
		{ "Names", "CONTAINER", true },
		{ "Image", "IMAGE", true },
		{ "Size", "SIZE", true },
		{ "CreatedSince", "CREATED", true },
	};
	_cleanup_(cleanup_listing_free) struct listing *l = NULL;
	int r = listing_new(columns, ARRAY_SIZE(columns), format, &l, err);
	size_t i;

	for (i = 0; r == 0 && i < d->n_containers; i++)
		if (add_container(l, &d->v_containers[i]) < 0)
			r = err_nomem(err);
	return r < 0 ? r : listing_print(l, err);
}

static int print_verbose(const struct df *d, struct err *err)
{
	int r;

	printf("Images space usage:\n\n");
	r = print_images(d, NULL, err);
	if (r < 0)
		return r;
	printf("\nContainers space usage:\n\n");
	return print_containers(d, NULL, err);
}

static void print_prune(const struct df *d)
{
	char some[32], all[32];

	text_size_long(d->prune, some);
	text_size_long(d->prune_all, all);
	printf("\nprune would free: %s\nprune -a would free: %s\n", some, all);
}

struct wish {
	bool verbose;
	const char *format;
};

static const struct option_spec options[] = {
	{ 'v', "verbose", NULL, "list each image and container", OPTION(struct wish, verbose) },
	{ 0, "format", "FORMAT",
	  "json, \"table TEMPLATE\" or a Go template; fields: .Type, .TotalCount, .Active, .Size, "
	  ".Reclaimable",
	  OPTION(struct wish, format), .values = FORMAT_VALUES },
	OPTIONS_END,
};

static int run(const struct verb *v, const struct globals *g, int argc, char **argv)
{
	_cleanup_(cleanup_store_close) struct store *s = NULL;
	struct df d _cleanup_df_ = { .n_images = 0 };
	struct wish w = { .format = NULL };
	struct err err = ERR_INIT;
	int r;

	verb_options(v, &argc, &argv, &w);
	if (argc > 0)
		return verb_usage(v, "unexpected argument %s", argv[0]);
	if (w.verbose && w.format)
		return verb_usage(v, "the verbose and the format options conflict");
	if (verb_store(g, &s, &err) < 0 || df_read(s, &d, &err) < 0)
		return verb_fail(v, &err);
	r = w.verbose ? print_verbose(&d, &err) : print_kinds(&d, w.format, &err);
	if (r < 0)
		return verb_fail(v, &err);
	if (!w.format)
		print_prune(&d);
	return 0;
}

const struct verb cmd_df = {
	.name = "df",
	.summary = "Show disk usage, and what prune would free",
	.arguments = "",
	.options = options,
	.help = "Sizes are those of files on the disk, with -v those of the files in an image's\n"
		"layers. RECLAIMABLE is what prune -a would free. Shared layers are counted in\n"
		"Images, too.\n"
		"\n"
		"Examples:\n"
		"  imagefs df\n"
		"  imagefs df --format '{{.Type}} {{.Size}}'\n",
	.run = run,
};
