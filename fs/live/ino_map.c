/* Two maps under one lock. */
#include "fs/live/ino_map.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct ino_alias {
	uint64_t ino;
};

/* The disk may give such a number to another file while an alias has it. */
struct ino_taken {
	unsigned by; /* that many aliases */
};

void ino_map_init(struct ino_map *m, uint32_t container)
{
	memset(m, 0, sizeof(*m));
	m->base = (uint64_t)container << INO_CONTAINER_SHIFT;
	pthread_mutex_init(&m->lock, NULL);
}

void ino_map_fini(struct ino_map *m)
{
	map_fini(&m->alias, free);
	map_fini(&m->taken, free);
	pthread_mutex_destroy(&m->lock);
}

static void *get(const struct map *map, uint64_t number)
{
	return map_getn(map, (const char *)&number, sizeof(number));
}

/* value belongs to the map, and is freed where it gets no place. */
static int put(struct map *map, uint64_t number, void *value)
{
	int r = map_putn(map, (const char *)&number, sizeof(number), value);

	if (r < 0)
		free(value);
	return r;
}

static void drop(struct map *map, uint64_t number)
{
	free(map_deln(map, (const char *)&number, sizeof(number)));
}

static int take(struct ino_map *m, uint64_t ino)
{
	struct ino_taken *t = ino & INO_UPPER ? get(&m->taken, ino) : NULL;

	if (!(ino & INO_UPPER))
		return 0;
	if (t) {
		t->by++;
		return 0;
	}
	t = malloc(sizeof(*t));
	if (!t)
		return -ENOMEM;
	t->by = 1;
	return put(&m->taken, ino, t);
}

static void give_back(struct ino_map *m, uint64_t ino)
{
	struct ino_taken *t = get(&m->taken, ino);

	if (t && --t->by == 0)
		drop(&m->taken, ino);
}

static void drop_alias(struct ino_map *m, uint64_t upper_ino)
{
	const struct ino_alias *a = get(&m->alias, upper_ino);

	if (!a)
		return;
	give_back(m, a->ino);
	drop(&m->alias, upper_ino);
}

static int put_alias(struct ino_map *m, uint64_t upper_ino, uint64_t ino)
{
	struct ino_alias *a = get(&m->alias, upper_ino);
	int r = take(m, ino);

	if (r < 0)
		return r;
	/* Of a file that is gone, whose number on disk is used again. */
	if (a) {
		give_back(m, a->ino);
		a->ino = ino;
		return 0;
	}
	a = malloc(sizeof(*a));
	if (a)
		a->ino = ino;
	r = a ? put(&m->alias, upper_ino, a) : -ENOMEM;
	if (r < 0)
		give_back(m, ino);
	return r;
}

uint64_t ino_map_lower(const struct ino_map *m, uint64_t ino)
{
	return m->base | ino;
}

int ino_map_upper(struct ino_map *m, uint64_t upper_ino, uint64_t *ino)
{
	const struct ino_alias *a;
	int r = 0;

	pthread_mutex_lock(&m->lock);
	a = get(&m->alias, upper_ino);
	*ino = a ? a->ino : m->base | INO_UPPER | upper_ino;
	if (!a && (upper_ino >= INO_UPPER / 2 || get(&m->taken, *ino))) {
		*ino = m->base | INO_UPPER | INO_UPPER / 2 | (m->next_big & (INO_UPPER / 2 - 1));
		r = put_alias(m, upper_ino, *ino);
		m->next_big += r == 0;
	}
	pthread_mutex_unlock(&m->lock);
	return r;
}

int ino_map_put(struct ino_map *m, uint64_t upper_ino, uint64_t ino)
{
	int r;

	pthread_mutex_lock(&m->lock);
	r = put_alias(m, upper_ino, ino);
	pthread_mutex_unlock(&m->lock);
	return r;
}

void ino_map_drop(struct ino_map *m, uint64_t upper_ino)
{
	pthread_mutex_lock(&m->lock);
	drop_alias(m, upper_ino);
	pthread_mutex_unlock(&m->lock);
}
