/*
 * Bounded parsing of untrusted JSON with jansson: duplicate keys, NULs, invalid UTF-8 and
 * trailing garbage are refused.
 */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "base/err.h"

struct buf;

static inline void cleanup_json(json_t **j)
{
	json_decref(*j);
}
#define _cleanup_json_ __attribute__((cleanup(cleanup_json)))

/*
 * json_parse - parse one JSON value.
 * what    names the source in the message
 * out     a new reference
 * errors  -EINVAL invalid JSON; -ENOMEM
 */
int json_parse(const char *data, size_t len, const char *what, json_t **out,
	       struct err *err) MUST_CHECK;

/* json_text - append compact JSON with the keys in their order; 0 or -ENOMEM. */
int json_text(const json_t *j, struct buf *out) MUST_CHECK;

/*
 * json_fold - rename members whose keys match one of keys case-insensitively, as Go's decoder
 * accepts them.
 * obj     anything but an object is left unchanged
 * keys    ends with NULL
 * errors  -EINVAL two members match the same key; -ENOMEM
 */
int json_fold(json_t *obj, const char *const *keys, struct err *err) MUST_CHECK;

/*
 * json_text_indented - append JSON on several lines, indented by n blanks a level; 0 or -ENOMEM.
 */
int json_text_indented(const json_t *j, size_t n, struct buf *out) MUST_CHECK;

/* json_str - a string member, borrowed; NULL if it is missing or not a string. */
const char *json_str(const json_t *obj, const char *key);

/* json_library_version - of jansson. */
const char *json_library_version(void);

#endif
