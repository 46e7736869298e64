/* A pattern is stored as a list of names, so that '*' never matches a '/'. */
#include "base/pattern.h"

#include <errno.h>
#include <fnmatch.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"

#define DEEP "**"

static void free_names(char **names)
{
	char **at;

	for (at = names; at && *at; at++)
		free(*at);
	free(names);
}

/* Split a pattern at its slashes; "." and empty names are dropped. */
static int split(const char *text, char ***out, struct err *err)
{
	char **names = calloc(strlen(text) / 2 + 2, sizeof(*names));
	size_t n = 0, len;

	if (!names)
		return err_nomem(err);
	for (; *text; text += len) {
		text += strspn(text, "/");
		len = strcspn(text, "/");
		if (len == 0 || (len == 1 && *text == '.'))
			continue;
		if (len == 2 && memcmp(text, "..", 2) == 0) {
			free_names(names);
			return err_set(err, EINVAL, "a pattern cannot lead upwards with \"..\"");
		}
		names[n] = strndup(text, len);
		if (!names[n++]) {
			free_names(names);
			return err_nomem(err);
		}
	}
	if (n == 0) {
		free_names(names);
		return err_set(err, EINVAL, "a pattern must contain a name");
	}
	*out = names;
	return 0;
}

int patterns_add(struct patterns *p, const char *text, struct err *err)
{
	char **names = NULL, ***v;
	int r;

	if (strlen(text) >= PATH_MAX)
		return err_set(err, EINVAL, "a pattern may have %d bytes at most", PATH_MAX - 1);
	r = split(text, &names, err);
	if (r < 0)
		return r;
	v = realloc(p->v, (p->n + 1) * sizeof(*v));
	if (!v) {
		free_names(names);
		return err_nomem(err);
	}
	p->v = v;
	p->v[p->n++] = names;
	return 0;
}

static const char *next_name(const char *path)
{
	path += strcspn(path, "/");
	return *path ? path + 1 : path;
}

static bool name_matches(const char *pattern, const char *path)
{
	char name[NAME_MAX + 1];
	size_t len = strcspn(path, "/");

	if (len == 0 || len >= sizeof(name))
		return false;
	memcpy(name, path, len);
	name[len] = '\0';
	return fnmatch(pattern, name, 0) == 0;
}

/*
 * On a mismatch after "**", that "**" consumes one more name. Backtracking to the last one
 * suffices.
 */
static bool matches(char *const *pattern, const char *path)
{
	char *const *deep = NULL;
	const char *retry = NULL;

	while (*pattern) {
		if (strcmp(*pattern, DEEP) == 0) {
			pattern++;
			if (!*pattern)
				return *path != '\0';
			deep = pattern;
			retry = path;
		} else if (name_matches(*pattern, path)) {
			pattern++;
			path = next_name(path);
		} else if (deep && *retry) {
			retry = path = next_name(retry);
			pattern = deep;
		} else {
			return false;
		}
	}
	return true;
}

bool patterns_match(const struct patterns *p, const char *path)
{
	size_t i;

	for (i = 0; i < p->n; i++)
		if (matches(p->v[i], path))
			return true;
	return false;
}

void patterns_fini(struct patterns *p)
{
	while (p->n)
		free_names(p->v[--p->n]);
	free(p->v);
	p->v = NULL;
}
