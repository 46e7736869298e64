/*
 * URLs as http needs them: joined, and taken apart. Whatever is not http or https is none.
 */
#ifndef REGISTRY_HTTP_HTTP_URL_H
#define REGISTRY_HTTP_HTTP_URL_H

#include <stdbool.h>

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

#endif
