/*
 * Objects: the few things that node IDs refer to, with numbers and reference counts. The kernel has
 * one reference per look-up that it has not forgotten; other objects have references, too. The
 * owner of the table does the locking.
 */
#ifndef FS_CORE_OBJECTS_H
#define FS_CORE_OBJECTS_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/map.h"
#include "fs/core/nodeid.h"

/* The first member of everything that a table holds. */
struct object {
	enum node_kind kind;
	uint32_t number;
	uint64_t refs;
	struct object *next_dead;
};

struct objects {
	struct object **v; /* by number; NULL: free */
	uint32_t n, cap;
	uint32_t *unused; /* free numbers: a ring of cap, the oldest first */
	uint32_t first, n_unused;
	struct map numbers;  /* key -> the last object's number + 1, as a pointer */
	struct object *dead; /* no references; to be freed by the owner, without its lock */
};

/*
 * objects_add - give a new object its number and one reference.
 * key     the object gets the number that the last object of that key had, if it is free, since
 *         numbers are in st_ino; NULL: any number
 * returns 0, -ENOMEM or -ENFILE
 */
int objects_add(struct objects *t, struct object *o, enum node_kind kind,
		const char *key) MUST_CHECK;

/* objects_get - borrowed; NULL: none of that kind and number. */
struct object *objects_get(const struct objects *t, enum node_kind kind, uint32_t number);

void objects_ref(struct object *o);

/* objects_unref - drop n references; the last one moves o to t->dead. */
void objects_unref(struct objects *t, struct object *o, uint64_t n);

/* objects_take_dead - take the list of objects to free; it is empty then. */
struct object *objects_take_dead(struct objects *t);

void objects_fini(struct objects *t);

#endif
