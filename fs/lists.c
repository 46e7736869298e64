/*
 * Positions in directories, and the lists that are kept.
 */
#include "fs/lists.h"

#include <stdlib.h>
#include <string.h>

void lists_init(struct lists *l)
{
	memset(l, 0, sizeof(*l));
	pthread_mutex_init(&l->lock, NULL);
}

/* The lock is held, or nobody else is there. */
static void put(struct list *list)
{
	if (!list || --list->refs)
		return;
	listing_fini(&list->names);
	free(list->places);
	free(list);
}

void lists_fini(struct lists *l)
{
	size_t i;

	for (i = 0; i < LISTS_KEPT; i++)
		put(l->kept[i].list);
	pthread_mutex_destroy(&l->lock);
}

struct list *lists_find(struct lists *l, uint64_t ino)
{
	struct list *list = NULL;
	size_t i;

	pthread_mutex_lock(&l->lock);
	for (i = 0; i < LISTS_KEPT && !list; i++) {
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
	return (h >> 2) + LIST_FIRST;
}

static int by_position(const void *a, const void *b, void *names)
{
	const struct list_place *x = a, *y = b;

	if (x->position != y->position)
		return x->position < y->position ? -1 : 1;
	return strcmp(listing_name(names, x->entry), listing_name(names, y->entry));
}

static struct list *make(struct listing *names)
{
	struct list *list = calloc(1, sizeof(*list));
	size_t i;

	if (list)
		list->places = calloc(names->n + 1, sizeof(*list->places));
	if (!list || !list->places) {
		free(list);
		return NULL;
	}
	for (i = 0; i < names->n; i++)
		list->places[i] = (struct list_place){ hash(listing_name(names, i)), i };
	qsort_r(list->places, names->n, sizeof(*list->places), by_position, names);
	/* Two names of one hash stand side by side. */
	for (i = 1; i < names->n; i++)
		if (list->places[i].position <= list->places[i - 1].position)
			list->places[i].position = list->places[i - 1].position + 1;
	list->n = names->n;
	list->names = *names;
	*names = (struct listing)LISTING_INIT;
	return list;
}

struct list *lists_keep(struct lists *l, uint64_t ino, struct listing *names)
{
	struct list *list = make(names);
	size_t i, at = 0;

	if (!list)
		return NULL;
	pthread_mutex_lock(&l->lock);
	/* Its own place, else that which was not used for the longest time. */
	for (i = 0; i < LISTS_KEPT; i++) {
		if (l->kept[i].list && l->kept[i].ino == ino) {
			at = i;
			break;
		}
		if (l->kept[i].used < l->kept[at].used)
			at = i;
	}
	put(l->kept[at].list);
	l->kept[at].list = list;
	l->kept[at].ino = ino;
	l->kept[at].used = ++l->tick;
	list->refs = 2;
	pthread_mutex_unlock(&l->lock);
	return list;
}

void lists_drop(struct lists *l, uint64_t ino, const struct list *list)
{
	size_t i;

	pthread_mutex_lock(&l->lock);
	for (i = 0; i < LISTS_KEPT; i++) {
		if (l->kept[i].list != list || l->kept[i].ino != ino)
			continue;
		put(l->kept[i].list);
		l->kept[i].list = NULL;
		l->kept[i].used = 0;
	}
	pthread_mutex_unlock(&l->lock);
}

void lists_put(struct lists *l, struct list *list)
{
	pthread_mutex_lock(&l->lock);
	put(list);
	pthread_mutex_unlock(&l->lock);
}

size_t list_after(const struct list *list, uint64_t position)
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
