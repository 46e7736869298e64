/* A table of the members of docker's container.Config in Go's order. */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "store/show/inspect_private.h"

/* The value for a missing member. */
enum absent { ABSENT_TEXT, ABSENT_FALSE, ABSENT_NULL, ABSENT_LEFT_OUT };

static const struct {
	const char *key;
	enum absent absent;
} members[] = {
	{ "Hostname", ABSENT_TEXT },
	{ "Domainname", ABSENT_TEXT },
	{ "User", ABSENT_TEXT },
	{ "AttachStdin", ABSENT_FALSE },
	{ "AttachStdout", ABSENT_FALSE },
	{ "AttachStderr", ABSENT_FALSE },
	{ "ExposedPorts", ABSENT_LEFT_OUT },
	{ "Tty", ABSENT_FALSE },
	{ "OpenStdin", ABSENT_FALSE },
	{ "StdinOnce", ABSENT_FALSE },
	{ "Env", ABSENT_NULL },
	{ "Cmd", ABSENT_NULL },
	{ "Healthcheck", ABSENT_LEFT_OUT },
	{ "ArgsEscaped", ABSENT_LEFT_OUT },
	{ "Image", ABSENT_TEXT },
	{ "Volumes", ABSENT_NULL },
	{ "WorkingDir", ABSENT_TEXT },
	{ "Entrypoint", ABSENT_NULL },
	{ "NetworkDisabled", ABSENT_LEFT_OUT },
	{ "MacAddress", ABSENT_LEFT_OUT },
	{ "OnBuild", ABSENT_NULL },
	{ "Labels", ABSENT_NULL },
	{ "StopSignal", ABSENT_LEFT_OUT },
	{ "StopTimeout", ABSENT_LEFT_OUT },
	{ "Shell", ABSENT_LEFT_OUT },
};

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Sort an object's members by key, as Go writes a map. New reference. */
static json_t *sorted_map(const json_t *map)
{
	size_t n = json_object_size(map), i = 0;
	_cleanup_free_ const char **keys = calloc(n + 1, sizeof(*keys));
	json_t *out = json_object(), *value;
	const char *key;

	if (!keys || !out) {
		json_decref(out);
		return NULL;
	}
	json_object_foreach((json_t *)map, key, value)
		keys[i++] = key;
	qsort(keys, n, sizeof(*keys), by_text);
	for (i = 0; i < n; i++)
		json_object_set(out, keys[i], json_object_get(map, keys[i]));
	return out;
}

/* Go's omitempty. */
static bool is_empty(const json_t *j)
{
	return json_is_null(j) || json_is_false(j) ||
	       (json_is_string(j) && !*json_string_value(j)) ||
	       (json_is_array(j) && !json_array_size(j)) ||
	       (json_is_object(j) && !json_object_size(j)) ||
	       (json_is_integer(j) && !json_integer_value(j));
}

static json_t *of_absent(enum absent how)
{
	switch (how) {
	case ABSENT_TEXT:
		return json_string("");
	case ABSENT_FALSE:
		return json_false();
	default:
		return json_null();
	}
}

json_t *inspect_config(const json_t *config)
{
	json_t *out = json_object();
	size_t i;

	for (i = 0; out && i < ARRAY_SIZE(members); i++) {
		json_t *have = json_object_get(config, members[i].key), *value;

		if (members[i].absent == ABSENT_LEFT_OUT && (!have || is_empty(have)))
			continue;
		if (!have || json_is_null(have))
			value = of_absent(members[i].absent);
		else if (json_is_object(have) && strcmp(members[i].key, "Healthcheck") != 0)
			value = sorted_map(have);
		else
			value = json_incref(have);
		if (json_object_set_new(out, members[i].key, value) < 0) {
			json_decref(out);
			return NULL;
		}
	}
	return out;
}

int inspect_sorted(json_t *strings)
{
	size_t n = json_array_size(strings), i;
	_cleanup_free_ char **v = calloc(n + 1, sizeof(*v));
	int r = v ? 0 : -ENOMEM;

	for (i = 0; r == 0 && i < n; i++) {
		v[i] = strdup(json_string_value(json_array_get(strings, i)));
		if (!v[i])
			r = -ENOMEM;
	}
	if (r == 0 && n)
		qsort(v, n, sizeof(*v), by_text);
	for (i = 0; r == 0 && i < n; i++)
		if (json_array_set_new(strings, i, json_string(v[i])) < 0)
			r = -ENOMEM;
	for (i = 0; v && i < n; i++)
		free(v[i]);
	return r;
}

int inspect_append_once(json_t *list, const char *s)
{
	json_t *item;
	size_t i;

	json_array_foreach(list, i, item) {
		if (strcmp(json_string_value(item), s) == 0)
			return 0;
	}
	return json_array_append_new(list, json_string(s));
}
