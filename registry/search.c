/*
 * Docker Hub takes one request. A catalogue contains only names, so the tags of each repository
 * take a request; several threads send them.
 */
#include "registry/search.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/json.h"
#include "base/log.h"
#include "base/workers.h"
#include "registry/client.h"
#include "registry/config/hosts.h"
#include "registry/http/http.h"
#include "registry/http/http_url.h"
#include "registry/http/retry.h"
#include "store/oci/reference.h"

DEFINE_CLEANUP_PTR(struct client, client_free);

#define HUB_HOST "registry-1.docker.io"
#define HUB_INDEX "index.docker.io"
#define OFFICIAL "library/"

#define MAX_ANSWER (4u << 20)
#define MAX_REPOSITORIES 10000
#define MAX_TAGS 10000
#define WORKERS 8
/* After this many repositories with transient failures no more tags are requested. */
#define MAX_FAILED 3

static void strings_free(char **v, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		free(v[i]);
	free(v);
}

void search_hits_fini(struct search_hits *h)
{
	size_t i;

	for (i = 0; i < h->n; i++) {
		free(h->v[i].name);
		free(h->v[i].description);
		strings_free(h->v[i].tags, h->v[i].n_tags);
	}
	free(h->v);
	h->v = NULL;
	h->n = 0;
}

/* --- Docker Hub ----------------------------------------------------------- */

static int read_hit(const json_t *j, struct search_hit *h, struct err *err)
{
	const char *name = json_str(j, "name"), *description = json_str(j, "description");
	json_int_t stars = json_integer_value(json_object_get(j, "star_count"));

	if (!name)
		return err_set(err, EPROTO, "a result without a name");
	h->name = strdup(name);
	h->description = strdup(description ? description : "");
	if (!h->name || !h->description)
		return err_nomem(err);
	h->stars = stars > 0 ? (uint64_t)stars : 0;
	h->official = json_is_true(json_object_get(j, "is_official"));
	h->automated = json_is_true(json_object_get(j, "is_automated"));
	return 0;
}

/* Sort by stars, descending. The sort is stable. */
static void sort_by_stars(struct search_hit *v, size_t n)
{
	size_t i, j;

	for (i = 1; i < n; i++) {
		struct search_hit hit = v[i];

		for (j = i; j > 0 && v[j - 1].stars < hit.stars; j--)
			v[j] = v[j - 1];
		v[j] = hit;
	}
}

int search_read(const char *text, size_t len, unsigned int limit, struct search_hits *out,
		struct err *err)
{
	struct search_hits hits _cleanup_search_hits_ = SEARCH_HITS_INIT;
	_cleanup_json_ json_t *j = NULL;
	const json_t *results;
	size_t n, i;
	int r = 0;

	r = json_parse(text, len, "answer", &j, NULL);
	if (r < 0)
		return r == -ENOMEM ? err_nomem(err)
				    : err_set(err, EPROTO, "the answer is not JSON");
	results = json_object_get(j, "results");
	if (!json_is_array(results))
		return err_set(err, EPROTO, "the answer has no results");
	n = MIN(json_array_size(results), limit);
	hits.v = calloc(n ? n : 1, sizeof(*hits.v));
	if (!hits.v)
		return err_nomem(err);
	for (i = 0; r == 0 && i < n; i++)
		r = read_hit(json_array_get(results, i), &hits.v[hits.n++], err);
	if (r < 0)
		return r;
	sort_by_stars(hits.v, hits.n);
	*out = hits;
	hits = (struct search_hits)SEARCH_HITS_INIT;
	return 0;
}

/* Nothing listens at this address: a retry would not help. */
static bool is_unreachable(int r)
{
	return r == -ECONNREFUSED || r == -EHOSTUNREACH;
}

/* Send a request by https, or by http if https is not available and the endpoint allows it. */
static int get_by_scheme(struct http *h, const struct endpoint *e, const char *rest,
			 struct http_response *out, struct err *err)
{
	static const char *const headers[] = { "Accept: application/json", NULL };
	static const char *const schemes[] = { "https", "http" };
	size_t i;
	int r = 0;

