/*
 * imagefs search: images on Docker Hub, or the repositories of another registry.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "base/text.h"
#include "registry/auth/auth.h"
#include "registry/config/hosts.h"
#include "registry/http/http.h"
#include "registry/search.h"
#include "tools/print/filter.h"
#include "tools/print/listing.h"
#include "tools/verb.h"

DEFINE_CLEANUP_PTR(struct listing, listing_free);

#define HUB "docker.io"
#define DEFAULT_LIMIT 25
#define MAX_LIMIT 100
/* Characters of a description and of a list of tags without --no-trunc. */
#define DESCRIPTION_MAX 45
#define TAGS_MAX 45

static const struct listing_column hub_columns[] = {
	{ "Name", "NAME", true },
	{ "Description", "DESCRIPTION", true },
	{ "StarCount", "STARS", true },
	{ "IsOfficial", "OFFICIAL", true },
	{ "IsAutomated", "AUTOMATED", false },
};

static const struct listing_column catalog_columns[] = {
	{ "Name", "NAME", true },
	{ "Tags", "TAGS", true },
};

struct wish {
	struct filter filter;
	const char *format;
	bool no_trunc, plain_http;
	const char *limit_typed;
	unsigned int limit; /* 0: none was given */
};

/* What -f asks for. */
struct wanted {
	int official, automated; /* -1: either */
	int64_t stars;
};

/* split - the host that a term begins with, as in a reference, and what is behind it. */
static int split(const char *arg, char **host, const char **term, struct err *err)
{
	size_t n = strcspn(arg, "/");
	bool alone = !arg[n];

	if (strstr(arg, "://"))
		return err_set(err, EINVAL,
			       "invalid repository name (ex: \"registry.domain.tld/myrepos\")");
	/* A lone word with a port is nothing that Docker Hub could find. */
	if (memchr(arg, ':', n) ||
	    (!alone && (memchr(arg, '.', n) || strncmp(arg, "localhost/", 10) == 0))) {
		*host = strndup(arg, n);
		*term = arg + n + (alone ? 0 : 1);
	} else {
		*host = strdup(HUB);
		*term = arg;
	}
	if (*host && strcmp(*host, "index." HUB) == 0)
		strcpy(*host, HUB);
	return *host ? 0 : err_nomem(err);
}

static int read_bool(const struct filter *f, const char *key, int *out, struct err *err)
{
	bool yes;
	int r = filter_bool(f, key, &yes, err);

	*out = r > 0 ? yes : -1;
	return r < 0 ? r : 0;
}

static int read_stars(const struct filter *f, int64_t *out, struct err *err)
{
	const char *s;
	size_t i = 0;

	*out = 0;
	while ((s = filter_next(f, "stars", &i))) {
		bool minus = *s == '-';
		uint64_t n;

		if (text_parse_u64(s + (minus || *s == '+'), INT64_MAX, &n) < 0)
			return err_set(err, EINVAL, "invalid filter 'stars=%s'", s);
		/* The largest counts, as docker has it; fewer than none are all. */
		if (!minus && (int64_t)n > *out)
			*out = (int64_t)n;
	}
	return 0;
}

#define FILTERS "is-official=true|is-official=false|is-automated=true|is-automated=false|stars="

static int read_filter(const struct filter *f, struct wanted *w, struct err *err)
{
	int r = filter_check(f, FILTERS, err);

	if (r == 0)
		r = read_bool(f, "is-automated", &w->automated, err);
	if (r == 0)
		r = read_bool(f, "is-official", &w->official, err);
	return r == 0 ? read_stars(f, &w->stars, err) : r;
}

static bool matches(const struct search_hit *h, const struct wanted *w)
{
	return (w->official < 0 || h->official == w->official) &&
	       (w->automated < 0 || h->automated == w->automated) && h->stars >= (uint64_t)w->stars;
}

/* In a table or a template docker says [OK] or nothing, in JSON true or false. */
static const char *mark(bool yes, bool json)
{
	if (json)
		return yes ? "true" : "false";
	return yes ? "[OK]" : "";
}

