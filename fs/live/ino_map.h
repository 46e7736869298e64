/*
 * The inode numbers with which the files of a container are shown, made of the container's number
 * and
 *     below    1 + the place of the file's hard-link group in the base tree
 *     upper    INO_UPPER | the inode number on disk
 * A file that was copied up keeps the first form as an alias. So a number is the same for the life
 * of a mount, also after the kernel forgot the file, and readdir can tell it without making a node.
 */
#ifndef FS_LIVE_INO_MAP_H
#define FS_LIVE_INO_MAP_H

#include <pthread.h>
#include <stdint.h>

#include "base/err.h"
#include "base/map.h"

#define INO_CONTAINER_SHIFT 40
#define INO_UPPER (1ULL << 39)

struct ino_map {
	uint64_t base; /* the container's number, in its place */
	pthread_mutex_t lock;
	struct map alias;  /* inode number on disk -> struct ino_alias */
	struct map taken;  /* numbers above INO_UPPER that aliases have -> struct ino_taken */
	uint64_t next_big; /* for numbers on disk that are too large for their place */
};

void ino_map_init(struct ino_map *m, uint32_t container);
void ino_map_fini(struct ino_map *m);

/* ino_map_lower - of a file that is below: ino is what the base tree says, the root's is 1. */
uint64_t ino_map_lower(const struct ino_map *m, uint64_t ino);

/* ino_map_upper - of a file that is upper_ino on disk: its alias, if it has one. 0 or -ENOMEM. */
int ino_map_upper(struct ino_map *m, uint64_t upper_ino, uint64_t *ino) MUST_CHECK;

/*
 * ino_map_put - show the file that is upper_ino on disk as ino. Two files may be shown as one
 *               number while one takes the other's place. 0 or -ENOMEM, and then nothing has
 *               changed.
 * ino_map_drop - the end of that.
 */
int ino_map_put(struct ino_map *m, uint64_t upper_ino, uint64_t ino) MUST_CHECK;
void ino_map_drop(struct ino_map *m, uint64_t upper_ino);

#endif
