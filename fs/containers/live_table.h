/*
 * The containers in use, by name, and what the daemon's main thread asks of them.
 */
#ifndef FS_CONTAINERS_LIVE_TABLE_H
#define FS_CONTAINERS_LIVE_TABLE_H

#include <pthread.h>
#include <stdint.h>
#include <time.h>

#include "base/err.h"
#include "base/map.h"
#include "fs/live/live.h"

struct stat;

struct live_table {
	struct live_shared shared;
	pthread_mutex_t lock;
	struct map in_use; /* name -> struct live, with a reference */
	uint32_t next_id;
	char **names;		 /* as last listed; of the main thread alone */
	struct timespec changed; /* when the list was last read; under lock */
};

/*
 * live_table_init - read the list of the store's containers. Ends with live_table_fini(), on
 * failure too.
 */
int live_table_init(struct live_table *t, const struct live_shared *shared,
		    struct err *err) MUST_CHECK;
void live_table_fini(struct live_table *t);

/*
 * live_table_find - the container of a name, with a reference; it is opened where it is not in use.
 * -ENOENT, -errno.
 */
int live_table_find(struct live_table *t, const char *name, struct live **out) MUST_CHECK;

/* live_table_stat - of the directory of all containers. */
void live_table_stat(struct live_table *t, struct stat *st);

/*
 * All are called by the daemon's main thread, which holds no locks.
 *
 * live_table_refresh  read the store's containers again and tell the kernel what changed; a renamed
 *                     container keeps its nodes and its users under its new name
 * live_table_freeze   finish the writes to a container, hold new ones back until live_table_thaw()
 *                     of *out; may be called again for one that is frozen: then as many thaws.
 *                     -ENOENT: no such container
 * live_table_give_up  the end is near: writes that wait for a thaw fail, so that their threads end
 * live_table_follow   may a container be renamed: 1 yes, this daemon has its lock; 0 another
 *                     process has it, or none; -EBUSY it is frozen
 * live_table_close    close a container whose directory is about to be removed, and take it out of
 *                     the tree; -EBUSY where files of it are open, or it is frozen
 */
void live_table_refresh(struct live_table *t);
int live_table_freeze(struct live_table *t, const char *name, struct live **out,
		      struct err *err) MUST_CHECK;
void live_table_thaw(struct live *live);
void live_table_give_up(struct live_table *t);
int live_table_follow(struct live_table *t, const char *name, struct err *err) MUST_CHECK;
int live_table_close(struct live_table *t, const char *name, struct err *err) MUST_CHECK;

#endif
