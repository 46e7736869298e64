/*
 * Directories as they are read. Nobody opens one (OPENDIR is answered with ENOSYS), so that the kernel
 * keeps what it has read and a second reading asks us nothing; a position therefore has to mean the same
 * in every list of a directory, whatever came and went meanwhile. It is a hash of the
 * name, and the entries come in the order of their hashes, as ext4 has it.
 *
 * The last few lists are kept, for who reads on.
 */
#ifndef FS_CONTAINERS_DIR_CACHE_H
#define FS_CONTAINERS_DIR_CACHE_H

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

#include "fs/live/listing.h"

/* One list; shared, and freed with its last user. */
struct dir_list {
	unsigned refs; /* under the lock of struct lists */
	struct listing names;
	struct dir_list_place {
		uint64_t position; /* from DIR_LIST_FIRST on, ascending */
		size_t entry;	   /* in names */
	} * places;
	size_t n;
};

/* What is less is "." and "..". */
#define DIR_LIST_FIRST 3

#define DIR_CACHE_SIZE 16

struct dir_cache {
	pthread_mutex_t lock;
	struct {
		uint64_t ino, used;
		struct dir_list *list;
	} kept[DIR_CACHE_SIZE];
	uint64_t tick;
};

void dir_cache_init(struct dir_cache *l);
void dir_cache_fini(struct dir_cache *l);

/* dir_cache_find - the list of a directory that is kept, with a reference; NULL: none. */
struct dir_list *dir_cache_find(struct dir_cache *l, uint64_t ino);

/* dir_cache_keep - names, which is emptied, becomes the list of a directory; with a reference. NULL: no memory. */
struct dir_list *dir_cache_keep(struct dir_cache *l, uint64_t ino, struct listing *names);

/* dir_cache_drop - it was read to its end. */
void dir_cache_drop(struct dir_cache *l, uint64_t ino, const struct dir_list *list);
void dir_cache_put(struct dir_cache *l, struct dir_list *list);

/* dir_list_after - the place of the first entry behind a position. */
size_t dir_list_after(const struct dir_list *list, uint64_t position);

#endif
