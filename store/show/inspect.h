/*
 * What inspect shows: docker's view of images, containers and layers, as JSON.
 */
#ifndef STORE_SHOW_INSPECT_H
#define STORE_SHOW_INSPECT_H

#include <stdbool.h>

struct buf;
struct container;
struct err;
struct image;
struct json_t;
struct refs;
struct store;
struct template;

/*
 * Each makes one JSON object that inspect_free() releases.
 *
 * inspect_image      docker's keys in docker's order; what only docker's own storage has (GraphDriver)
 *                    is left out
 * inspect_container  the same but for what belongs to a process, a network or mounts. total: SizeRootFs too
 * inspect_layer      of the image whose layer has this blob digest, diff ID or chain ID, or any
 *                    unambiguous prefix of one; -ENOENT "No such layer: NAME", -EINVAL ambiguous
 */
int inspect_image(struct store *s, const struct image *i, const struct refs *refs,
		  struct json_t **out, struct err *err);
int inspect_container(struct store *s, const struct container *c, bool total, struct json_t **out,
		      struct err *err);
int inspect_layer(struct store *s, const struct refs *refs, const char *name, struct json_t **out,
		  struct err *err);
void inspect_free(struct json_t *j);
static inline void cleanup_inspect(struct json_t **j)
{
	inspect_free(*j);
}
#define _cleanup_inspect_ __attribute__((cleanup(cleanup_inspect)))

/* inspect_text - append an object, indented to stand in an array as docker prints it. */
int inspect_text(const struct json_t *j, struct buf *out, struct err *err);

/* inspect_line - append it in one line, with the newline. */
int inspect_line(const struct json_t *j, struct buf *out, struct err *err);

#endif
