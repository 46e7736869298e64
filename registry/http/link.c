/*
 * A link is <TARGET> followed by parameters after semicolons, whose values may be quoted. Targets
 * and quoted values may contain commas and semicolons.
 */
#include "registry/http/link.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define BLANKS " \t"
#define NAME_CHARS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$&+-.^_`|~*"

/* has_word - true if word is one of the blank-separated words of s, ignoring case. */
static bool has_word(const char *s, size_t n, const char *word)
{
	size_t len = strlen(word);

	while (n) {
		size_t one = 0;

		while (n && strchr(BLANKS, *s)) {
			s++;
			n--;
		}
		while (one < n && !strchr(BLANKS, s[one]))
			one++;
		if (one == len && strncasecmp(s, word, len) == 0)
			return true;
		s += one;
		n -= one;
	}
	return false;
}

/* value - parse the value after a '='; *at and *n get the text without quotes. Returns its end. */
static const char *value(const char *s, const char **at, size_t *n)
{
	if (*s != '"') {
		*at = s;
		*n = strcspn(s, ";, \t");
		return s + *n;
	}
	*at = ++s;
	while (*s && *s != '"')
		s += *s == '\\' && s[1] ? 2 : 1;
	*n = (size_t)(s - *at);
	return *s ? s + 1 : s;
}

/* parameters - parse the parameters of one link; *found: it has the relation. Returns their end. */
static const char *parameters(const char *s, const char *relation, bool *found)
{
	bool first = true;

	*found = false;
	for (;;) {
		const char *name, *at = "";
		size_t len, n = 0;

		s += strspn(s, BLANKS);
		if (*s != ';')
			return s;
		s += 1 + strspn(s + 1, BLANKS);
		name = s;
		len = strspn(s, NAME_CHARS);
		s += len;
		s += strspn(s, BLANKS);
		if (*s == '=')
			s = value(s + 1 + strspn(s + 1, BLANKS), &at, &n);
		/* RFC 8288: only the first rel parameter of a link is used. */
		if (len == 3 && strncasecmp(name, "rel", 3) == 0 && first) {
			*found = has_word(at, n, relation);
			first = false;
		}
	}
}

int link_find(const char *header, const char *relation, char **target)
{
	const char *s = header ? header : "", *end;
	bool found;

	for (;;) {
		const char *to;

		s += strspn(s, BLANKS ",");
		if (*s != '<')
			return 0;
		to = s + 1;
		end = strchr(to, '>');
		if (!end)
			return 0;
		s = parameters(end + 1, relation, &found);
		if (found) {
			*target = strndup(to, (size_t)(end - to));
			return *target ? 1 : -ENOMEM;
		}
		if (*s != ',')
			return 0;
	}
}
