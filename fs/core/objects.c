/*
 * A table of numbered, counted objects; a number becomes free with the last reference to its
 * object.
 */
#include "fs/core/objects.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "base/text.h"

/*
 * This many free numbers are held back before the oldest is used again. Numbers are part of
 * st_ino, which programs compare: tar would take two files for hard links if the kernel forgot
 * the first and the second got its number.
 */
#define RESTING 4096

static int grow(struct objects *t)
{
	uint32_t cap = t->cap ? t->cap * 2 : 64, *unused, i;
	struct object **v;

	if (t->cap > NODEID_OBJECT_MAX / 2)
		return -ENFILE;
	v = realloc(t->v, cap * sizeof(*v));
	if (!v)
		return -ENOMEM;
	t->v = v;
	/* Room for every number, so that freeing one cannot fail. */
	unused = malloc(cap * sizeof(*unused));
	if (!unused)
		return -ENOMEM;
	for (i = 0; i < t->n_unused; i++)
		unused[i] = t->unused[(t->first + i) % t->cap];
	free(t->unused);
	t->unused = unused;
	t->first = 0;
	t->cap = cap;
	return 0;
}

/* If the last number of key is held back, take it. */
static bool take_again(struct objects *t, const char *key, uint32_t *number)
{
	uintptr_t known = key ? (uintptr_t)map_get(&t->numbers, key) : 0;
	uint32_t i, k = 0;

	if (!known || t->v[known - 1])
		return false;
	*number = (uint32_t)(known - 1);
	for (i = 0; i < t->n_unused; i++) {
		uint32_t n = t->unused[(t->first + i) % t->cap];

		if (n != *number)
			t->unused[(t->first + k++) % t->cap] = n;
	}
	t->n_unused = k;
	return true;
}

static int take_number(struct objects *t, uint32_t *number)
{
	int r;

	if (t->n_unused > RESTING) {
		*number = t->unused[t->first];
		t->first = (t->first + 1) % t->cap;
		t->n_unused--;
		return 0;
	}
	r = t->n == t->cap ? grow(t) : 0;
	if (r == 0)
		*number = t->n++;
	return r;
}

int objects_add(struct objects *t, struct object *o, enum node_kind kind, const char *key)
{
	int r;

	if (!take_again(t, key, &o->number)) {
		r = take_number(t, &o->number);
		if (r < 0)
			return r;
		/* Without memory for that, the key gets another number next time. */
		if (key)
			IGNORE(map_put(&t->numbers, key, (void *)(uintptr_t)(o->number + 1)));
	}
	o->kind = kind;
	o->refs = 1;
	o->next_dead = NULL;
	t->v[o->number] = o;
	return 0;
}

struct object *objects_get(const struct objects *t, enum node_kind kind, uint32_t number)
{
	struct object *o = number < t->n ? t->v[number] : NULL;

	return o && o->kind == kind ? o : NULL;
}

void objects_ref(struct object *o)
{
	o->refs++;
}

void objects_unref(struct objects *t, struct object *o, uint64_t n)
{
	if (n > o->refs) {
		log_warn("object %u: %llu reference%s to drop of %llu", o->number,
			 (unsigned long long)n, TEXT_S(n), (unsigned long long)o->refs);
		n = o->refs;
	}
	o->refs -= n;
	if (o->refs)
		return;
	t->v[o->number] = NULL;
	t->unused[(t->first + t->n_unused++) % t->cap] = o->number;
	o->next_dead = t->dead;
	t->dead = o;
}

struct object *objects_take_dead(struct objects *t)
{
	struct object *o = t->dead;

	t->dead = NULL;
	return o;
}

void objects_fini(struct objects *t)
{
	free(t->v);
	free(t->unused);
	map_fini(&t->numbers, NULL);
	memset(t, 0, sizeof(*t));
}
