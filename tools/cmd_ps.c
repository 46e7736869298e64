/*
 * imagefs ps: the containers of the store.
 */
#include <errno.h>
#include <limits.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/text.h"
#include "store/container/container.h"
#include "store/disk/refs.h"
#include "store/disk/store.h"
#include "store/image/image.h"
#include "store/oci/reference.h"
#include "tools/print/filter.h"
#include "tools/print/listing.h"
#include "tools/verb.h"

DEFINE_CLEANUP_PTR(struct store, store_close);

#define COMMAND_SHOWN 20
#define SHORT_ID 12

struct wish {
	bool quiet, whole, size, latest;
	uint64_t last; /* the largest number of rows */
	const char *format;
	struct filter filter;
};

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

/* Read all containers and report the damaged ones. 0, 1: some are damaged, or -errno. */
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
		else if (r != -ENOENT) /* removed since it was listed */
			status = verb_fail(v, err);
	}
	container_list_free(names);
	if (!out->v)
		return err_nomem(err);
	qsort(out->v, out->n, sizeof(struct container *), newest_first);
	return status;
}

/* The repository, and the tag if one was typed, without the digest; or twelve digits of an ID. */
static char *shorten(const struct container *c)
{
	const char *hex =
		strncmp(c->image_typed, "sha256:", 7) == 0 ? c->image_typed + 7 : c->image_typed;
	_cleanup_reference_ struct reference ref = { 0 };
	const char *slash = strrchr(c->image_typed, '/');
	const char *last = slash ? slash : c->image_typed, *colon = strchr(last, ':');

	if (strncmp(hex, digest_hex(&c->image_id), SHORT_ID) == 0)
		return strndup(hex, SHORT_ID);
	if (reference_parse(c->image_typed, &ref, NULL) < 0)
		return strdup(c->image_typed);
	memset(&ref.digest, 0, sizeof(ref.digest));
	return colon && colon < last + strcspn(last, "@") ? reference_familiar(&ref)
							  : reference_repo(&ref);
}

/* As in docker: the image as it was typed, if that still is the same image; else its ID. */
static int image_shown(struct store *s, const struct container *c, const struct refs *refs,
		       bool whole, char **out)
{
	size_t pos;

	if (!c->image_typed || image_find(s, refs, c->image_typed, &pos, NULL) < 0 ||
	    !digest_eq(&refs->v[pos].id, &c->image_id))
		*out = whole ? strdup(c->image_id.str)
			     : strndup(digest_hex(&c->image_id), SHORT_ID);
	else
		*out = whole ? strdup(c->image_typed) : shorten(c);
	return *out ? 0 : -ENOMEM;
}

/* True if the container was removed since it was read. */
static bool is_gone(struct store *s, const struct container *c)
{
	_cleanup_container_ struct container *now = NULL;

	return container_open(s, c->name, &now, NULL) == -ENOENT;
}

/* --- filters ---------------------------------------------------------------- */

/* 1 if a pattern matches the name, with or without docker's leading slash; else 0, or -EINVAL. */
static int name_fits(const struct wish *o, const char *key, const char *name, struct err *err)
{
	const char *pattern;
	char slashed[300];
	size_t i = 0;
	int fits = !filter_has(&o->filter, key);

	snprintf(slashed, sizeof(slashed), "/%s", name);
	while (!fits && (pattern = filter_next(&o->filter, key, &i))) {
		regex_t re;

		if (regcomp(&re, pattern, REG_EXTENDED | REG_NOSUB) != 0)
			return err_set(err, EINVAL, "invalid filter '%s': no regular expression",
				       key);
		fits = regexec(&re, name, 0, NULL, 0) == 0 ||
		       regexec(&re, slashed, 0, NULL, 0) == 0;
		regfree(&re);
	}
	return fits;
}

static bool id_fits(const struct wish *o, const char *name)
{
	const char *id;
	size_t i = 0;

	while ((id = filter_next(&o->filter, "id", &i)))
		if (strncmp(name, id, strlen(id)) == 0)
			return true;
	return !filter_has(&o->filter, "id");
}

