/* A map with one node per name; a removed file keeps its node. */
#include "fs/containers/lockfile.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "fs/containers/live_table.h"
#include "fs/core/fs.h"
#include "fs/live/live.h"
#include "fs/live/node.h"

#define PREFIX ".#"
#define SUFFIX ".lck"

/* Above those of all containers' files (fs/live/ino_map.h). */
#define FIRST_INO (1ULL << 63)

void lockfiles_init(struct lockfiles *l)
{
	memset(l, 0, sizeof(*l));
	pthread_mutex_init(&l->lock, NULL);
}

void lockfiles_fini(struct lockfiles *l)
{
	map_fini(&l->nodes, free);
	pthread_mutex_destroy(&l->lock);
}

bool lockfile_is(const struct node *n)
{
	return !n->live && n->ino >= FIRST_INO;
}

/* The container's name in it, or NULL. */
static char *locked_name(const char *name)
{
	size_t len = strlen(name);

	if (len <= strlen(PREFIX) + strlen(SUFFIX) || strncmp(name, PREFIX, strlen(PREFIX)) != 0 ||
	    strcmp(name + len - strlen(SUFFIX), SUFFIX) != 0)
		return NULL;
	return strndup(name + strlen(PREFIX), len - strlen(PREFIX) - strlen(SUFFIX));
}

static struct node *node_make(struct lockfiles *l, const char *name)
{
	struct node *n = calloc(1, sizeof(*n));

	if (!n)
		return NULL;
	n->type = S_IFREG;
	n->fd = -1;
	n->dead = true;
	n->ino = FIRST_INO + l->nodes.n;
	if (map_put(&l->nodes, name, n) < 0) {
		free(n);
		return NULL;
	}
	return n;
}

void lockfile_stat(const struct fs *fs, const struct node *n, struct stat *st)
{
	memset(st, 0, sizeof(*st));
	st->st_ino = n->ino;
	st->st_mode = S_IFREG | 0600;
	st->st_nlink = n->dead ? 0 : 1;
	st->st_uid = geteuid();
	st->st_gid = getegid();
	fs_show_owner(fs, st);
}

int lockfile_find(struct lockfiles *l, const struct fs *fs, const char *name,
		  struct live_table *make, struct fuse_entry_param *out)
{
	_cleanup_free_ char *container = locked_name(name);
	struct live *live;
	struct node *n;
	int r = 0;

	if (!container)
		return make ? -EPERM : -ENOENT;
	if (make && live_table_find(make, container, &live) < 0)
		return -EPERM;
	if (make)
		live_unref(live);
	pthread_mutex_lock(&l->lock);
	n = map_get(&l->nodes, name);
	if (!n && make)
		n = node_make(l, name);
	if (!n)
		r = make ? -ENOMEM : -ENOENT;
	else if (n->dead && !make)
		r = -ENOENT;
	if (r == 0) {
		n->dead = false;
		memset(out, 0, sizeof(*out));
		out->ino = (fuse_ino_t)(uintptr_t)n;
		out->attr_timeout = out->entry_timeout = FS_FOREVER;
		lockfile_stat(fs, n, &out->attr);
	}
	pthread_mutex_unlock(&l->lock);
	return r;
}

int lockfile_remove(struct lockfiles *l, const char *name)
{
	struct node *n;
	int r = 0;

	pthread_mutex_lock(&l->lock);
	n = map_get(&l->nodes, name);
	if (!n)
		r = -EPERM;
	else if (n->dead)
		r = -ENOENT;
	else
		n->dead = true;
	pthread_mutex_unlock(&l->lock);
	return r;
}
