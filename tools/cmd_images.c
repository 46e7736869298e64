/*
 * imagefs images: what the store holds.
 */
#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "store/image.h"
#include "store/reference.h"
#include "store/refs.h"
#include "store/store.h"
#include "tools/verb.h"

#define SHORT_ID 12

struct row {
	char *repo, *tag;
	struct digest id;
	struct timespec created;
	uint64_t size;
};

struct options {
	bool ids_only, whole_ids;
	const char *pattern;
};

/* Newest first, then by name, as docker sorts. */
static int by_age(const void *pa, const void *pb)
{
	const struct row *a = pa, *b = pb;
	int c;

	if (a->created.tv_sec != b->created.tv_sec)
		return a->created.tv_sec < b->created.tv_sec ? 1 : -1;
	if (a->created.tv_nsec != b->created.tv_nsec)
		return a->created.tv_nsec < b->created.tv_nsec ? 1 : -1;
	c = strcmp(a->repo, b->repo);
	return c ? c : strcmp(a->tag, b->tag);
}

static int fill_row(struct store *s, const struct ref *ref, struct row *row, struct err *err)
{
	_cleanup_reference_ struct reference parsed = { 0 };
	_cleanup_image_ struct image *i = NULL;
	int r;

	r = image_open(s, NULL, &ref->desc, &i, err);
	if (r == 0)
		r = image_size(s, i, &row->size, err);
	if (r < 0)
		return r;
	row->id = i->id;
	row->created = i->created;
	if (!ref->name) {
		row->repo = strdup("<none>");
		row->tag = strdup("<none>");
	} else {
		r = reference_parse(ref->name, &parsed, err);
		if (r < 0)
			return r;
		row->repo = reference_repo(&parsed);
		row->tag = strdup(parsed.tag);
	}
	return row->repo && row->tag ? 0 : err_nomem(err);
}

/* REPO or REPO:TAG, whole; '*', '?' and '[...]' match within a part. */
static bool matches(const struct row *row, const char *pattern)
{
	char whole[600];

	if (!pattern || fnmatch(pattern, row->repo, FNM_PATHNAME) == 0)
		return true;
	snprintf(whole, sizeof(whole), "%s:%s", row->repo, row->tag);
	return fnmatch(pattern, whole, FNM_PATHNAME) == 0;
}

static int print_table(const struct row *rows, size_t n, const struct options *o)
{
	static const char *const heads[] = { "REPOSITORY", "TAG", "IMAGE ID", "CREATED", "SIZE" };
	struct text_table t;
	time_t now = time(NULL);
	size_t i;
	int r = 0;

	text_table_init(&t, ARRAY_SIZE(heads));
	for (i = 0; i < ARRAY_SIZE(heads) && r == 0; i++)
		r = text_table_add(&t, heads[i]);
	for (i = 0; i < n && r == 0; i++) {
		char size[32], ago[48], created[64] = "N/A", id[DIGEST_MAX];

		text_size(rows[i].size, size);
		if (rows[i].created.tv_sec) {
			text_ago(now - rows[i].created.tv_sec, ago);
			snprintf(created, sizeof(created), "%s ago", ago);
		}
		snprintf(id, sizeof(id), "%.*s", o->whole_ids ? DIGEST_MAX : SHORT_ID,
			 o->whole_ids ? rows[i].id.str : digest_hex(&rows[i].id));
		if (text_table_add(&t, rows[i].repo) < 0 || text_table_add(&t, rows[i].tag) < 0 ||
		    text_table_add(&t, id) < 0 || text_table_add(&t, created) < 0 ||
		    text_table_add(&t, size) < 0)
			r = -ENOMEM;
	}
	if (r == 0)
		text_table_print(&t);
	text_table_fini(&t);
	return r;
}

static void print_ids(const struct row *rows, size_t n, const struct options *o)
{
	size_t i, k;

	for (i = 0; i < n; i++) {
		for (k = 0; k < i && !digest_eq(&rows[k].id, &rows[i].id); k++)
			;
		if (k < i)
			continue;
		if (o->whole_ids)
			puts(rows[i].id.str);
		else
			printf("%.*s\n", SHORT_ID, digest_hex(&rows[i].id));
	}
}

static int list(const struct verb *v, struct store *s, const struct options *o)
{
	_cleanup_refs_ struct refs refs = { 0 };
	struct err err = ERR_INIT;
	struct row *rows;
	size_t i, n = 0;
	int status = 0, r;

	if (refs_read(s, &refs, &err) < 0)
		return verb_fail(v, &err);
	rows = calloc(refs.n ? refs.n : 1, sizeof(*rows));
	if (!rows) {
		err_nomem(&err);
		return verb_fail(v, &err);
	}
	for (i = 0; i < refs.n; i++) {
		r = fill_row(s, &refs.v[i], &rows[n], &err);
		if (r < 0)
			status = verb_fail(v, &err);
		if (r == 0 && matches(&rows[n], o->pattern)) {
			n++;
			continue;
		}
		free(rows[n].repo);
		free(rows[n].tag);
		memset(&rows[n], 0, sizeof(rows[n]));
	}
	qsort(rows, n, sizeof(*rows), by_age);
	if (o->ids_only) {
		print_ids(rows, n, o);
	} else if (print_table(rows, n, o) < 0) {
		err_nomem(&err);
		status = verb_fail(v, &err);
	}
	for (i = 0; i < n; i++) {
		free(rows[i].repo);
		free(rows[i].tag);
	}
	free(rows);
	return status;
}

enum { OPT_NO_TRUNC = 256, OPT_LATER };

static int run(const struct verb *v, const struct globals *g, int argc, char **argv)
{
	static const struct option longs[] = { { "all", no_argument, NULL, 'a' },
					       { "no-trunc", no_argument, NULL, OPT_NO_TRUNC },
					       { "digests", no_argument, NULL, OPT_LATER },
					       { "filter", required_argument, NULL, OPT_LATER },
					       { "format", required_argument, NULL, OPT_LATER },
					       { NULL, 0, NULL, 0 } };
	struct options o = { 0 };
	struct err err = ERR_INIT;
	struct store *s;
	int opt, status;

	while ((opt = verb_getopt(v, argc, argv, "aqf:", longs)) != -1) {
		if (opt == 'q') {
			o.ids_only = true;
		} else if (opt == OPT_NO_TRUNC) {
			o.whole_ids = true;
		} else if (opt != 'a') {
			err_set(&err, ENOTSUP,
				"--digests, --filter and --format: not in this version yet");
			return verb_fail(v, &err);
		}
	}
	if (argc - optind > 1)
		return verb_usage(v, "requires at most 1 argument");
	o.pattern = argv[optind];
	if (verb_store(g, &s, &err) < 0)
		return verb_fail(v, &err);
	status = list(v, s, &o);
	store_close(s);
	return status;
}

const struct verb cmd_images = {
	.name = "images",
	.usage = "[-a] [-q] [--no-trunc] [REPOSITORY[:TAG]]",
	.summary = "List the images of the store",
	.help = "Options:\n"
		"  -a, --all      accepted; there are no intermediate images to hide\n"
		"  -q, --quiet    image IDs only\n"
		"  --no-trunc     whole image IDs\n\n"
		"Example:\n"
		"  imagefs images debian\n",
	.run = run,
};
