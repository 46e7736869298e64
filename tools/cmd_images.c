/*
 * imagefs images: what the store holds.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/map.h"
#include "base/text.h"
#include "store/disk/refs.h"
#include "store/disk/store.h"
#include "store/image/image.h"
#include "store/oci/reference.h"
#include "tools/print/filter.h"
#include "tools/print/listing.h"
#include "tools/verb.h"

#define SHORT_ID 12

/* What all names of one image share; read once. */
struct info {
	struct digest id;
	struct timespec created;
	uint64_t size;
	bool dated;   /* the config has a creation time */
	bool labels;  /* it has the labels of the filter */
	bool damaged; /* already reported */
	bool tagged;  /* some name of it has a tag */
};

struct row {
	const struct info *info;
	char *repo, *tag;   /* "<none>" if there is none */
	const char *digest; /* the digest in the registry */
};

struct wish {
	bool all, ids_only, whole_ids, digests;
	const char *format;
	struct filter filter;
};

struct listed {
	const struct verb *verb;
	struct store *store;
	struct refs refs;
	struct map infos; /* by image ID */
	struct row *rows;
	size_t n;
	int status; /* 1: an image could not be read */
};

static void listed_fini(struct listed *l)
{
	while (l->n) {
		l->n--;
		free(l->rows[l->n].repo);
		free(l->rows[l->n].tag);
	}
	free(l->rows);
	map_fini(&l->infos, free);
	refs_fini(&l->refs);
}

/* --- what is known of an image -------------------------------------------- */

static const char *get_label(void *image, const char *key)
{
	return image_label(image, key);
}

static int read_info(struct listed *l, const struct wish *o, const struct ref *ref,
		     struct info *out, struct err *err)
{
	_cleanup_image_ struct image *i = NULL;
	int r = image_open(l->store, NULL, &ref->desc, &i, err);

	if (r == 0)
		r = image_size(l->store, i, &out->size, err);
	if (r < 0)
		return r;
	out->id = i->id;
	out->created = i->created;
	out->dated = image_is_dated(i);
	out->labels = filter_labels(&o->filter, "label", get_label, i);
	return 0;
}

/* The image of an entry. An unreadable one is reported once and marked as damaged. */
static int get_info(struct listed *l, const struct wish *o, const struct ref *ref,
		    struct info **out, struct err *err)
{
	const char *key = digest_is_set(&ref->id) ? ref->id.str : ref->desc.digest.str;
	struct info *info = map_get(&l->infos, key);
	int r;

	if (!info) {
		info = calloc(1, sizeof(*info));
		if (!info || map_put(&l->infos, key, info) < 0) {
			free(info);
			return err_nomem(err);
		}
		r = read_info(l, o, ref, info, err);
		if (r == -ENOMEM)
			return r;
		if (r < 0) {
			/*
			 * Not reported: an image that was just removed, an artifact, an image of
			 * another platform.
			 */
			if (r != -ENOTSUP && (r != -ENOENT || image_is_listed(l->store, ref)))
				l->status = verb_fail(l->verb, err);
			info->damaged = true;
		}
	}
	*out = info;
	return 0;
}

/* --- filters ---------------------------------------------------------------- */

/* The last image that before or since names; *out NULL: no such filter. */
static int get_mark(struct listed *l, const struct wish *o, const char *key,
		    const struct info **out, struct err *err)
{
	struct info *info;
	const char *name;
	size_t i = 0, pos;
	int r;

	*out = NULL;
	while ((name = filter_next(&o->filter, key, &i))) {
		r = image_find(l->store, &l->refs, name, &pos, err);
		if (r == 0)
			r = get_info(l, o, &l->refs.v[pos], &info, err);
		if (r < 0)
			return r;
		*out = info;
	}
	return 0;
}

static int compare_times(struct timespec a, struct timespec b)
{
	if (a.tv_sec != b.tv_sec)
		return a.tv_sec < b.tv_sec ? -1 : 1;
	return a.tv_nsec < b.tv_nsec ? -1 : a.tv_nsec > b.tv_nsec;
}

/*
 * A name, with its tag or without, is like one of the patterns: 1; with the digest that the
 * registry knows it by: 2; 0, -EINVAL.
 */
static int is_like(const struct wish *o, const struct reference *ref, const struct digest *digest,
		   struct err *err)
{
	_cleanup_free_ char *repo = reference_repo(ref), *whole = reference_familiar(ref);
	struct buf pinned _cleanup_buf_ = BUF_INIT;
	const char *pattern;
	size_t i = 0;
	int r = 0;

	if (!repo || !whole || buf_printf(&pinned, "%s@%s", repo, digest->str) < 0)
		return err_nomem(err);
	if (!filter_has(&o->filter, "reference"))
		return 1;
	while (r == 0 && (pattern = filter_next(&o->filter, "reference", &i))) {
		r = filter_glob(pattern, whole, err);
		if (r == 0)
			r = filter_glob(pattern, repo, err);
		if (r == 0 && digest_is_set(digest) && filter_glob(pattern, pinned.data, err) > 0)
			r = 2;
		if (r < 0)
			return err_wrap(err, r, "%s", pattern);
	}
	return r;
}

