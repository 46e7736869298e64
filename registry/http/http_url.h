/*
 * URLs: joined, compared and split by libcurl's parser, which also connects to them. Functions
 * accept only http and https unless noted.
 */
#ifndef REGISTRY_HTTP_HTTP_URL_H
#define REGISTRY_HTTP_HTTP_URL_H

#include <stdbool.h>

#include "base/err.h"

#define HTTP_URL_MAX 16384

/* http_url_join - resolve target, a Location or Link, against base. Heap; NULL: invalid. */
char *http_url_join(const char *base, const char *target);

/* http_url_host - in lower case, without the port. Heap or NULL. */
char *http_url_host(const char *url);

/* http_url_authority - "host" or "host:port" as written, in lower case. Heap or NULL. */
char *http_url_authority(const char *url);

/* http_url_moved - path and query of url on the server of base. Heap or NULL. */
char *http_url_moved(const char *base, const char *url);

bool http_url_is_tls(const char *url);

/* http_same_origin - true if both URLs have the same scheme, host and port. */
bool http_same_origin(const char *a, const char *b);

/*
 * http_url_shown - a printable URL: without user, password and query, only visible characters.
 * Heap; NULL: out of memory.
 */
char *http_url_shown(const char *url);

/* http_escape - text, escaped for the query or path of a URL. Heap; NULL: out of memory. */
char *http_escape(const char *text);

/* The parts of a URL as written; NULL: missing. All heap. */
struct http_url_parts {
	char *url; /* the URL, normalized by libcurl */
	char *scheme, *host, *port, *user, *password, *fragment;
};

#define _cleanup_url_parts_ __attribute__((cleanup(http_url_parts_fini)))
void http_url_parts_fini(struct http_url_parts *p);

/*
 * http_url_split - split a URL of any scheme.
 * errors  -EINVAL not a URL with a scheme and a host; -ENOMEM
 */
int http_url_split(const char *url, struct http_url_parts *out) MUST_CHECK;

/*
 * http_url_add_query - append NAME=VALUE, escaped, to the query of *url, which is heap and
 * replaced. 0 or -ENOMEM.
 */
int http_url_add_query(char **url, const char *name, const char *value) MUST_CHECK;

#endif
