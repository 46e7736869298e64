/*
 * URLs as http needs them: joined, compared and split, by the parser that connects to them. Functions take http
 * and https only where they do not say otherwise.
 */
#ifndef REGISTRY_HTTP_HTTP_URL_H
#define REGISTRY_HTTP_HTTP_URL_H

#include <stdbool.h>

#include "base/err.h"

#define HTTP_URL_MAX 16384

/* http_url_join - target, as a Location or a Link has it, seen from base. Heap; NULL: it is not acceptable. */
char *http_url_join(const char *base, const char *target);

/* http_url_host - in lower case, without the port. Heap or NULL. */
char *http_url_host(const char *url);

/* http_url_authority - "host" or "host:port" as it stands there, in lower case. Heap or NULL. */
char *http_url_authority(const char *url);

/* http_url_moved - the path and query of url on the server of base. Heap or NULL. */
char *http_url_moved(const char *base, const char *url);

bool http_url_is_tls(const char *url);

/* http_same_origin - both URLs have the same scheme, host and port. */
bool http_same_origin(const char *a, const char *b);

/* http_url_shown - a URL as it may be printed: no user, password or query, nothing but visible characters. Heap; NULL: no memory. */
char *http_url_shown(const char *url);

/* http_escape - text as a part of a URL's query or path. Heap; NULL: no memory. */
char *http_escape(const char *text);

/* A URL split, each part as it is written there; NULL: it has none. All heap. */
struct http_url_parts {
	char *url; /* the whole, as libcurl writes it */
	char *scheme, *host, *port, *user, *password, *fragment;
};

#define _cleanup_url_parts_ __attribute__((cleanup(http_url_parts_fini)))
void http_url_parts_fini(struct http_url_parts *p);

/*
 * http_url_split - of any scheme.
 * errors  -EINVAL not a URL with a scheme and a host; -ENOMEM
 */
int http_url_split(const char *url, struct http_url_parts *out) MUST_CHECK;

/* http_url_add_query - append NAME=VALUE, escaped, to the query of *url, which is heap and replaced. 0 or -ENOMEM. */
int http_url_add_query(char **url, const char *name, const char *value) MUST_CHECK;

#endif