/* The image is one of those named, or was committed on one. */
static bool ancestor_fits(struct store *s, const struct wish *o, const struct container *c,
			  const struct refs *refs)
{
	const char *name;
	size_t i = 0, pos, steps;

	while ((name = filter_next(&o->filter, "ancestor", &i))) {
		const struct digest *id = &c->image_id;

		if (image_find(s, refs, name, &pos, NULL) < 0)
			continue;
		for (steps = 0; id && steps <= refs->n; steps++, id = refs_parent(refs, id))
			if (digest_eq(id, &refs->v[pos].id))
				return true;
	}
	return !filter_has(&o->filter, "ancestor");
}

/* All containers count as running. */
static int status_fits(const struct wish *o, struct err *err)
{
	static const char *const known[] = { "created", "restarting", "running", "removing",
					     "paused",	"exited",     "dead" };
	bool fits = !filter_has(&o->filter, "status");
	const char *status;
	size_t i = 0, k;

	while ((status = filter_next(&o->filter, "status", &i))) {
		for (k = 0; k < ARRAY_SIZE(known) && strcmp(known[k], status) != 0; k++)
			;
		if (k == ARRAY_SIZE(known))
			return err_set(err, EINVAL, "Unrecognised filter value for status");
		fits |= strcmp(status, "running") == 0;
	}
	return fits;
}

/* The position in the list of the container that before or since names; -1: no such filter. */
static int get_mark(const struct list *l, const struct wish *o, const char *key, ssize_t *out,
		    struct err *err)
{
	const char *name;
	size_t i = 0, k;

	*out = -1;
	while ((name = filter_next(&o->filter, key, &i))) {
		for (k = 0; k < l->n && strcmp(l->v[k]->name, name) != 0; k++)
			;
		if (k == l->n) {
			struct buf b _cleanup_buf_ = BUF_INIT;

			if (text_escape_line(&b, name, strlen(name)) < 0)
				return err_nomem(err);
			return err_set(err, ENOENT, "No such container: %s", buf_str(&b));
		}
		*out = (ssize_t)k;
	}
	return 0;
}

static const char *get_label(void *image, const char *key)
{
	return image ? image_label(image, key) : NULL;
}

/* --- rows ------------------------------------------------------------------- */

struct labels {
	struct listing *out;
	struct buf all;
};

static int add_label(void *ctx, const char *key, const char *value)
{
	struct labels *l = ctx;
	int r = buf_printf(&l->all, "%s%s=%s", l->all.len ? "," : "", key, value);

	return r < 0 ? r : listing_set_label(l->out, key, value);
}

/* The columns that come from the container's image. */
static int set_image(struct listing *out, const struct wish *o, const struct image *image)
{
	struct labels labels = { out, BUF_INIT };
	_cleanup_free_ char *command = image ? image_command(image) : strdup("");
	struct buf cut _cleanup_buf_ = BUF_INIT, shown _cleanup_buf_ = BUF_INIT;
	int r = command ? text_ellipsis(&cut, command, o->whole ? SIZE_MAX : COMMAND_SHOWN)
			: -ENOMEM;

	if (r == 0)
		r = text_quote(&shown, buf_str(&cut), cut.len);
	if (r == 0)
		r = listing_set(out, "Command", buf_str(&shown));
	if (r == 0 && image)
		r = image_labels(image, add_label, &labels);
	if (r == 0)
		r = listing_set(out, "Labels", buf_str(&labels.all));
	buf_fini(&labels.all);
	return r;
}

static int set_size(struct store *s, struct listing *out, const struct wish *o,
		    const struct image *image, uint64_t bytes, struct err *err)
{
	char size[32], whole[32], both[80];
	uint64_t base = 0;
	int r = o->size && image ? image_size(s, image, &base, err) : 0;

	if (r < 0)
		return r;
	text_size(bytes, size);
	text_size(bytes + base, whole);
	snprintf(both, sizeof(both), o->size ? "%s (virtual %s)" : "%s", size, whole);
	return listing_set(out, "Size", both) < 0 ? err_nomem(err) : 0;
}

