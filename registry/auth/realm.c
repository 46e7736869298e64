/*
 * URLs are parsed by libcurl, so that the URL that is checked is the one that is used.
 */
#include "registry/auth/realm.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/text.h"
#include "registry/config/hosts.h"
#include "registry/http/http_url.h"

#define MAX_REALM 4096
#define HOST_CHARS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_:[]"

void realm_fini(struct realm *r)
{
	free(r->url);
	free(r->host);
	memset(r, 0, sizeof(*r));
}

static bool private_v4(uint32_t a)
{
	static const struct {
		uint32_t net, bits;
	} nets[] = {
		{ 0x00000000, 8 },  /* this network */
		{ 0x0a000000, 8 },  /* private */
		{ 0x64400000, 10 }, /* carrier-grade NAT */
		{ 0x7f000000, 8 },  /* loopback */
		{ 0xa9fe0000, 16 }, /* link-local, including metadata services of clouds */
		{ 0xac100000, 12 }, /* private */
		{ 0xc0000000, 24 }, /* protocol assignments */
		{ 0xc0a80000, 16 }, /* private */
		{ 0xc6120000, 15 }, /* benchmarks */
		{ 0xe0000000, 3 },  /* multicast and above */
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(nets); i++)
		if (a >> (32 - nets[i].bits) == nets[i].net >> (32 - nets[i].bits))
			return true;
	return false;
}

static bool private_v6(const struct in6_addr *a)
{
	const unsigned char *b = a->s6_addr;
	uint32_t v4 = (uint32_t)b[12] << 24 | (uint32_t)b[13] << 16 | (uint32_t)b[14] << 8 | b[15];

	if (IN6_IS_ADDR_V4MAPPED(a) || IN6_IS_ADDR_V4COMPAT(a) || IN6_IS_ADDR_LOOPBACK(a) ||
	    IN6_IS_ADDR_UNSPECIFIED(a))
		return IN6_IS_ADDR_LOOPBACK(a) || private_v4(v4);
	/* NAT64 embeds an IPv4 address. */
	if (memcmp(b, "\0\x64\xff\x9b\0\0\0\0\0\0\0\0", 12) == 0)
		return private_v4(v4);
	return (b[0] & 0xfe) == 0xfc || (b[0] == 0xfe && b[1] >= 0x80) || b[0] == 0xff;
}

/* is_private - true for a name or address that no public server has. */
static bool is_private(const char *host)
{
	size_t n = strlen(host);
	struct in6_addr v6;
	struct in_addr v4;
	char name[256];

	if (*host == '[') {
		host++;
		n = strcspn(host, "]%");
	}
	while (n && host[n - 1] == '.')
		n--;
	if (n >= sizeof(name))
		return false;
	memcpy(name, host, n);
	name[n] = '\0';
	if (inet_pton(AF_INET, name, &v4) == 1)
		return private_v4(ntohl(v4.s_addr));
	if (inet_pton(AF_INET6, name, &v6) == 1)
		return private_v6(&v6);
	return strcasecmp(name, "localhost") == 0 ||
	       (n > 10 && strcasecmp(name + n - 10, ".localhost") == 0);
}

/* refuse - report an error without text of the server that may contain a password. */
static int refuse(const struct http_url_parts *p, const char *why, struct err *err)
{
	struct buf shown _cleanup_buf_ = BUF_INIT;

	if (p->host && text_escape(&shown, p->host) < 0)
		return err_nomem(err);
	return err_set(err, EPROTO, "the registry's token server is not allowed: %.300s%s%s",
		       buf_str(&shown), shown.len ? ": " : "", why);
}

static int check(const char *text, const struct http_url_parts *p,
		 const struct http_url_parts *base, struct err *err)
{
	bool https = p->scheme && strcasecmp(p->scheme, "https") == 0;
	const char *s;

	for (s = text; *s; s++)
		if ((unsigned char)*s <= ' ' || (unsigned char)*s == 0x7f)
			return refuse(p, "a blank or control character in its URL", err);
	if (!*p->host || p->host[strspn(p->host, HOST_CHARS)])
		return refuse(p, "invalid host name", err);
	if (!https && strcasecmp(p->scheme, "http") != 0)
		return refuse(p, "neither https nor http", err);
	if (p->user || p->password || p->fragment)
		return refuse(p, "its URL has more than a host and a path", err);
	if (!https &&
	    (strcasecmp(base->scheme, "https") == 0 || strcasecmp(p->host, base->host) != 0))
		return refuse(p, "its realm is not https", err);
	if (is_private(p->host) && !is_private(base->host))
		return refuse(p, "a public registry may not use a private address", err);
	return 0;
}

static int fill(const struct http_url_parts *p, const struct http_url_parts *base,
		struct realm *out, struct err *err)
{
	struct buf host _cleanup_buf_ = BUF_INIT;
	struct realm r _cleanup_realm_ = { 0 };

	if (!p->url)
		return refuse(p, "not a URL", err);
	if (buf_puts(&host, p->host) < 0 || (p->port && buf_printf(&host, ":%s", p->port) < 0))
		return err_nomem(err);
	r.url = strdup(p->url);
	r.host = buf_take(&host);
	r.https = strcasecmp(p->scheme, "https") == 0;
	r.same_host = strcasecmp(p->host, base->host) == 0;
	if (!r.url || !r.host)
		return err_nomem(err);
	*out = r;
	memset(&r, 0, sizeof(r));
	return 0;
}

int realm_check(const char *text, const char *base_url, struct realm *out, struct err *err)
{
	struct http_url_parts p _cleanup_url_parts_ = { 0 }, base _cleanup_url_parts_ = { 0 };
	int r = http_url_split(base_url, &base);

	if (r == -EINVAL)
		return err_set(err, EINVAL, "not the URL of a registry");
	if (r == 0)
		r = strlen(text) > MAX_REALM ? -EINVAL : http_url_split(text, &p);
	if (r == -EINVAL)
		return refuse(&p, "not a URL", err);
	if (r < 0)
		return err_nomem(err);
	r = check(text, &p, &base, err);
	return r < 0 ? r : fill(&p, &base, out, err);
}

bool realm_takes_secrets(const struct realm *r, bool insecure)
{
	return r->https || (r->same_host && (insecure || hosts_loopback(r->host)));
}
