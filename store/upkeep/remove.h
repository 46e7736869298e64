/*
 * Removing images: names go, and images with their last one, by docker's
 * rules (rmi, image prune). A container counts as running.
 *
 * A removal is decided name by name on what index.json says, in memory;
 * removal_commit() makes it so, all at once, and collects what is left.
 */
#ifndef STORE_UPKEEP_REMOVE_H
#define STORE_UPKEEP_REMOVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;
struct image;
struct removal;
struct store;

/* removal_new - takes the store's lock exclusively, until removal_free(). */
int removal_new(struct store *s, struct removal **out, struct err *err);
void removal_free(struct removal *r);

/*
 * removal_image - rmi of one argument: a name, a name with a registry's digest, or (a prefix of) an image ID.
 * force    untag what a container uses, delete by ID what has several names
 * parents  untagged parents go too
 * errors   -ENOENT No such image; -EBUSY a conflict, in docker's words; -EINVAL ambiguous prefix.
 *          Nothing of this argument is done then.
 */
int removal_image(struct removal *r, const char *name, bool force, bool parents, struct err *err);

/*
 * removal_prune - images that have neither a name nor children go; all: also those with names that no
 * container uses. One that a container uses loses all its names but the last, as docker has it.
 * wanted   asked for each; NULL: all. Its -errno ends the removal.
 */
int removal_prune(struct removal *r, bool all,
		  int (*wanted)(void *arg, const struct image *image, struct err *err), void *arg,
		  struct err *err);

/*
 * removal_commit - publish what is left, and collect what it does not need: of the removed
 * images alone or, with sweep, in the whole store.
 */
int removal_commit(struct removal *r, bool sweep, struct err *err);

/* What happened, in order; after removal_commit() the layers that went are there too. */
enum removal_kind { REMOVAL_UNTAGGED, REMOVAL_DELETED };

struct removal_line {
	enum removal_kind kind;
	const char *text; /* familiar name, image ID or chain ID */
	unsigned arg; /* which call of removal_image() or removal_prune() it belongs to, from 0 */
};

/* removal_line - the next line; *pos starts at 0. False at the end. Borrowed. */
bool removal_line(const struct removal *r, size_t *pos, struct removal_line *out);

/* removal_bytes - of all files that went. */
uint64_t removal_bytes(const struct removal *r);

/* removal_uncertain - why files were not removed though nothing seems to need them, or NULL. Borrowed. */
const char *removal_uncertain(const struct removal *r);

#endif
