/*
 * The directory cache: lists of directories that are being read.
 *
 * Directories have no handles: OPENDIR is answered with ENOSYS, so that the kernel caches what it
 * has read. A position must therefore mean the same in every list of a directory, whatever was
 * added or removed in between. It is a hash of the name, and the entries are sorted by their
 * hashes, as in ext4.
 *
 * The last few lists are kept for readers that continue.
 */
#ifndef FS_CONTAINERS_DIR_CACHE_H
#define FS_CONTAINERS_DIR_CACHE_H

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

#include "fs/live/listing.h"

/* One list; shared, and freed with its last user. */
struct dir_list {
	unsigned refs; /* under the lock of struct dir_cache */
	struct listing names;
	struct dir_list_place {
		uint64_t position; /* from DIR_LIST_FIRST on, ascending */
		size_t entry;	   /* in names */
	} * places;
	size_t n;
};

/* Lower positions are "." and "..". */
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

/* dir_cache_find - the kept list of a directory, with a reference; NULL: none. */
struct dir_list *dir_cache_find(struct dir_cache *l, uint64_t ino);

/*
 * dir_cache_keep - names becomes the kept list of a directory, and is empty then; with a reference.
 * NULL: no memory.
 */
struct dir_list *dir_cache_keep(struct dir_cache *l, uint64_t ino, struct listing *names);

/*
 * dir_cache_drop - keep a list no longer: it was read to its end. dir_cache_put - give a reference
 * back.
 */
void dir_cache_drop(struct dir_cache *l, uint64_t ino, const struct dir_list *list);
void dir_cache_put(struct dir_cache *l, struct dir_list *list);

/* dir_list_after - the index in places of the first entry after a position. */
size_t dir_list_after(const struct dir_list *list, uint64_t position);

#endif
