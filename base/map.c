/*
 * Open addressing with linear probing. A removal moves later slots back instead of leaving a
 * tombstone.
 */
#include "base/map.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

static uint64_t seed(void)
{
	static uint64_t s;
	uint64_t v = __atomic_load_n(&s, __ATOMIC_RELAXED);

	if (!v) {
		if (getrandom(&v, sizeof(v), 0) != (ssize_t)sizeof(v))
			v = (uint64_t)(uintptr_t)&s;
		v |= 1;
		uint64_t none = 0;
		if (!__atomic_compare_exchange_n(&s, &none, v, 0, __ATOMIC_RELAXED,
						 __ATOMIC_RELAXED))
			v = none;
	}
	return v;
}

static uint64_t hash_bytes(const char *key, size_t len)
{
	uint64_t h = seed() ^ (len * 0x9e3779b97f4a7c15ULL);

	while (len) {
		uint64_t w = 0;
		size_t n = len < 8 ? len : 8;

		memcpy(&w, key, n);
		h = (h ^ w) * 0xff51afd7ed558ccdULL;
		h ^= h >> 32;
		key += n;
		len -= n;
	}
	h *= 0xc4ceb9fe1a85ec53ULL;
	return h ^ (h >> 29);
}

/*
 * Find the slot of key, or the free slot for it. cap is a power of two, and one slot is always
 * free.
 */
static struct map_slot *probe(const struct map *m, const char *key, size_t len, uint64_t hash)
{
	size_t i = hash & (m->cap - 1);

	while (m->slots[i].key) {
		struct map_slot *s = &m->slots[i];

		if (s->hash == hash && s->len == len && memcmp(s->key, key, len) == 0)
			break;
		i = (i + 1) & (m->cap - 1);
	}
	return &m->slots[i];
}

void *map_getn(const struct map *m, const char *key, size_t len)
{
	if (!m->cap)
		return NULL;
	return probe(m, key, len, hash_bytes(key, len))->value;
}

void *map_get(const struct map *m, const char *key)
{
	return map_getn(m, key, strlen(key));
}

static int grow(struct map *m)
{
	struct map bigger = { NULL, m->n, m->cap ? m->cap * 2 : 16 };
	size_t i;

	bigger.slots = calloc(bigger.cap, sizeof(*bigger.slots));
	if (!bigger.slots)
		return -ENOMEM;
	for (i = 0; i < m->cap; i++) {
		struct map_slot *s = &m->slots[i];

		if (s->key)
			*probe(&bigger, s->key, s->len, s->hash) = *s;
	}
	free(m->slots);
	*m = bigger;
	return 0;
}

int map_putn(struct map *m, const char *key, size_t len, void *value)
{
	uint64_t hash = hash_bytes(key, len);
	struct map_slot *s;

	if (m->n + 1 > m->cap / 4 * 3 && grow(m) < 0)
		return -ENOMEM;
	s = probe(m, key, len, hash);
	if (!s->key) {
		s->key = malloc(len + 1);
		if (!s->key)
			return -ENOMEM;
		memcpy(s->key, key, len);
		s->key[len] = '\0';
		s->len = len;
		s->hash = hash;
		m->n++;
	}
	s->value = value;
	return 0;
}

int map_put(struct map *m, const char *key, void *value)
{
	return map_putn(m, key, strlen(key), value);
}

void *map_deln(struct map *m, const char *key, size_t len)
{
	size_t i, j;
	struct map_slot *s;
	void *value;

	if (!m->cap)
		return NULL;
	s = probe(m, key, len, hash_bytes(key, len));
	if (!s->key)
		return NULL;
	value = s->value;
	free(s->key);
	memset(s, 0, sizeof(*s));
	m->n--;
	/* Move the slots that were displaced by the removed one back. */
	i = (size_t)(s - m->slots);
	for (j = (i + 1) & (m->cap - 1); m->slots[j].key; j = (j + 1) & (m->cap - 1)) {
		size_t home = m->slots[j].hash & (m->cap - 1);

		if (((j - home) & (m->cap - 1)) >= ((j - i) & (m->cap - 1))) {
			m->slots[i] = m->slots[j];
			memset(&m->slots[j], 0, sizeof(m->slots[j]));
			i = j;
		}
	}
	return value;
}

void *map_del(struct map *m, const char *key)
{
	return map_deln(m, key, strlen(key));
}

const struct map_slot *map_next(const struct map *m, size_t *i)
{
	while (*i < m->cap) {
		const struct map_slot *s = &m->slots[(*i)++];

		if (s->key)
			return s;
	}
	return NULL;
}

void map_fini(struct map *m, void (*free_value)(void *))
{
	size_t i;

	for (i = 0; i < m->cap; i++) {
		if (!m->slots[i].key)
			continue;
		free(m->slots[i].key);
		if (free_value)
			free_value(m->slots[i].value);
	}
	free(m->slots);
	memset(m, 0, sizeof(*m));
}
