/*
 * A hash map from byte strings to pointers. Keys are copied, values are the
 * caller's. The hash is seeded per process, so names from an archive cannot
 * be chosen to collide.
 */
#ifndef BASE_MAP_H
#define BASE_MAP_H

#include <stddef.h>
#include <stdint.h>

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

/* map_get - the value of key, or NULL. */
void *map_get(const struct map *m, const char *key);
void *map_getn(const struct map *m, const char *key, size_t len);

/* map_put - set or replace; 0 or -ENOMEM. value must not be NULL. */
int map_put(struct map *m, const char *key, void *value);
int map_putn(struct map *m, const char *key, size_t len, void *value);

/* map_del - remove key; its value, or NULL where it was not there. */
void *map_del(struct map *m, const char *key);
void *map_deln(struct map *m, const char *key, size_t len);

/*
 * map_next - iterate in no order: size_t i = 0; while ((s = map_next(m, &i))) ...
 * The map must not change in between.
 */
const struct map_slot *map_next(const struct map *m, size_t *i);

/* map_fini - free keys and table; free_value, where given, gets every value. */
void map_fini(struct map *m, void (*free_value)(void *));

#endif
