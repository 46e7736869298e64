/*
 * Implemented with libcurl's parser.
 */
#include "registry/http/http_url.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <curl/curl.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/text.h"

static inline void cleanup_url(CURLU **u)
{
	curl_url_cleanup(*u);
}
#define _cleanup_url_ _cleanup_(cleanup_url)

static inline void cleanup_curl(char **s)
{
	curl_free(*s);
}
#define _cleanup_curl_ _cleanup_(cleanup_curl)

static void lower(char *s)
{
	for (; *s; s++)
		if (*s >= 'A' && *s <= 'Z')
			*s += 'a' - 'A';
}

/* Accepts only http and https URLs with a host. */
static CURLU *parse(const char *url)
{
	_cleanup_url_ CURLU *u = curl_url();

	if (!u || strlen(url) > HTTP_URL_MAX ||
	    curl_url_set(u, CURLUPART_URL, url, CURLU_DISALLOW_USER) != CURLUE_OK)
		return NULL;
	return TAKE_PTR(u);
}

/* "https://host:443" of a URL. Heap, or NULL. */
static char *origin(CURLU *u)
{
	_cleanup_curl_ char *scheme = NULL, *host = NULL, *port = NULL;
	struct buf b _cleanup_buf_ = BUF_INIT;

	if (curl_url_get(u, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK ||
	    curl_url_get(u, CURLUPART_HOST, &host, 0) != CURLUE_OK ||
	    curl_url_get(u, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) != CURLUE_OK)
		return NULL;
	if (strcmp(scheme, "http") != 0 && strcmp(scheme, "https") != 0)
		return NULL;
	lower(host);
	if (buf_printf(&b, "%s://%s:%s", scheme, host, port) < 0)
		return NULL;
	return buf_take(&b);
}

bool http_same_origin(const char *a, const char *b)
{
	_cleanup_url_ CURLU *x = parse(a);
	_cleanup_url_ CURLU *y = parse(b);
	_cleanup_free_ char *from = x ? origin(x) : NULL;
	_cleanup_free_ char *to = y ? origin(y) : NULL;

	return from && to && strcmp(from, to) == 0;
}

char *http_url_host(const char *url)
{
	_cleanup_url_ CURLU *u = parse(url);
	_cleanup_curl_ char *host = NULL;

	if (!u || curl_url_get(u, CURLUPART_HOST, &host, 0) != CURLUE_OK)
		return NULL;
	lower(host);
	return strdup(host);
}

char *http_url_authority(const char *url)
{
	_cleanup_url_ CURLU *u = parse(url);
	_cleanup_curl_ char *host = NULL, *port = NULL;
	struct buf b _cleanup_buf_ = BUF_INIT;

	if (!u || curl_url_get(u, CURLUPART_HOST, &host, 0) != CURLUE_OK)
		return NULL;
	lower(host);
	curl_url_get(u, CURLUPART_PORT, &port, 0);
	if (buf_printf(&b, "%s%s%s", host, port ? ":" : "", port ? port : "") < 0)
		return NULL;
	return buf_take(&b);
}

char *http_url_moved(const char *base, const char *url)
{
	_cleanup_url_ CURLU *to = parse(base), *u = parse(url);
	_cleanup_curl_ char *path = NULL, *query = NULL, *out = NULL;

	if (!to || !u || curl_url_get(u, CURLUPART_PATH, &path, 0) != CURLUE_OK)
		return NULL;
	curl_url_get(u, CURLUPART_QUERY, &query, 0);
	if (curl_url_set(to, CURLUPART_PATH, path, 0) != CURLUE_OK ||
	    curl_url_set(to, CURLUPART_QUERY, query, 0) != CURLUE_OK ||
	    curl_url_get(to, CURLUPART_URL, &out, 0) != CURLUE_OK)
		return NULL;
	return strdup(out);
}

bool http_url_is_tls(const char *url)
{
	return strncasecmp(url, "https://", 8) == 0;
}

char *http_url_join(const char *base, const char *target)
{
	_cleanup_url_ CURLU *u = parse(base);
	_cleanup_curl_ char *out = NULL;
	_cleanup_free_ char *valid = NULL;

	if (!u || strlen(target) > HTTP_URL_MAX ||
	    curl_url_set(u, CURLUPART_URL, target, CURLU_DISALLOW_USER) != CURLUE_OK)
		return NULL;
	valid = origin(u);
	/* The fragment is not sent to the server. */
	curl_url_set(u, CURLUPART_FRAGMENT, NULL, 0);
	if (!valid || curl_url_get(u, CURLUPART_URL, &out, 0) != CURLUE_OK)
		return NULL;
	return strdup(out);
}

char *http_url_shown(const char *url)
{
	_cleanup_url_ CURLU *u = curl_url();
	_cleanup_curl_ char *out = NULL;
	char *shown;

	if (!u || curl_url_set(u, CURLUPART_URL, url, 0) != CURLUE_OK)
		return strdup("(invalid URL)");
	curl_url_set(u, CURLUPART_USER, NULL, 0);
	curl_url_set(u, CURLUPART_PASSWORD, NULL, 0);
	curl_url_set(u, CURLUPART_QUERY, NULL, 0);
	curl_url_set(u, CURLUPART_FRAGMENT, NULL, 0);
	if (curl_url_get(u, CURLUPART_URL, &out, 0) != CURLUE_OK)
		return strdup("(invalid URL)");
	shown = strdup(out);
	if (shown)
		text_neutralise(shown);
	return shown;
}

char *http_escape(const char *text)
{
	_cleanup_curl_ char *out =
		curl_easy_escape(NULL, text, (int)MIN(strlen(text), (size_t)HTTP_URL_MAX));

	return out ? strdup(out) : NULL;
}

void http_url_parts_fini(struct http_url_parts *p)
{
	free(p->url);
	free(p->scheme);
	free(p->host);
	free(p->port);
	free(p->user);
	wipe_string(p->password);
	free(p->fragment);
	memset(p, 0, sizeof(*p));
}

/* Copy one part of u; a missing part is NULL and no error. */
static int get_part(CURLU *u, CURLUPart part, char **out)
{
	_cleanup_curl_ char *text = NULL;

	switch (curl_url_get(u, part, &text, 0)) {
	case CURLUE_OK:
		*out = strdup(text);
		return *out ? 0 : -ENOMEM;
	case CURLUE_OUT_OF_MEMORY:
		return -ENOMEM;
	default:
		return 0;
	}
}

int http_url_split(const char *url, struct http_url_parts *out)
{
	struct http_url_parts p _cleanup_url_parts_ = { 0 };
	const struct {
		CURLUPart part;
		char **to;
	} parts[] = {
		{ CURLUPART_URL, &p.url },	     { CURLUPART_SCHEME, &p.scheme },
		{ CURLUPART_HOST, &p.host },	     { CURLUPART_PORT, &p.port },
		{ CURLUPART_USER, &p.user },	     { CURLUPART_PASSWORD, &p.password },
		{ CURLUPART_FRAGMENT, &p.fragment },
	};
	_cleanup_url_ CURLU *u = curl_url();
	CURLUcode c;
	size_t i;
	int r = 0;

	if (!u)
		return -ENOMEM;
	c = curl_url_set(u, CURLUPART_URL, url, CURLU_NON_SUPPORT_SCHEME);
	if (c != CURLUE_OK)
		return c == CURLUE_OUT_OF_MEMORY ? -ENOMEM : -EINVAL;
	for (i = 0; i < ARRAY_SIZE(parts) && r == 0; i++)
		r = get_part(u, parts[i].part, parts[i].to);
	if (r < 0)
		return r;
	if (!p.scheme || !p.host)
		return -EINVAL;
	*out = p;
	memset(&p, 0, sizeof(p));
	return 0;
}

int http_url_add_query(char **url, const char *name, const char *value)
{
	_cleanup_url_ CURLU *u = curl_url();
	_cleanup_curl_ char *out = NULL;
	struct buf text _cleanup_buf_ = BUF_INIT;
	char *copy;

	if (buf_printf(&text, "%s=%s", name, value) < 0 || !u ||
	    curl_url_set(u, CURLUPART_URL, *url, 0) != CURLUE_OK ||
	    curl_url_set(u, CURLUPART_QUERY, text.data, CURLU_APPENDQUERY | CURLU_URLENCODE) !=
		    CURLUE_OK ||
	    curl_url_get(u, CURLUPART_URL, &out, 0) != CURLUE_OK)
		return -ENOMEM;
	copy = strdup(out);
	if (!copy)
		return -ENOMEM;
	free(*url);
	*url = copy;
	return 0;
}