static int add_row(struct store *s, struct listing *out, const struct wish *o,
		   const struct container *c, const struct image *image, const struct refs *refs,
		   struct err *err)
{
	_cleanup_free_ char *name = NULL;
	char ago[48], created[64], at[48], status[64];
	uint64_t bytes;
	int r = container_changed_size(c, &bytes, err);

	if (r < 0)
		return is_gone(s, c) ? 0 : r;
	r = set_size(s, out, o, image, bytes, err);
	if (r < 0)
		return r;
	text_ago((int64_t)(time(NULL) - c->created.tv_sec), ago);
	snprintf(created, sizeof(created), "%s ago", ago);
	snprintf(status, sizeof(status), "Up %s", ago);
	text_date(c->created, at);
	if (image_shown(s, c, refs, o->whole, &name) < 0 || set_image(out, o, image) < 0)
		return err_nomem(err);
	listing_set(out, "ID", c->name);
	listing_set(out, "Names", c->name);
	listing_set(out, "Image", name);
	listing_set(out, "RunningFor", created);
	listing_set(out, "CreatedAt", at);
	listing_set(out, "State", "running");
	listing_set(out, "Status", status);
	listing_set(out, "LocalVolumes", "0");
	/* Errors of a template are reported at the end. */
	listing_end_row(out);
	return 0;
}

static int add_rows(struct store *s, struct listing *out, const struct list *l,
		    const struct wish *o, struct err *err)
{
	bool labels = filter_has(&o->filter, "label");
	struct refs refs _cleanup_refs_ = { 0 };
	ssize_t before, since;
	uint64_t shown = 0;
	size_t i;
	int r = refs_read(s, &refs, err), fits = status_fits(o, err);

	if (r == 0)
		r = fits < 0 ? fits : get_mark(l, o, "before", &before, err);
	if (r == 0)
		r = get_mark(l, o, "since", &since, err);
	for (i = 0; r == 0 && fits && i < l->n && shown < o->last; i++) {
		_cleanup_image_ struct image *image = NULL;
		const struct container *c = l->v[i];

		r = name_fits(o, "name", c->name, err);
		if (r <= 0)
			continue;
		r = 0;
		if ((before >= 0 && i <= (size_t)before) || (since >= 0 && i >= (size_t)since) ||
		    !id_fits(o, c->name) || !ancestor_fits(s, o, c, &refs))
			continue;
		/* List the container also if its base image is damaged; verify reports that. */
		if (labels || o->size || listing_uses(out, "Command") || listing_uses(out, "Label"))
			IGNORE(image_open(s, NULL, &c->manifest, &image, NULL));
		if (!filter_labels(&o->filter, "label", get_label, image))
			continue;
		r = add_row(s, out, o, c, image, &refs, err);
		shown++;
	}
	return r;
}

static int print(struct store *s, const struct list *l, const struct wish *o, struct err *err)
{
	bool table = !o->format || strcmp(o->format, "table") == 0;
	const struct listing_column columns[] = {
		/* A container's name is also its ID. */
		{ "ID", table ? "CONTAINER" : "CONTAINER ID", true },
		{ "Image", "IMAGE", true },
		{ "Command", "COMMAND", false },
		{ "RunningFor", "CREATED", true },
		{ "Size", "SIZE", true },
		{ "CreatedAt", "CREATED AT", false },
		{ "Names", "NAMES", false },
		{ "State", "STATE", false },
		{ "Status", "STATUS", false },
		{ "Labels", "LABELS", false },
		{ "Mounts", "MOUNTS", false },
		{ "Networks", "NETWORKS", false },
		{ "Ports", "PORTS", false },
		{ "LocalVolumes", "LOCAL VOLUMES", false },
	};
	struct listing *out;
	int r = listing_new(columns, ARRAY_SIZE(columns), o->quiet && table ? "{{.ID}}" : o->format,
			    &out, err);

	if (r < 0)
		return r;
	r = add_rows(s, out, l, o, err);
	if (r == 0)
		r = listing_print(out, err);
	listing_free(out);
	return r;
}

