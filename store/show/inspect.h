/* The output of inspect: docker's JSON for images, containers and layers. */
#ifndef STORE_SHOW_INSPECT_H
#define STORE_SHOW_INSPECT_H

#include <stdbool.h>

#include "base/err.h"

struct buf;
struct container;
struct image;
struct json_t;
struct refs;
struct store;
struct template;

/*
 * These create a JSON object; free with inspect_free().
 *
 * inspect_image      docker's keys in docker's order, without those of docker's own storage
 *                    (GraphDriver)
 * inspect_container  the same, without keys of processes, networks and mounts. total: with
 *                    SizeRootFs
 * inspect_layer      of the layer with this blob digest, diff ID or chain ID, or an unambiguous
 *                    prefix; -ENOENT "No such layer: NAME", -EINVAL ambiguous
 */
int inspect_image(struct store *s, const struct image *i, const struct refs *refs,
		  struct json_t **out, struct err *err) MUST_CHECK;
int inspect_container(struct store *s, const struct container *c, bool total, struct json_t **out,
		      struct err *err) MUST_CHECK;
int inspect_layer(struct store *s, const struct refs *refs, const char *name, struct json_t **out,
		  struct err *err) MUST_CHECK;
void inspect_free(struct json_t *j);
static inline void cleanup_inspect(struct json_t **j)
{
	inspect_free(*j);
}
#define _cleanup_inspect_ __attribute__((cleanup(cleanup_inspect)))

/* inspect_text - append an object, indented as an element of docker's array. */
int inspect_text(const struct json_t *j, struct buf *out, struct err *err) MUST_CHECK;

/* inspect_line - append an object on one line, with a newline. */
int inspect_line(const struct json_t *j, struct buf *out, struct err *err) MUST_CHECK;

#endif
