/*
 * What inspect prints: docker's view of images and containers, as JSON.
 */
#ifndef STORE_INSPECT_H
#define STORE_INSPECT_H

struct buf;
struct container;
struct err;
struct image;
struct refs;
struct store;

/* Both append one JSON object, indented to stand in an array as docker prints it. */
int inspect_image(struct store *s, const struct image *i, const struct refs *refs, struct buf *out,
		  struct err *err);
int inspect_container(struct store *s, const struct container *c, struct buf *out, struct err *err);

#endif
