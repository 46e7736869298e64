/* An array of entries, and their names one behind the other. */
#include "fs/live/listing.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int listing_add(struct listing *l, const char *name, uint64_t ino, mode_t type)
{
	if (l->n == l->cap) {
		size_t cap = l->cap ? l->cap * 2 : 32;
		struct listed *v = realloc(l->v, cap * sizeof(*v));

		if (!v)
			return -ENOMEM;
		l->v = v;
		l->cap = cap;
	}
	l->v[l->n].name = l->names.len;
	l->v[l->n].ino = ino;
	l->v[l->n].type = type & S_IFMT;
	if (buf_append(&l->names, name, strlen(name) + 1) < 0)
		return -ENOMEM;
	l->n++;
	return 0;
}

void listing_fini(struct listing *l)
{
	buf_fini(&l->names);
	free(l->v);
	l->v = NULL;
	l->n = l->cap = 0;
}