	for (i = 0; i < ARRAY_SIZE(schemes); i++) {
		struct buf url _cleanup_buf_ = BUF_INIT;
		struct http_request q = { .method = "GET",
					  .headers = headers,
					  .endpoint = e,
					  .body_fd = -1,
					  .body_length = -1,
					  .max = MAX_ANSWER };

		if (buf_printf(&url, "%s://%s%s", schemes[i], e->host, rest) < 0)
			return err_nomem(err);
		q.url = buf_str(&url);
		r = http_do(h, &q, out, err);
		if (!e->plain_http || (r != -ENOTCONN && r != -ECONNRESET && !is_unreachable(r)))
			break;
	}
	return r;
}

/* get_by_scheme() with retries. */
static int get(struct http *h, const struct endpoint *e, const char *rest,
	       struct http_response *out, struct err *err)
{
	struct retry retry = RETRY_INIT;
	int r;

	for (;;) {
		struct http_response answer _cleanup_response_ = { 0 };
		bool again;

		r = get_by_scheme(h, e, rest, &answer, err);
		again = r < 0 ? http_transient(r) && !is_unreachable(r)
			      : retry_status(answer.status);
		if (again && retry_wait(&retry, r, r < 0 ? NULL : &answer, false))
			continue;
		if (r == 0) {
			*out = answer;
			memset(&answer, 0, sizeof(answer));
		}
		return r < 0 ? retry_reported(&retry, r, err) : 0;
	}
}

int search_hub(struct http *h, const struct endpoint *e, const char *term, unsigned int limit,
	       struct search_hits *out, struct err *err)
{
	struct http_response answer _cleanup_response_ = { 0 };
	struct buf rest _cleanup_buf_ = BUF_INIT;
	_cleanup_free_ char *escaped = NULL;
	struct endpoint to = *e;
	static char index[] = HUB_INDEX;
	int r;

	if (strcmp(e->host, HUB_HOST) == 0)
		to.host = index;
	/* Docker Hub's search calls library/x just x. */
	if (strncmp(term, OFFICIAL, strlen(OFFICIAL)) == 0)
		term += strlen(OFFICIAL);
	escaped = http_escape(term);
	if (!escaped || buf_printf(&rest, "/v1/search?q=%s&n=%u", escaped, limit) < 0)
		return err_nomem(err);
	r = get(h, &to, buf_str(&rest), &answer, err);
	if (r == 0 && answer.status != 200)
		r = err_set(err, EPROTO, "Unexpected status code %ld", answer.status);
	if (r == 0)
		r = search_read(buf_str(&answer.text), answer.text.len, limit, out, err);
	return r < 0 ? err_wrap(err, r, "%s", to.host) : 0;
}

/* --- Catalogue ------------------------------------------------------------ */

struct catalog {
	const char *term;
	const char *below; /* only names below this path, which is cut off; "": all */
	size_t limit;
	struct search_hits hits;
};

/* The part of a repository's name to match and show; NULL: not below the path. */
static const char *part(const struct catalog *c, const char *repo)
{
	size_t n = strlen(c->below);

	if (n && (strncmp(repo, c->below, n) != 0 || repo[n] != '/'))
		return NULL;
	repo += n ? n + 1 : 0;
	return strcasestr(repo, c->term) ? repo : NULL;
}

static int take_repository(void *arg, const char *repo, struct err *err)
{
	struct catalog *c = arg;
	const char *name = part(c, repo);
	struct search_hit *v;

	if (!name)
		return 0;
	if (c->hits.n == MAX_REPOSITORIES) {
		log_warn("only the first %d repositories are shown", MAX_REPOSITORIES);
		return 1;
	}
	v = realloc(c->hits.v, (c->hits.n + 1) * sizeof(*v));
	if (!v)
		return err_nomem(err);
	c->hits.v = v;
	v[c->hits.n] = (struct search_hit){ .name = strdup(name) };
	if (!v[c->hits.n].name)
		return err_nomem(err);
	return ++c->hits.n == c->limit;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(((const struct search_hit *)a)->name, ((const struct search_hit *)b)->name);
}

/* latest first, because it is used most; all others in version order. */
static int compare_tags(const void *a, const void *b)
{
	const char *s = *(char *const *)a, *t = *(char *const *)b;
	int s_latest = strcmp(s, "latest") == 0, t_latest = strcmp(t, "latest") == 0;

	return s_latest != t_latest ? t_latest - s_latest : strverscmp(s, t);
}

