/*
 * Removing images by docker's rules (rmi, image prune): an image is removed with its last name. A
 * container counts as running.
 *
 * A removal is planned in memory, name by name, on the content of index.json. removal_commit()
 * applies it at once and collects garbage.
 */
#ifndef STORE_UPKEEP_REMOVE_H
#define STORE_UPKEEP_REMOVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct image;
struct removal;
struct store;

/* removal_new - take the store's exclusive lock until removal_free(). */
int removal_new(struct store *s, struct removal **out, struct err *err) MUST_CHECK;
void removal_free(struct removal *r);

/*
 * removal_image - rmi of one argument: a name, a name with a registry's digest, or an image ID or
 * its prefix.
 * force    untag an image that a container uses, delete by ID an image with several names
 * parents  remove untagged parents, too
 * errors   -ENOENT No such image; -EBUSY a conflict, with docker's message; -EINVAL ambiguous
 *          prefix. Nothing is planned for this argument then
 */
int removal_image(struct removal *r, const char *name, bool force, bool parents,
		  struct err *err) MUST_CHECK;

/*
 * removal_prune - remove images that have neither a name nor children; all: also images with
 * names that no container uses. As in docker, an image that a container uses loses all names
 * except the last.
 * wanted   filter; NULL: all. Its -errno ends the removal
 */
int removal_prune(struct removal *r, bool all,
		  int (*wanted)(void *arg, const struct image *image, struct err *err), void *arg,
		  struct err *err) MUST_CHECK;

/*
 * removal_commit - write index.json and collect what is unreachable: among the removed images'
 * blobs or, with sweep, in the whole store.
 */
int removal_commit(struct removal *r, bool sweep, struct err *err) MUST_CHECK;

/* What was done, in order. removal_commit() adds the removed layers. */
enum removal_kind { REMOVAL_UNTAGGED, REMOVAL_DELETED };

struct removal_line {
	enum removal_kind kind;
	const char *text; /* familiar name, image ID or chain ID */
	unsigned arg;	  /* the call of removal_image() or removal_prune() it belongs to, from 0 */
};

/* removal_line - the next line; *pos starts at 0. False at the end. Borrowed. */
bool removal_line(const struct removal *r, size_t *pos, struct removal_line *out);

/* removal_bytes - the size of all removed files. */
uint64_t removal_bytes(const struct removal *r);

/*
 * removal_uncertain - why files were kept although nothing seems to need them, or NULL. Borrowed.
 */
const char *removal_uncertain(const struct removal *r);

#endif