/* --- rows ------------------------------------------------------------------- */

static int add_row(struct listed *l, const struct info *info, char *repo, const char *tag,
		   const char *digest)
{
	struct row *row = &l->rows[l->n];

	row->info = info;
	row->digest = digest;
	row->repo = repo;
	row->tag = strdup(tag);
	if (!row->repo || !row->tag) {
		free(row->repo);
		free(row->tag);
		return -ENOMEM;
	}
	l->n++;
	return 0;
}

/* True if the image has a tag in this name's repository: that one is listed. */
static bool has_sibling(const struct listed *l, const struct ref *ref)
{
	size_t i;

	for (i = 0; i < l->refs.n; i++)
		if (ref_has_tag(&l->refs.v[i]) && digest_eq(&l->refs.v[i].id, &ref->id) &&
		    refs_same_repo(l->refs.v[i].name, ref->name))
			return true;
	return false;
}

static int add_name(struct listed *l, const struct wish *o, const struct ref *ref,
		    const struct info *info, struct err *err)
{
	_cleanup_reference_ struct reference parsed = { 0 };
	const char *digest = digest_is_set(&ref->repo_digest) ? ref->repo_digest.str : "<none>";
	const char *tag = "<none>";
	int r = reference_parse(ref->name, &parsed, err);

	if (r == 0)
		r = is_like(o, &parsed, &ref->repo_digest, err);
	if (r <= 0)
		return r;
	if (!parsed.tag && has_sibling(l, ref))
		return 0;
	if (parsed.tag && r == 1)
		tag = parsed.tag;
	r = add_row(l, info, reference_repo(&parsed), tag, digest);
	return r < 0 ? err_nomem(err) : 0;
}

static int add_nameless(struct listed *l, const struct wish *o, const struct ref *ref,
			const struct info *info, bool dangling_asked, struct err *err)
{
	bool parent = refs_has_children(&l->refs, &ref->id);

	if (filter_has(&o->filter, "reference") || (parent && (!o->all || dangling_asked)))
		return 0;
	return add_row(l, info, strdup("<none>"), "<none>", "<none>") < 0 ? err_nomem(err) : 0;
}

static int collect(struct listed *l, const struct wish *o, struct err *err)
{
	const struct info *before, *since;
	bool dangling = false;
	struct info *info;
	size_t i;
	int r, asked = filter_bool(&o->filter, "dangling", &dangling, err);

	if (asked < 0)
		return asked;
	r = get_mark(l, o, "before", &before, err);
	if (r == 0)
		r = get_mark(l, o, "since", &since, err);
	for (i = 0; i < l->refs.n && r == 0; i++) {
		r = get_info(l, o, &l->refs.v[i], &info, err);
		if (r == 0 && ref_has_tag(&l->refs.v[i]))
			info->tagged = true;
	}
	for (i = 0; i < l->refs.n && r == 0; i++) {
		const struct ref *ref = &l->refs.v[i];

		r = get_info(l, o, ref, &info, err);
		if (r < 0 || info->damaged || !info->labels ||
		    (before && compare_times(info->created, before->created) >= 0) ||
		    (since && compare_times(info->created, since->created) <= 0) ||
		    (asked && (dangling ? info->tagged : !ref->name)))
			continue;
		r = ref->name ? add_name(l, o, ref, info, err)
			      : add_nameless(l, o, ref, info, asked && dangling, err);
	}
	return r;
}

/* Newest first, then by name, as docker sorts. */
static int by_age(const void *pa, const void *pb)
{
	const struct row *a = pa, *b = pb;
	int c = compare_times(b->info->created, a->info->created);

	if (c == 0)
		c = strcmp(a->repo, b->repo);
	if (c == 0)
		c = strcmp(a->tag, b->tag);
	return c ? c : strcmp(a->info->id.str, b->info->id.str);
}

static void set_row(struct listing *l, const struct row *row, const struct wish *o, time_t now)
{
	char size[32], ago[48], since[64] = "", at[48] = "0001-01-01 00:00:00 +0000 UTC";
	char id[DIGEST_MAX];
	const struct info *info = row->info;

	text_size(info->size, size);
	if (info->dated) {
		text_ago(now - info->created.tv_sec, ago);
		snprintf(since, sizeof(since), "%s ago", ago);
		text_date(info->created, at);
	}
	snprintf(id, sizeof(id), "%.*s", o->whole_ids ? DIGEST_MAX : SHORT_ID,
		 o->whole_ids ? info->id.str : digest_hex(&info->id));
	listing_set(l, "ID", id);
	listing_set(l, "Repository", row->repo);
	listing_set(l, "Tag", row->tag);
	listing_set(l, "Digest", row->digest);
	listing_set(l, "CreatedSince", since);
	listing_set(l, "CreatedAt", at);
	listing_set(l, "Size", size);
	text_size_long(info->size, size);
	listing_set(l, "VirtualSize", size);
	listing_set(l, "SharedSize", "N/A");
	listing_set(l, "UniqueSize", "N/A");
	listing_set(l, "Containers", "N/A");
	listing_end_row(l);
}