void search_sort_tags(char **tags, size_t n)
{
	if (n)
		qsort(tags, n, sizeof(*tags), compare_tags);
}

static int take_tag(void *arg, const char *tag, struct err *err)
{
	struct search_hit *h = arg;
	char **v = realloc(h->tags, (h->n_tags + 1) * sizeof(*v));

	if (!v)
		return err_nomem(err);
	h->tags = v;
	v[h->n_tags] = strdup(tag);
	if (!v[h->n_tags])
		return err_nomem(err);
	return ++h->n_tags == MAX_TAGS;
}

/* The name becomes part of a URL, so it must be valid. */
static bool name_valid(const char *repo)
{
	_cleanup_reference_ struct reference ref = { 0 };
	struct buf text _cleanup_buf_ = BUF_INIT;

	return buf_printf(&text, "localhost/%s:x", repo) == 0 &&
	       reference_parse(buf_str(&text), &ref, NULL) == 0 && strcmp(ref.path, repo) == 0;
}

struct tags_job {
	struct client *client;
	const char *below;
	struct search_hits *hits;
	atomic_uint failed; /* number of transient failures */
};

static int list_tags(struct tags_job *job, struct search_hit *h, struct err *err)
{
	struct buf repo _cleanup_buf_ = BUF_INIT;

	if (buf_printf(&repo, "%s%s%s", job->below, *job->below ? "/" : "", h->name) < 0)
		return err_nomem(err);
	if (!name_valid(buf_str(&repo)))
		return err_set(err, EPROTO, "invalid repository name");
	return client_tags_of(job->client, buf_str(&repo), take_tag, h, err);
}

/* Only running out of memory ends the search. After other errors the tags are unknown. */
static int find_tags(struct workers *w, size_t i, void *arg, struct err *err)
{
	struct tags_job *job = arg;
	struct search_hit *h = &job->hits->v[i];
	struct err why = ERR_INIT;
	int r;

	(void)w;
	if (atomic_load(&job->failed) >= MAX_FAILED) {
		h->tags_unknown = true;
		return 0;
	}
	r = list_tags(job, h, &why);
	/* docker-registry answers 404 for a repository without tags. */
	if (r >= 0 || r == -ENOENT) {
		search_sort_tags(h->tags, h->n_tags);
		return 0;
	}
	log_debug("tags of %s: %s", h->name, why.msg);
	strings_free(TAKE_PTR(h->tags), h->n_tags);
	h->n_tags = 0;
	h->tags_unknown = true;
	if (client_transient(r))
		atomic_fetch_add(&job->failed, 1);
	return r == -ENOMEM ? err_nomem(err) : 0;
}

static int all_tags(struct client *c, const char *below, struct search_hits *hits, struct err *err)
{
	static const struct workers_ops ops = { .job = find_tags };
	struct tags_job job = { .client = c, .below = below, .hits = hits };

	return workers_run(&ops, hits->n, WORKERS, &job, err);
}

/* Many registries have no catalogue, and most restrict it to users who are logged in. */
static int catalog_refused(const struct endpoint *e, int r, struct err *err)
{
	struct err why = ERR_INIT;

	if (err)
		why = *err;
	if (r == -EACCES)
		return err_set(err, EACCES, "%.800s (imagefs login %s may help)", why.msg, e->key);
	return r == -ENOENT ? err_wrap(err, r, "it has no catalogue") : r;
}

int search_catalog(struct http *h, struct auth *a, const struct endpoint *e, const char *term,
		   unsigned int limit, bool tags, struct search_hits *out, struct err *err)
{
	_cleanup_(cleanup_client_free) struct client *c = NULL;
	struct catalog catalog = { .term = term, .below = e->path, .limit = limit };
	int r = client_open(h, a, e, NULL, &c, err);

	if (r == 0)
		r = client_catalog(c, take_repository, &catalog, err);
	if (r >= 0) {
		if (catalog.hits.n)
			qsort(catalog.hits.v, catalog.hits.n, sizeof(*catalog.hits.v),
			      compare_names);
		r = tags ? all_tags(c, e->path, &catalog.hits, err) : 0;
	}
	if (r < 0) {
		search_hits_fini(&catalog.hits);
		return err_wrap(err, catalog_refused(e, r, err), "%s", e->host);
	}
	*out = catalog.hits;
	return 0;
}