/* Cells of a table end at tabs, and rows at newlines. */
static int one_line(const char *s, size_t max, struct buf *out)
{
	char *p;
	int r = text_ellipsis(out, s, max);

	for (p = out->data; r == 0 && p && *p; p++)
		if (*p == '\t' || *p == '\n' || *p == '\r')
			*p = ' ';
	return r;
}

static int hub_row(struct listing *l, const struct search_hit *h, const struct wish *o)
{
	bool json = o->format && strstr(o->format, "json");
	struct buf text _cleanup_buf_ = BUF_INIT;
	char stars[32];

	snprintf(stars, sizeof(stars), "%" PRIu64, h->stars);
	if (one_line(h->description, o->no_trunc ? SIZE_MAX : DESCRIPTION_MAX, &text) < 0 ||
	    listing_set(l, "Name", h->name) < 0 ||
	    listing_set(l, "Description", buf_str(&text)) < 0 ||
	    listing_set(l, "StarCount", stars) < 0 ||
	    listing_set(l, "IsOfficial", mark(h->official, json)) < 0 ||
	    listing_set(l, "IsAutomated", mark(h->automated, json)) < 0)
		return -ENOMEM;
	return listing_end_row(l);
}

/* "1.0, 1.1 and 7 more": whole tags only, at least one. */
static int tag_list(const struct search_hit *h, bool whole, struct buf *out)
{
	size_t i;
	int r = 0;

	if (h->n_tags == 0)
		return buf_puts(out, h->tags_unknown ? "<unknown>" : "<none>");
	for (i = 0; r == 0 && i < h->n_tags; i++) {
		if (!whole && i && out->len + 2 + strlen(h->tags[i]) > TAGS_MAX)
			return buf_printf(out, " and %zu more", h->n_tags - i);
		r = buf_printf(out, "%s%s", i ? ", " : "", h->tags[i]);
	}
	return r;
}

static int catalog_row(struct listing *l, const char *host, const struct search_hit *h,
		       const struct wish *o)
{
	struct buf name _cleanup_buf_ = BUF_INIT, tags _cleanup_buf_ = BUF_INIT;

	if (buf_printf(&name, "%s/%s", host, h->name) < 0 || tag_list(h, o->no_trunc, &tags) < 0 ||
	    listing_set(l, "Name", buf_str(&name)) < 0 ||
	    listing_set(l, "Tags", buf_str(&tags)) < 0)
		return -ENOMEM;
	return listing_end_row(l);
}

/* What a search needs to reach its registry. */
struct line {
	struct http *http;
	struct auth *auth;
	struct endpoints to;
};

static void line_fini(struct line *l)
{
	auth_free(l->auth);
	http_free(l->http);
	endpoints_fini(&l->to);
}

static int line_open(struct line *l, const char *host, const struct wish *o, struct err *err)
{
	int r = hosts_of(host, o->plain_http, &l->to, err);

	if (r == 0)
		r = http_new(NULL, &l->http, err);
	return r == 0 ? auth_new(l->http, &l->auth, err) : r;
}

static int hub(const char *term, const struct wish *o, struct err *err)
{
	_cleanup_(cleanup_listing_free) struct listing *l = NULL;
	struct search_hits hits _cleanup_search_hits_ = SEARCH_HITS_INIT;
	_cleanup_(line_fini) struct line line = { 0 };
	struct wanted w;
	size_t i;
	int r = read_filter(&o->filter, &w, err);

	if (r == 0)
		r = listing_new(hub_columns, ARRAY_SIZE(hub_columns), o->format, &l, err);
	if (r == 0)
		r = line_open(&line, HUB, o, err);
	if (r == 0)
		r = search_hub(line.http, endpoints_own(&line.to), term,
			       o->limit ? o->limit : DEFAULT_LIMIT, &hits, err);
	if (r < 0)
		return r;
	for (i = 0; r == 0 && i < hits.n; i++)
		if (matches(&hits.v[i], &w))
			r = hub_row(l, &hits.v[i], o);
	return r == -ENOMEM ? err_nomem(err) : listing_print(l, err);
}