/*
 * As in docker, only the default table prints N/A, and --digests adds a column to tables without
 * one.
 */
static int make_format(const struct wish *o, struct buf *out)
{
	int r;

	if (o->format && strcmp(o->format, "table") != 0)
		r = buf_puts(out, o->format);
	else if (o->ids_only)
		return buf_puts(out, "{{.ID}}");
	else
		return buf_printf(
			out,
			"table {{.Repository}}\t{{.Tag}}%s\t{{.ID}}\t"
			"{{if .CreatedSince}}{{.CreatedSince}}{{else}}N/A{{end}}\t{{.Size}}",
			o->digests ? "\t{{.Digest}}" : "");
	if (r == 0 && o->digests && strncmp(o->format, "table", 5) == 0 &&
	    !strstr(o->format, "{{.Digest}}"))
		r = buf_puts(out, "\t{{.Digest}}");
	return r;
}

static int list(struct listed *l, const struct wish *o, struct err *err)
{
	static const struct listing_column columns[] = {
		{ "Repository", "REPOSITORY", true },	{ "Tag", "TAG", true },
		{ "Digest", "DIGEST", false },		{ "ID", "IMAGE ID", true },
		{ "CreatedSince", "CREATED", true },	{ "Size", "SIZE", true },
		{ "CreatedAt", "CREATED AT", false },	{ "VirtualSize", "SIZE", false },
		{ "SharedSize", "SHARED SIZE", false }, { "UniqueSize", "UNIQUE SIZE", false },
		{ "Containers", "CONTAINERS", false },
	};
	struct buf format _cleanup_buf_ = BUF_INIT;
	struct listing *out;
	size_t i;
	int r = make_format(o, &format) < 0 ? err_nomem(err) : 0;

	if (r == 0)
		r = listing_new(columns, ARRAY_SIZE(columns), format.data, &out, err);
	if (r < 0)
		return r;
	r = refs_read(l->store, &l->refs, err);
	if (r == 0) {
		l->rows = calloc(l->refs.n ? l->refs.n : 1, sizeof(*l->rows));
		r = l->rows ? collect(l, o, err) : err_nomem(err);
	}
	if (r == 0) {
		qsort(l->rows, l->n, sizeof(*l->rows), by_age);
		for (i = 0; i < l->n; i++)
			set_row(out, &l->rows[i], o, time(NULL));
		r = listing_print(out, err);
	}
	listing_free(out);
	return r;
}

#define FILTERS "dangling=true|dangling=false|label=|before=IMAGE|since=IMAGE|reference=IMAGE"

static const struct option_spec options[] = {
	{ 'a', "all", NULL, "include unnamed parents of other images", OPTION(struct wish, all) },
	{ 'q', "quiet", NULL, "print only image IDs", OPTION(struct wish, ids_only) },
	{ 0, "digests", NULL, "show the digest that the registry has for the image",
	  OPTION(struct wish, digests) },
	{ 0, "no-trunc", NULL, "do not truncate image IDs", OPTION(struct wish, whole_ids) },
	{ 'f', "filter", "F",
	  "dangling=true|false, label=KEY[=VALUE], before=IMAGE, since=IMAGE, reference=PATTERN",
	  OPTION_TAKE(struct wish, filter, filter_option), .values = FILTERS },
	{ 0, "format", "F",
	  "json, table TEMPLATE or TEMPLATE, with .ID .Repository .Tag .Digest .CreatedSince "
	  ".CreatedAt .Size",
	  OPTION(struct wish, format), .values = FORMAT_VALUES },
	OPTIONS_END,
};

/* 0, or the exit status. */
static int check(const struct verb *v, int argc, char **argv, struct wish *o)
{
	struct err err = ERR_INIT;

	if (argc > 1)
		return verb_usage(v, "requires at most 1 argument");
	/* As in docker, an empty one counts as none. */
	if (o->format && !*o->format)
		o->format = NULL;
	if (argc == 1 && *argv[0] && filter_put(&o->filter, "reference", argv[0], &err) < 0)
		return verb_fail(v, &err);
	return filter_check(&o->filter, FILTERS, &err) < 0 ? verb_fail(v, &err) : 0;
}

static int run(const struct verb *v, const struct globals *g, int argc, char **argv)
{
	struct wish o = { 0 };
	struct listed l = { .verb = v };
	struct err err = ERR_INIT;
	int status;

	verb_options(v, &argc, &argv, &o);
	status = check(v, argc, argv, &o);
	if (status == 0 && verb_store(g, &l.store, &err) < 0)
		status = verb_fail(v, &err);
	if (status == 0) {
		status = list(&l, &o, &err) < 0 ? verb_fail(v, &err) : l.status;
		listed_fini(&l);
		store_close(l.store);
	}
	filter_fini(&o.filter);
	return status;
}

const struct verb cmd_images = {
	.name = "images",
	.summary = "List images",
	.arguments = "[REPOSITORY[:TAG]]",
	.options = options,
	.help = "REPOSITORY[:TAG] may have *, ? and [...], which stop at a slash.\n"
		"\n"
		"Example:\n"
		"  imagefs images -f dangling=true -q\n",
	.run = run,
};
