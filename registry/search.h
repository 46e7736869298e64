/*
 * Search for images: with Docker Hub's search, or in the catalogue of any other registry, which
 * contains names only.
 * spec    Docker Registry API v1 "Search"; OCI distribution-spec "Content Discovery"; the catalogue
 *         of Docker's v2 API
 */
#ifndef REGISTRY_SEARCH_H
#define REGISTRY_SEARCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct auth;
struct endpoint;
struct http;

struct search_hit {
	char *name;	   /* as in the registry, without a host */
	char *description; /* Docker Hub only; "" if there is none */
	uint64_t stars;
	bool official, automated;
	char **tags; /* catalogue only: n_tags, in version order */
	size_t n_tags;
	bool tags_unknown; /* tags were requested, but the registry did not list them */
};

struct search_hits {
	struct search_hit *v;
	size_t n;
};

#define SEARCH_HITS_INIT \
	{                \
		NULL, 0  \
	}
#define _cleanup_search_hits_ __attribute__((cleanup(search_hits_fini)))

/*
 * search_hub - search Docker Hub.
 * e       the endpoint of "docker.io", from hosts_of()
 * limit   maximum number of hits, 1 to 100
 * out     most stars first; search_hits_fini()
 * errors  -EPROTO invalid response; those of http_do()
 */
int search_hub(struct http *h, const struct endpoint *e, const char *term, unsigned int limit,
	       struct search_hits *out, struct err *err) MUST_CHECK;

/*
 * search_catalog - find the repositories of a registry whose names contain term, sorted by name.
 * term     "" matches all names
 * limit    maximum number of hits; 0: a built-in maximum
 * tags     also list their tags. If a repository's tags cannot be listed, this is not an error
 * errors   -EACCES, -EPROTO; those of http_do()
 */
int search_catalog(struct http *h, struct auth *a, const struct endpoint *e, const char *term,
		   unsigned int limit, bool tags, struct search_hits *out,
		   struct err *err) MUST_CHECK;

/* search_read - parse a response of Docker Hub's search; at most limit hits. */
int search_read(const char *text, size_t len, unsigned int limit, struct search_hits *out,
		struct err *err) MUST_CHECK;

/* search_sort_tags - sort by version: latest first, 1.9 before 1.10. */
void search_sort_tags(char **tags, size_t n);

void search_hits_fini(struct search_hits *h);

#endif
