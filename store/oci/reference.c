/* The reference grammar is regular and small, so the scanner is written by hand. */
#include "store/oci/reference.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/file.h"

#define DEFAULT_DOMAIN "docker.io"
#define LEGACY_DOMAIN "index.docker.io"
#define OFFICIAL "library/"
#define NAME_MAX_LEN 255
#define TAG_MAX_LEN 128

static bool lower_alnum(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

static bool alnum(char c)
{
	return lower_alnum(c) || (c >= 'A' && c <= 'Z');
}

/* path-component := [a-z0-9]+ ((. | _ | __ | -+) [a-z0-9]+)* ; components joined by '/' */
static bool path_valid(const char *s)
{
	for (;;) {
		if (!lower_alnum(*s))
			return false;
		while (lower_alnum(*s))
			s++;
		if (!*s)
			return true;
		if (*s == '.' || *s == '/')
			s++;
		else if (*s == '_')
			s += s[1] == '_' ? 2 : 1;
		else if (*s == '-')
			s += strspn(s, "-");
		else
			return false;
	}
}

/* host [":" port]; host is dot-separated labels or an IPv6 address in brackets. */
static bool domain_valid(const char *s)
{
	if (*s == '[') {
		size_t n = strspn(s + 1, "0123456789abcdefABCDEF:.");

		if (!n || s[n + 1] != ']')
			return false;
		s += n + 2;
	} else {
		for (;;) {
			if (!alnum(*s))
				return false;
			while (alnum(*s) || *s == '-')
				s++;
			if (s[-1] == '-')
				return false;
			if (*s != '.')
				break;
			s++;
		}
	}
	if (*s == ':') {
		size_t n = strspn(++s, "0123456789");

		if (!n || n > 5)
			return false;
		s += n;
	}
	return !*s;
}

static bool tag_valid(const char *s)
{
	const char *p;

	if (!alnum(*s) && *s != '_')
		return false;
	for (p = s; *p; p++)
		if (!alnum(*p) && *p != '_' && *p != '.' && *p != '-')
			return false;
	return p - s <= TAG_MAX_LEN;
}

static bool is_host(const char *s, size_t n)
{
	size_t i;

	if (n == 9 && strncmp(s, "localhost", 9) == 0)
		return true;
	for (i = 0; i < n; i++)
		if (s[i] == '.' || s[i] == ':' || isupper((unsigned char)s[i]))
			return true;
	return false;
}

/* Remove "@digest" and ":tag" from the end of name. */
static int split_tail(char *name, struct reference *out, struct err *err)
{
	char *at = strchr(name, '@'), *colon;

	if (at) {
		*at = '\0';
		if (digest_parse(at + 1, &out->digest, NULL) < 0)
			return err_set(err, EINVAL, "invalid reference format");
	}
	colon = strrchr(name, ':');
	if (colon && !strchr(colon, '/')) {
		*colon = '\0';
		if (!tag_valid(colon + 1))
			return err_set(err, EINVAL, "invalid reference format");
		out->tag = strdup(colon + 1);
		if (!out->tag)
			return err_nomem(err);
	} else if (!at) {
		out->tag = strdup("latest");
		if (!out->tag)
			return err_nomem(err);
	}
	return 0;
}

static int parse(const char *s, struct reference *out, struct err *err)
{
	_cleanup_free_ char *name = strdup(s);
	const char *slash, *path;
	size_t host_len;
	int r;

	if (!name)
		return err_nomem(err);
	if (strlen(s) == 64 && strspn(s, "0123456789abcdef") == 64)
		return err_set(
			err, EINVAL,
			"invalid repository name (%s), cannot specify 64-byte hexadecimal strings",
			s);
	slash = strchr(name, '/');
	host_len = slash ? (size_t)(slash - name) : 0;
	if (slash && is_host(name, host_len)) {
		out->domain = strndup(name, host_len);
		path = slash + 1;
	} else {
		out->domain = strdup(DEFAULT_DOMAIN);
		path = name;
	}
	if (!out->domain)
		return err_nomem(err);
	if (strcmp(out->domain, LEGACY_DOMAIN) == 0)
		strcpy(out->domain, DEFAULT_DOMAIN);
	r = split_tail((char *)path, out, err);
	if (r < 0)
		return r;
	for (slash = path; *slash; slash++)
		if (isupper((unsigned char)*slash))
			return err_set(
				err, EINVAL,
				"invalid reference format: repository name (%s) must be lowercase",
				path);
	if (!domain_valid(out->domain) || !path_valid(path) || strlen(s) > 2 * NAME_MAX_LEN ||
	    strlen(out->domain) + 1 + strlen(path) > NAME_MAX_LEN)
		return err_set(err, EINVAL, "invalid reference format");
	if (strcmp(out->domain, DEFAULT_DOMAIN) == 0 && !strchr(path, '/')) {
		out->path = malloc(sizeof(OFFICIAL) + strlen(path));
		if (out->path)
			sprintf(out->path, OFFICIAL "%s", path);
	} else {
		out->path = strdup(path);
	}
	return out->path ? 0 : err_nomem(err);
}

int reference_parse(const char *s, struct reference *out, struct err *err)
{
	struct reference ref = { 0 };
	int r = parse(s, &ref, err);

	if (r < 0) {
		reference_fini(&ref);
		return err_wrap(err, r, "%.600s", s);
	}
	*out = ref;
	return 0;
}

void reference_fini(struct reference *r)
{
	free(r->domain);
	free(r->path);
	free(r->tag);
	memset(r, 0, sizeof(*r));
}

static char *with_tail(const struct reference *r, const char *repo)
{
	struct buf out = BUF_INIT;

	if (buf_puts(&out, repo) < 0 ||
	    buf_printf(&out, "%c%s", r->tag ? ':' : '@', r->tag ? r->tag : r->digest.str) < 0) {
		buf_fini(&out);
		return NULL;
	}
	return buf_take(&out);
}

char *reference_full(const struct reference *r)
{
	_cleanup_free_ char *repo = path_join(r->domain, r->path);

	return repo ? with_tail(r, repo) : NULL;
}

char *reference_repo(const struct reference *r)
{
	if (strcmp(r->domain, DEFAULT_DOMAIN) != 0)
		return path_join(r->domain, r->path);
	if (strncmp(r->path, OFFICIAL, strlen(OFFICIAL)) == 0 &&
	    !strchr(r->path + strlen(OFFICIAL), '/'))
		return strdup(r->path + strlen(OFFICIAL));
	return strdup(r->path);
}

char *reference_familiar(const struct reference *r)
{
	_cleanup_free_ char *repo = reference_repo(r);

	return repo ? with_tail(r, repo) : NULL;
}

bool reference_is_id(const char *s)
{
	size_t n;

	if (strncmp(s, "sha256:", 7) == 0)
		s += 7;
	n = strlen(s);
	return n >= 1 && n <= 64 && strspn(s, "0123456789abcdef") == n;
}
