/*
 * JSON from outside, bounded: jansson with duplicate keys, NULs, bad UTF-8
 * and trailing garbage refused. The accessors take what is there or say so.
 */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

struct buf;
struct err;

static inline void cleanup_json(json_t **j)
{
	json_decref(*j);
}
#define _cleanup_json_ __attribute__((cleanup(cleanup_json)))

/*
 * json_parse - what names the source in the message.
 * returns a new reference in *out; -EINVAL, -ENOMEM
 */
int json_parse(const char *data, size_t len, const char *what, json_t **out, struct err *err);

/* json_text - compact, keys in their order; 0 or -ENOMEM. */
int json_text(const json_t *j, struct buf *out);

/*
 * json_fold - members whose keys are one of these but for the case get it, as Go's decoder takes
 * them. keys end with NULL; what is no object stays as it is.
 * errors  -EINVAL a key twice, -ENOMEM
 */
int json_fold(json_t *obj, const char *const *keys, struct err *err);

/* json_text_indented - the same on lines, n blanks for each level. */
int json_text_indented(const json_t *j, size_t n, struct buf *out);

/* json_str - a string member, borrowed; NULL where it is missing or no string. */
const char *json_str(const json_t *obj, const char *key);

#endif