static int take_last(void *last, char *value, struct err *err)
{
	/* As in docker: no limit. */
	if (strcmp(value, "-1") == 0 || strcmp(value, "0") == 0)
		*(uint64_t *)last = UINT64_MAX;
	else if (text_parse_u64(value, INT_MAX, last) < 0)
		return err_set(err, EINVAL, "-n takes a number");
	return 0;
}

#define FILTERS                                                                               \
	"name=CONTAINER|id=CONTAINER|ancestor=IMAGE|label=|before=CONTAINER|since=CONTAINER|" \
	"status=running"

static const struct option_spec options[] = {
	{ 'a', "all", NULL, "accepted and ignored: all containers are always listed",
	  OPTION_IGNORE },
	{ 'q', "quiet", NULL, "print only names", OPTION(struct wish, quiet) },
	{ 'n', "last", "N", "list the N newest containers",
	  OPTION_TAKE(struct wish, last, take_last) },
	{ 'l', "latest", NULL, "list the newest container", OPTION(struct wish, latest) },
	{ 's', "size", NULL, "add the total size, including the image", OPTION(struct wish, size) },
	{ 0, "no-trunc", NULL, "do not truncate image IDs and commands",
	  OPTION(struct wish, whole) },
	{ 'f', "filter", "F",
	  "name=REGEX, id=NAME, ancestor=IMAGE, label=KEY[=VALUE], before=CONTAINER, "
	  "since=CONTAINER, status=running",
	  OPTION_TAKE(struct wish, filter, filter_option), .values = FILTERS },
	{ 0, "format", "F",
	  "json, table TEMPLATE or TEMPLATE, with .ID .Names .Image .Command .CreatedAt "
	  ".RunningFor .Status .State .Size .Labels .Label \"KEY\"",
	  OPTION(struct wish, format), .values = FORMAT_VALUES },
	OPTIONS_END,
};

/* 0, or the exit status. */
static int check(const struct verb *v, int argc, char **argv, struct wish *o)
{
	struct err err = ERR_INIT;

	if (argc > 0)
		return verb_usage(v, "%s: no argument is taken", argv[0]);
	if (o->latest)
		o->last = 1;
	if (o->format && !*o->format)
		o->format = NULL;
	return filter_check(&o->filter, FILTERS, &err) < 0 ? verb_fail(v, &err) : 0;
}

static int list(const struct verb *v, const struct globals *g, const struct wish *o)
{
	_cleanup_(cleanup_store_close) struct store *s = NULL;
	_cleanup_(list_fini) struct list l = { NULL, 0 };
	struct err err = ERR_INIT;
	int status;

	if (verb_store(g, &s, &err) < 0)
		return verb_fail(v, &err);
	status = read_all(v, s, &l, &err);
	if (status < 0 || print(s, &l, o, &err) < 0)
		return verb_fail(v, &err);
	return status;
}

static int run(const struct verb *v, const struct globals *g, int argc, char **argv)
{
	struct wish o = { .last = UINT64_MAX };
	int status;

	verb_options(v, &argc, &argv, &o);
	status = check(v, argc, argv, &o);
	if (status == 0)
		status = list(v, g, &o);
	filter_fini(&o.filter);
	return status;
}

const struct verb cmd_ps = {
	.name = "ps",
	.summary = "List containers",
	.arguments = "",
	.options = options,
	.help = "SIZE is that of the files that changed.\n"
		"\n"
		"Example:\n"
		"  imagefs rm $(imagefs ps -q -f ancestor=debian)\n",
	.run = run,
};
