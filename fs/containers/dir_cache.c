/*
 * Positions in directories, and a least recently used cache of lists.
 */
#include "fs/containers/dir_cache.h"

#include <stdlib.h>
#include <string.h>

void dir_cache_init(struct dir_cache *l)
{
	memset(l, 0, sizeof(*l));
	pthread_mutex_init(&l->lock, NULL);
}

/* The lock is held, or the cache has no other users. */
static void put(struct dir_list *list)
{
	if (!list || --list->refs)
		return;
	listing_fini(&list->names);
	free(list->places);
	free(list);
}

void dir_cache_fini(struct dir_cache *l)
{
	size_t i;

	for (i = 0; i < DIR_CACHE_SIZE; i++)
		put(l->kept[i].list);
	pthread_mutex_destroy(&l->lock);
}

struct dir_list *dir_cache_find(struct dir_cache *l, uint64_t ino)
{
	struct dir_list *list = NULL;
	size_t i;

	pthread_mutex_lock(&l->lock);
	for (i = 0; i < DIR_CACHE_SIZE && !list; i++) {
		if (!l->kept[i].list || l->kept[i].ino != ino)
			continue;
		l->kept[i].used = ++l->tick;
		list = l->kept[i].list;
		list->refs++;
	}
	pthread_mutex_unlock(&l->lock);
	return list;
}

/* FNV-1a; a position is a positive loff_t with some room above. */
static uint64_t hash(const char *name)
{
	uint64_t h = 14695981039346656037u;

	for (; *name; name++)
		h = (h ^ (unsigned char)*name) * 1099511628211u;
	return (h >> 2) + DIR_LIST_FIRST;
}

static int by_position(const void *a, const void *b, void *names)
{
	const struct dir_list_place *x = a, *y = b;

	if (x->position != y->position)
		return x->position < y->position ? -1 : 1;
	return strcmp(listing_name(names, x->entry), listing_name(names, y->entry));
}

static struct dir_list *make(struct listing *names)
{
	struct dir_list *list = calloc(1, sizeof(*list));
	size_t i;

	if (list)
		list->places = calloc(names->n + 1, sizeof(*list->places));
	if (!list || !list->places) {
		free(list);
		return NULL;
	}
	for (i = 0; i < names->n; i++)
		list->places[i] = (struct dir_list_place){ hash(listing_name(names, i)), i };
	qsort_r(list->places, names->n, sizeof(*list->places), by_position, names);
	/* Names with the same hash get successive positions. */
	for (i = 1; i < names->n; i++)
		if (list->places[i].position <= list->places[i - 1].position)
			list->places[i].position = list->places[i - 1].position + 1;
	list->n = names->n;
	list->names = *names;
	*names = (struct listing)LISTING_INIT;
	return list;
}

struct dir_list *dir_cache_keep(struct dir_cache *l, uint64_t ino, struct listing *names)
{
	struct dir_list *list = make(names);
	size_t i, slot = 0;

	if (!list)
		return NULL;
	pthread_mutex_lock(&l->lock);
	/* The slot of this directory, or else the least recently used one. */
	for (i = 0; i < DIR_CACHE_SIZE; i++) {
		if (l->kept[i].list && l->kept[i].ino == ino) {
			slot = i;
			break;
		}
		if (l->kept[i].used < l->kept[slot].used)
			slot = i;
	}
	put(l->kept[slot].list);
	l->kept[slot].list = list;
	l->kept[slot].ino = ino;
	l->kept[slot].used = ++l->tick;
	list->refs = 2;
	pthread_mutex_unlock(&l->lock);
	return list;
}

void dir_cache_drop(struct dir_cache *l, uint64_t ino, const struct dir_list *list)
{
	size_t i;

	pthread_mutex_lock(&l->lock);
	for (i = 0; i < DIR_CACHE_SIZE; i++) {
		if (l->kept[i].list != list || l->kept[i].ino != ino)
			continue;
		put(l->kept[i].list);
		l->kept[i].list = NULL;
		l->kept[i].used = 0;
	}
	pthread_mutex_unlock(&l->lock);
}

void dir_cache_put(struct dir_cache *l, struct dir_list *list)
{
	pthread_mutex_lock(&l->lock);
	put(list);
	pthread_mutex_unlock(&l->lock);
}

size_t dir_list_after(const struct dir_list *list, uint64_t position)
{
	size_t low = 0, high = list->n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (list->places[mid].position <= position)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}
