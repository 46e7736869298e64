/* jansson with the flags that hostile input requires. */
#include "base/json.h"

#include <errno.h>
#include <setjmp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/err.h"

/*
 * If an allocation fails while jansson (2.14) reads a string, it continues as if it had
 * succeeded: it writes out of bounds or returns a truncated text. So a failed allocation leaves
 * the parser with longjmp(3); what was allocated until then leaks.
 */
static _Thread_local jmp_buf *leave;

static void *allocate(size_t size)
{
	void *p = malloc(size);

	if (!p && leave)
		longjmp(*leave, 1);
	return p;
}

/* json_set_alloc_funcs() is not thread-safe: call it before threads exist. */
__attribute__((constructor)) static void watch_memory(void)
{
	json_set_alloc_funcs(allocate, free);
}

static json_t *parse(const char *data, size_t len, json_error_t *e, bool *lacking)
{
	jmp_buf here;
	json_t *j;

	if (setjmp(here)) {
		leave = NULL;
		*lacking = true;
		return NULL;
	}
	leave = &here;
	/*
	 * By default, jansson refuses NULs, invalid UTF-8, trailing garbage and more than 2048
	 * levels.
	 */
	j = json_loadb(data, len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, e);
	leave = NULL;
	return j;
}

int json_parse(const char *data, size_t len, const char *what, json_t **out, struct err *err)
{
	bool lacking = false;
	json_error_t e;
	json_t *j = parse(data, len, &e, &lacking);

	if (lacking)
		return err_nomem(err);
	if (!j)
		return err_set(err, EINVAL, "%s: invalid JSON: line %d: %s", what, e.line, e.text);
	*out = j;
	return 0;
}

/* jansson ignores the result of the callback for keys: append nothing after a failure. */
struct sink {
	struct buf *out;
	int error;
};

static int append(const char *data, size_t len, void *arg)
{
	struct sink *s = arg;

	if (s->error == 0)
		s->error = buf_append(s->out, data, len);
	return s->error;
}

static int write_json(const json_t *j, size_t flags, struct buf *out)
{
	struct sink s = { out, 0 };

	if (json_dump_callback(j, append, &s, flags | JSON_ENCODE_ANY) < 0)
		return -ENOMEM;
	return s.error;
}

int json_text(const json_t *j, struct buf *out)
{
	return write_json(j, JSON_COMPACT, out);
}

int json_text_indented(const json_t *j, size_t n, struct buf *out)
{
	return write_json(j, JSON_INDENT(n), out);
}

static const char *other_case(json_t *obj, const char *key)
{
	const char *k;
	json_t *value;

	json_object_foreach(obj, k, value)
		if (strcasecmp(k, key) == 0 && strcmp(k, key) != 0)
			return k;
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
				return err_set(err, EINVAL, "duplicate key \"%s\"", *keys);
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

const char *json_library_version(void)
{
#if JANSSON_VERSION_HEX >= 0x020d00
	return jansson_version_str();
#else
	return JANSSON_VERSION;
#endif
}
