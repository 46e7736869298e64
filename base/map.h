/*
 * A hash map from byte strings to pointers. Keys are copied; the caller owns the values. The hash
 * is seeded per process, so that names from an archive cannot be chosen to collide.
 * threads the caller locks
 */
#ifndef BASE_MAP_H
#define BASE_MAP_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct map_slot {
	char *key; /* NULL: free */
	size_t len;
	uint64_t hash;
	void *value;
};

struct map {
	struct map_slot *slots;
	size_t n, cap;
};

#define MAP_INIT           \
	{                  \
		NULL, 0, 0 \
	}

/* map_get - the value of key, or NULL. Borrowed. */
void *map_get(const struct map *m, const char *key);
void *map_getn(const struct map *m, const char *key, size_t len);

/* map_put - set or replace the value of key, which must not be NULL; 0 or -ENOMEM. */
int map_put(struct map *m, const char *key, void *value) MUST_CHECK;
int map_putn(struct map *m, const char *key, size_t len, void *value) MUST_CHECK;

/* map_del - remove key and return its value; NULL if not found. */
void *map_del(struct map *m, const char *key);
void *map_deln(struct map *m, const char *key, size_t len);

/*
 * map_next - iterate in no particular order: size_t i = 0; while ((s = map_next(m, &i))) ... The
 * map must not change during the iteration.
 */
const struct map_slot *map_next(const struct map *m, size_t *i);

/* map_fini - free the keys and the table. free_value, if not NULL, is called for each value. */
void map_fini(struct map *m, void (*free_value)(void *));

#endif
