/*
 * imagefs history: the history of an image, layer by layer.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "store/disk/refs.h"
#include "store/disk/store.h"
#include "store/image/history.h"
#include "store/image/image.h"
#include "tools/print/listing.h"
#include "tools/verb.h"

DEFINE_CLEANUP_PTR(struct store, store_close);
DEFINE_CLEANUP_PTR(struct listing, listing_free);

#define SHORT_ID 12
/* Characters of CREATED BY without --no-trunc, the ellipsis included. */
#define CREATED_BY_MAX 45

struct wish {
	bool ids_only, whole, exact;
	const char *format;
};

/* As docker prints a time here: RFC 3339, where the user lives. */
static void local_time(struct timespec t, char out[static 64])
{
	struct tm tm;
	size_t n;

	if (!localtime_r(&t.tv_sec, &tm)) {
		snprintf(out, 64, "N/A");
		return;
	}
	n = strftime(out, 64, "%Y-%m-%dT%H:%M:%S", &tm);
	if (tm.tm_gmtoff == 0)
		snprintf(out + n, 64 - n, "Z");
	else
		snprintf(out + n, 64 - n, "%c%02ld:%02ld", tm.tm_gmtoff < 0 ? '-' : '+',
			 labs(tm.tm_gmtoff) / 3600, labs(tm.tm_gmtoff) / 60 % 60);
}

/* Tabs would be columns. */
static int created_by(const struct history_step *step, bool whole, struct buf *out)
{
	char *tab;
	int r = text_ellipsis(out, step->created_by, whole ? SIZE_MAX : CREATED_BY_MAX);

	for (tab = out->data; r == 0 && tab && (tab = strchr(tab, '\t'));)
		*tab = ' ';
	return r;
}

static int add_row(struct listing *l, const struct history_step *step, const struct wish *o)
{
	char at[64] = "N/A", since[64] = "N/A", ago[48], size[32], id[DIGEST_MAX] = "<missing>";
	struct buf by _cleanup_buf_ = BUF_INIT;

	if (digest_is_set(&step->id))
		snprintf(id, sizeof(id), "%.*s", o->whole ? DIGEST_MAX : SHORT_ID,
			 o->whole ? step->id.str : digest_hex(&step->id));
	if (step->dated) {
		local_time(step->created, at);
		text_ago((int64_t)(time(NULL) - step->created.tv_sec), ago);
		snprintf(since, sizeof(since), "%s ago", ago);
	}
	text_size(step->size, size);
	if (o->exact)
		snprintf(size, sizeof(size), "%llu", (unsigned long long)step->size);
	if (created_by(step, o->whole, &by) < 0 || listing_set(l, "ID", id) < 0 ||
	    listing_set(l, "CreatedSince", o->exact ? at : since) < 0 ||
	    listing_set(l, "CreatedAt", at) < 0 || listing_set(l, "CreatedBy", buf_str(&by)) < 0 ||
	    listing_set(l, "Size", size) < 0 || listing_set(l, "Comment", step->comment) < 0)
		return -ENOMEM;
	return listing_end_row(l);
}

static int print(const struct history *h, const struct wish *o, struct err *err)
{
	const struct listing_column columns[] = {
		{ "ID", "IMAGE", true },
		{ "CreatedSince", "CREATED", !o->exact },
		{ "CreatedAt", "CREATED AT", o->exact },
		{ "CreatedBy", "CREATED BY", true },
		{ "Size", "SIZE", true },
		{ "Comment", "COMMENT", true },
	};
	_cleanup_(cleanup_listing_free) struct listing *l = NULL;
	size_t i;
	bool table = !o->format || strcmp(o->format, "table") == 0;
	int r;

	r = listing_new(columns, ARRAY_SIZE(columns), o->ids_only && table ? "{{.ID}}" : o->format,
			&l, err);
	if (r < 0)
		return r;
	/* A row that the template cannot make is named when all is printed. */
	for (i = 0; r == 0 && i < h->n; i++)
		r = add_row(l, &h->v[i], o);
	return r == -ENOMEM ? err_nomem(err) : listing_print(l, err);
}

static int show(struct store *s, const char *name, const struct wish *o, struct err *err)
{
	_cleanup_refs_ struct refs refs = { 0 };
	struct history h _cleanup_history_ = { 0 };
	_cleanup_image_ struct image *i = NULL;
	size_t pos;
	int r = refs_read(s, &refs, err);

	if (r == 0)
		r = image_find(s, &refs, name, &pos, err);
	if (r < 0)
		return r;
	r = image_open(s, NULL, &refs.v[pos].desc, &i, err);
	if (r == 0)
		r = history_read(s, i, &refs, &h, err);
	return r < 0 ? err_wrap(err, r, "%s", name) : print(&h, o, err);
}

static int take_human(void *exact, char *value, struct err *err)
{
	const char *text = value ? value + (*value == '=') : "true";
	int human = text_bool(text);

	if (human < 0)
		return err_set(err, EINVAL, "invalid argument \"%s\" for \"-H, --human\"", value);
	*(bool *)exact = !human;
	return 0;
}

static const struct option_spec options[] = {
	{ 0, "format", "FORMAT",
	  "json, \"table TEMPLATE\" or a Go template; fields: ID, CreatedSince, CreatedAt, "
	  "CreatedBy, Size, Comment",
	  OPTION(struct wish, format), .values = FORMAT_VALUES },
	{ 'H', "human", "[=true]",
	  "human-readable sizes and times (default); --human=false: bytes and dates",
	  OPTION_TAKE(struct wish, exact, take_human), .values = "true|false" },
	{ 0, "no-trunc", NULL, "do not truncate IDs and commands", OPTION(struct wish, whole) },
	{ 'q', "quiet", NULL, "print only image IDs", OPTION(struct wish, ids_only) },
	OPTIONS_END,
};

static int run(const struct verb *v, const struct globals *g, int argc, char **argv)
{
	_cleanup_(cleanup_store_close) struct store *s = NULL;
	struct wish o = { 0 };
	struct err err = ERR_INIT;

	verb_options(v, &argc, &argv, &o);
	if (argc != 1)
		return verb_usage(v, "requires exactly 1 argument");
	if (verb_store(g, &s, &err) < 0 || show(s, argv[0], &o, &err) < 0)
		return verb_fail(v, &err);
	return 0;
}

const struct verb cmd_history = {
	.name = "history",
	.summary = "Show the history of an image",
	.arguments = "IMAGE",
	.options = options,
	.help = "Example:\n"
		"  imagefs history --no-trunc debian:12\n",
	.run = run,
};
