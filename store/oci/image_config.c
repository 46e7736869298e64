/* A config is stored unchanged. Only the JSON in memory is checked and normalised. */
#include "store/oci/image_config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/json.h"
#include "base/text.h"

/* Check the types of the members of config.config that other code relies on. */
static int check_types(const json_t *config, struct err *err)
{
	static const struct {
		const char *key;
		json_type type;
	} members[] = {
		{ "User", JSON_STRING },       { "Env", JSON_ARRAY },
		{ "Cmd", JSON_ARRAY },	       { "Entrypoint", JSON_ARRAY },
		{ "WorkingDir", JSON_STRING }, { "Labels", JSON_OBJECT },
		{ "Volumes", JSON_OBJECT },    { "ExposedPorts", JSON_OBJECT },
	};
	const json_t *c = json_object_get(config, "config");
	size_t i, k;

	if (c && !json_is_object(c) && !json_is_null(c))
		return err_set(err, EINVAL, "image config: \"config\" is not an object");
	for (i = 0; i < ARRAY_SIZE(members); i++) {
		const json_t *m = json_object_get(c, members[i].key), *item;
		const char *key;

		if (!m || json_is_null(m))
			continue;
		if (json_typeof(m) != members[i].type)
			return err_set(err, EINVAL, "image config: %s has the wrong type",
				       members[i].key);
		if (json_is_array(m))
			json_array_foreach(m, k, item)
				if (!json_is_string(item))
					return err_set(
						err, EINVAL,
						"image config: %s contains something other than "
						"strings",
						members[i].key);
		if (strcmp(members[i].key, "Labels") == 0)
			json_object_foreach((json_t *)m, key, item)
				if (!json_is_string(item))
					return err_set(err, EINVAL,
						       "image config: label %s is "
						       "not a string",
						       key);
	}
	return 0;
}

/* Docker's StrSlice: a string is a list of one word, not a shell command. */
static int string_to_list(json_t *c, const char *key)
{
	json_t *value = json_object_get(c, key);

	if (!json_is_string(value))
		return 0;
	return json_object_set_new(c, key, json_pack("[O]", value));
}

static int normalise(json_t *config, struct err *err)
{
	static const char *const top[] = { "architecture", "os",     "variant", "created", "author",
					   "config",	   "rootfs", "history", NULL };
	static const char *const rootfs[] = { "type", "diff_ids", NULL };
	static const char *const run[] = { "User",	   "Env",	 "Cmd",
					   "Entrypoint",   "WorkingDir", "Labels",
					   "Volumes",	   "Shell",	 "OnBuild",
					   "ExposedPorts", "StopSignal", "Healthcheck",
					   "ArgsEscaped",  "Hostname",	 NULL };
	static const char *const lists[] = { "Cmd", "Entrypoint", "Shell" };
	json_t *c;
	size_t i;
	int r = json_fold(config, top, err);

	if (r == 0)
		r = json_fold(json_object_get(config, "rootfs"), rootfs, err);
	c = json_object_get(config, "config");
	if (r == 0)
		r = json_fold(c, run, err);
	for (i = 0; i < ARRAY_SIZE(lists) && r == 0; i++)
		r = string_to_list(c, lists[i]) < 0 ? err_nomem(err) : 0;
	return r;
}

int image_config_check(json_t *config, size_t n_layers, struct digest **diff_ids, struct err *err)
{
	_cleanup_free_ struct digest *out = NULL;
	const json_t *rootfs, *ids;
	const char *type;
	size_t i, n;
	int r;

	if (!json_is_object(config))
		return err_set(err, EINVAL, "image config: not a JSON object");
	r = normalise(config, err);
	if (r < 0)
		return err_wrap(err, r, "image config");
	rootfs = json_object_get(config, "rootfs");
	ids = json_object_get(rootfs, "diff_ids");
	type = json_str(rootfs, "type");
	n = json_array_size(ids);
	if (!type || strcmp(type, "layers") != 0)
		return err_set(err, EINVAL, "image config: rootfs.type is not \"layers\"");
	if (ids && !json_is_array(ids) && !json_is_null(ids))
		return err_set(err, EINVAL, "image config: rootfs.diff_ids is not a list");
	if (n != n_layers)
		return err_set(err, EINVAL, "image config: %zu diff_id%s for %zu layer%s", n,
			       TEXT_S(n), n_layers, TEXT_S(n_layers));
	r = check_types(config, err);
	if (r < 0)
		return r;
	out = calloc(n ? n : 1, sizeof(*out));
	if (!out)
		return err_nomem(err);
	for (i = 0; i < n; i++) {
		r = digest_parse(json_string_value(json_array_get(ids, i)), &out[i], err);
		if (r < 0)
			return err_wrap(err, r, "image config: diff ID %zu", i);
	}
	*diff_ids = TAKE_PTR(out);
	return 0;
}

struct descriptor image_config_platform(const json_t *config)
{
	return (struct descriptor){ .os = (char *)json_str(config, "os"),
				    .architecture = (char *)json_str(config, "architecture"),
				    .variant = (char *)json_str(config, "variant") };
}
