/*
 * jansson, with the flags that hostile input calls for.
 */
#include "store/json.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/err.h"

int json_parse(const char *data, size_t len, const char *what, json_t **out, struct err *err)
{
	json_error_t e;
	json_t *j;

	/* jansson refuses NULs, bad UTF-8, trailing garbage and more than 2048 levels by default.
	 */
	j = json_loadb(data, len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &e);
	if (!j)
		return err_set(err, EINVAL, "%s: invalid JSON: line %d: %s", what, e.line, e.text);
	*out = j;
	return 0;
}

static int append(const char *data, size_t len, void *buf)
{
	return buf_append(buf, data, len);
}

int json_text(const json_t *j, struct buf *out)
{
	return json_dump_callback(j, append, out, JSON_COMPACT | JSON_ENCODE_ANY) < 0 ? -ENOMEM : 0;
}

static const char *other_case(json_t *obj, const char *key)
{
	const char *k;
	json_t *value;

	json_object_foreach(obj, k,
			    value) if (strcasecmp(k, key) == 0 && strcmp(k, key) != 0) return k;
	return NULL;
}

int json_fold(json_t *obj, const char *const *keys, struct err *err)
{
	const char *k;

	for (; *keys; keys++) {
		while ((k = other_case(obj, *keys))) {
			json_t *value = json_incref(json_object_get(obj, k));

			if (json_object_get(obj, *keys)) {
				json_decref(value);
				return err_set(err, EINVAL, "\"%s\" is there twice", *keys);
			}
			json_object_del(obj, k);
			if (json_object_set_new(obj, *keys, value) < 0)
				return err_nomem(err);
		}
	}
	return 0;
}

const char *json_str(const json_t *obj, const char *key)
{
	return json_string_value(json_object_get(obj, key));
}
