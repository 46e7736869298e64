/*
 * A comma separates parameters and challenges; a '=' tells which one follows.
 */
#include "registry/auth/challenge.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "base/err.h"

#define BLANKS " \t"
#define TOKEN_CHARS                                                     \
	"!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJ" \
	"KLMNOPQRSTUVWXYZ"
#define TOKEN68_CHARS "-._~+/0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

static void challenge_fini(struct challenge *c)
{
	free(c->scheme);
	free(c->realm);
	free(c->service);
	free(c->scope);
	free(c->error);
	memset(c, 0, sizeof(*c));
}

void challenges_fini(struct challenges *all)
{
	while (all->n)
		challenge_fini(&all->v[--all->n]);
}

const struct challenge *challenges_find(const struct challenges *all, const char *scheme)
{
	size_t i;

	for (i = 0; i < all->n; i++)
		if (strcmp(all->v[i].scheme, scheme) == 0)
			return &all->v[i];
	return NULL;
}

/* The member that stores a parameter; NULL for unknown ones. */
static char **place(struct challenge *c, const char *name, size_t n)
{
	const struct {
		const char *name;
		char **at;
	} known[] = {
		{ "realm", &c->realm },
		{ "service", &c->service },
		{ "scope", &c->scope },
		{ "error", &c->error },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(known); i++)
		if (strlen(known[i].name) == n && strncasecmp(known[i].name, name, n) == 0)
			return known[i].at;
	return NULL;
}

/* Control characters could affect a terminal or inject headers. */
static bool has_controls(const char *s)
{
	while (*s && !iscntrl((unsigned char)*s))
		s++;
	return *s;
}

/* quoted - parse a quoted string at *p; 1, 0 if malformed, -ENOMEM. */
static int quoted(const char **p, char **out)
{
	const char *s = *p + 1;
	char *text = malloc(strlen(s) + 1), *to = text;

	if (!text)
		return -ENOMEM;
	while (*s && *s != '"') {
		if (*s == '\\' && s[1])
			s++;
		*to++ = *s++;
	}
	*to = '\0';
	if (*s != '"' || has_controls(text)) {
		free(text);
		return 0;
	}
	*p = s + 1;
	*out = text;
	return 1;
}

/* value - parse the value of a parameter; returns as quoted(). */
static int value(const char **p, char **out)
{
	char *text;
	size_t n;

	if (**p == '"')
		return quoted(p, out);
	/* Some servers do not quote URLs. */
	n = strcspn(*p, ", \t\"");
	if (n == 0)
		return 0;
	text = strndup(*p, n);
	if (!text)
		return -ENOMEM;
	if (has_controls(text)) {
		free(text);
		return 0;
	}
	*p += n;
	*out = text;
	return 1;
}

/* parameter - parse NAME=VALUE at *p; 1, 0 if there is none, -EINVAL malformed, -ENOMEM. */
static int parameter(const char **p, struct challenge *c)
{
	const char *name = *p, *s = name + strspn(name, TOKEN_CHARS);
	size_t n = (size_t)(s - name);
	_cleanup_free_ char *text = NULL;
	char **at;
	int r;

	s += strspn(s, BLANKS);
	if (n == 0 || *s != '=')
		return 0;
	s++;
	s += strspn(s, BLANKS);
	r = value(&s, &text);
	if (r <= 0)
		return r < 0 ? r : -EINVAL;
	at = place(c, name, n);
	if (at && !*at)
		*at = TAKE_PTR(text);
	*p = s;
	return 1;
}

/* skip_token68 - skip the other form of a challenge: "Negotiate abc==". */
static bool skip_token68(const char **p)
{
	const char *s = *p + strspn(*p, TOKEN68_CHARS);

	if (s == *p)
		return false;
	s += strspn(s, "=");
	s += strspn(s, BLANKS);
	if (*s && *s != ',')
		return false;
	*p = s;
	return true;
}

/* one - parse the challenge at *p; 1, -EINVAL malformed, -ENOMEM. */
static int one(const char **p, struct challenge *c)
{
	size_t n = strspn(*p, TOKEN_CHARS), i;
	int r = 1;

	if (n == 0)
		return -EINVAL;
	c->scheme = strndup(*p, n);
	if (!c->scheme)
		return -ENOMEM;
	for (i = 0; i < n; i++)
		c->scheme[i] = (char)tolower((unsigned char)c->scheme[i]);
	*p += n;
	if (**p && !strchr(BLANKS ",", **p))
		return -EINVAL;
	*p += strspn(*p, BLANKS);
	if (skip_token68(p))
		return 1;
	while (r > 0 && **p) {
		const char *next = *p + strspn(*p, BLANKS ",");

		r = parameter(&next, c);
		if (r > 0) {
			*p = next;
			/* A value is followed by a comma. */
			next += strspn(next, BLANKS);
			if (*next && *next != ',')
				return -EINVAL;
		}
	}
	return r < 0 ? r : 1;
}

int challenges_add(struct challenges *all, const char *text, struct err *err)
{
	const char *p = text;
	int r;

	if (strlen(text) > CHALLENGE_MAX_TEXT)
		return err_set(err, EPROTO, "a WWW-Authenticate of more than %d bytes",
			       CHALLENGE_MAX_TEXT);
	for (;;) {
		p += strspn(p, BLANKS ",");
		if (!*p)
			return 0;
		if (all->n == CHALLENGE_MAX)
			return err_set(err, EPROTO, "more than %d challenges in WWW-Authenticate",
				       CHALLENGE_MAX);
		r = one(&p, &all->v[all->n]);
		if (r > 0) {
			all->n++;
			continue;
		}
		challenge_fini(&all->v[all->n]);
		return r == -ENOMEM ? err_nomem(err) : 0;
	}
}
