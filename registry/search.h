/*
 * Looking for images: Docker Hub's own search, and the catalogue of any other registry, which has
 * names and nothing else.
 * spec    Docker Registry API v1 "Search"; OCI distribution-spec "Content Discovery", and the catalogue
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
	char *name;	   /* as the registry has it, without a host */
	char *description; /* Hub; "" where it has none */
	uint64_t stars;
	bool official, automated;
	char **tags; /* catalogue: n_tags of them, as versions are sorted */
	size_t n_tags;
	bool tags_unknown; /* they were asked for, and the registry did not say */
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
 * search_hub - ask the API that Docker Hub has.
 * e       of "docker.io": hosts_of()
 * limit   how many at most, 1 to 100
 * out     the most stars first; search_hits_fini()
 * errors  -EPROTO an answer that is none; as http_do()
 */
int search_hub(struct http *h, const struct endpoint *e, const char *term, unsigned int limit,
	       struct search_hits *out, struct err *err) MUST_CHECK;

/*
 * search_catalog - the repositories of a registry with term somewhere in their name, by name.
 * term     "" is in all names
 * limit    how many at most; 0: all there are, within reason
 * tags     find out their tags, too. One repository whose tags nobody tells is no error
 * errors   -EACCES, -EPROTO; as http_do()
 */
int search_catalog(struct http *h, struct auth *a, const struct endpoint *e, const char *term,
		   unsigned int limit, bool tags, struct search_hits *out,
		   struct err *err) MUST_CHECK;

/* search_read - what Docker Hub's API answers, as hits; at most limit. */
int search_read(const char *text, size_t len, unsigned int limit, struct search_hits *out,
		struct err *err) MUST_CHECK;

/* search_sort_tags - 1.9 before 1.10, and latest first. */
void search_sort_tags(char **tags, size_t n);

void search_hits_fini(struct search_hits *h);

#endif
