/*
 * Directories as they are read. Nobody opens one (OPENDIR is answered with ENOSYS), so that the kernel
 * keeps what it has read and a second reading asks us nothing; a position therefore has to mean the same
 * in every list of a directory, whatever came and went meanwhile. It is a hash of the
 * name, and the entries come in the order of their hashes, as ext4 has it.
 *
 * The last few lists are kept, for who reads on.
 */
#ifndef FS_LISTS_H
#define FS_LISTS_H

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

#include "fs/merge.h"

/* One list; shared, and freed with its last user. */
struct list {
	unsigned refs; /* under the lock of struct lists */
	struct listing names;
	struct list_place {
		uint64_t position; /* from LIST_FIRST on, ascending */
		size_t entry;	   /* in names */
	} * places;
	size_t n;
};

/* What is less is "." and "..". */
#define LIST_FIRST 3

#define LISTS_KEPT 16

struct lists {
	pthread_mutex_t lock;
	struct {
		uint64_t ino, used;
		struct list *list;
	} kept[LISTS_KEPT];
	uint64_t tick;
};

void lists_init(struct lists *l);
void lists_fini(struct lists *l);

/* lists_find - the list of a directory that is kept, with a reference; NULL: none. */
struct list *lists_find(struct lists *l, uint64_t ino);

/* lists_keep - names, which is emptied, becomes the list of a directory; with a reference. NULL: no memory. */
struct list *lists_keep(struct lists *l, uint64_t ino, struct listing *names);

/* lists_drop - it was read to its end. */
void lists_drop(struct lists *l, uint64_t ino, const struct list *list);
void lists_put(struct lists *l, struct list *list);

/* list_after - the place of the first entry behind a position. */
size_t list_after(const struct list *list, uint64_t position);

#endif