static int catalog(const char *host, const char *term, const struct wish *o, struct err *err)
{
	_cleanup_(cleanup_listing_free) struct listing *l = NULL;
	struct search_hits hits _cleanup_search_hits_ = SEARCH_HITS_INIT;
	_cleanup_(line_fini) struct line line = { 0 };
	size_t i, unknown = 0;
	struct wanted w;
	int r = read_filter(&o->filter, &w, err);

	if (r == 0 && o->filter.n)
		r = err_set(err, ENOTSUP,
			    "%s: a catalogue has no stars and nothing official to filter by", host);
	if (r == 0)
		r = listing_new(catalog_columns, ARRAY_SIZE(catalog_columns), o->format, &l, err);
	if (r == 0)
		r = line_open(&line, host, o, err);
	if (r == 0)
		r = search_catalog(line.http, line.auth, endpoints_own(&line.to), term, o->limit,
				   listing_uses(l, "Tags"), &hits, err);
	if (r < 0)
		return r;
	for (i = 0; r == 0 && i < hits.n; i++) {
		unknown += hits.v[i].tags_unknown;
		r = catalog_row(l, host, &hits.v[i], o);
	}
	r = r == -ENOMEM ? err_nomem(err) : listing_print(l, err);
	if (r == 0 && unknown)
		log_warn("the tags of %zu of %zu repositor%s could not be listed", unknown, hits.n,
			 hits.n == 1 ? "y" : "ies");
	return r;
}

static int parse_limit(const struct verb *v, const char *s, unsigned int *out)
{
	struct err err = ERR_INIT;
	char *end;
	long n;

	errno = 0;
	n = strtol(s, &end, 10);
	if (end == s || *end || errno) {
		verb_usage(v, "invalid argument \"%s\" for \"--limit\"", s);
		return 2;
	}
	if (n < 1 || n > MAX_LIMIT) {
		err_set(&err, EINVAL, "Limit %ld is outside the range of [1, %d]", n, MAX_LIMIT);
		return verb_fail(v, &err);
	}
	*out = (unsigned int)n;
	return 0;
}

static const struct option_spec options[] = {
	{ 'f', "filter", "FILTER",
	  "is-official=true|false, is-automated=true|false, stars=N (at least N); Docker Hub only",
	  OPTION_TAKE(struct wish, filter, filter_option), .values = FILTERS },
	{ 0, "format", "FORMAT",
	  "json, \"table TEMPLATE\" or a Go template; fields: Name, Description, StarCount, "
	  "IsOfficial, IsAutomated; for other registries Name and Tags",
	  OPTION(struct wish, format), .values = FORMAT_VALUES },
	{ 0, "limit", "N", "print at most N results, 1 to 100 (default for Docker Hub: 25)",
	  OPTION(struct wish, limit_typed) },
	{ 0, "no-trunc", NULL, "do not truncate descriptions and lists of tags",
	  OPTION(struct wish, no_trunc) },
	{ 0, "plain-http", NULL, "use http if the registry does not support https",
	  OPTION(struct wish, plain_http) },
	OPTIONS_END,
};

static int run(const struct verb *v, const struct globals *g, int argc, char **argv)
{
	struct wish o = { 0 };
	_cleanup_free_ char *host = NULL;
	struct err err = ERR_INIT;
	const char *term = NULL;
	int r = 0;

	(void)g;
	verb_options(v, &argc, &argv, &o);
	if (argc != 1)
		r = verb_usage(v, "requires exactly 1 argument");
	else if (o.limit_typed)
		r = parse_limit(v, o.limit_typed, &o.limit);
	if (r == 0) {
		r = split(argv[0], &host, &term, &err);
		if (r == 0)
			r = strcmp(host, HUB) == 0 ? hub(term, &o, &err)
						   : catalog(host, term, &o, &err);
		r = r < 0 ? verb_fail(v, &err) : 0;
	}
	filter_fini(&o.filter);
	return r;
}

const struct verb cmd_search = {
	.name = "search",
	.summary = "Search Docker Hub or another registry for images",
	.arguments = "TERM",
	.options = options,
	.help = "TERM is looked for on Docker Hub; HOST[:PORT]/TERM in the names of that "
		"registry's\n"
		"repositories, and HOST[:PORT]/ lists them all.\n"
		"\n"
		"Examples:\n"
		"  imagefs search --filter is-official=true debian\n"
		"  imagefs search localhost:5000/team\n",
	.run = run,
};
