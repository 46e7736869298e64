/*
 * A container in use: opening, its gate and lock, its inode numbers.
 */
#include "fs/live/live.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/beneath.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/file.h"
#include "base/log.h"
#include "base/remove_tree.h"
#include "fs/containers/ops.h"
#include "fs/core/fs.h"
#include "fs/core/session.h"
#include "fs/core/trees.h"
#include "fs/live/copyup.h"
#include "fs/live/node.h"
#include "fs/live/placeholder.h"
#include "store/container/container.h"
#include "store/disk/store.h"
#include "store/disk/sync.h"
#include "store/image/image.h"
#include "store/image/tree.h"

static void init_locks(struct live *live)
{
	pthread_rwlockattr_t attr;

	pthread_rwlockattr_init(&attr);
	/* Else a stream of look-ups keeps a change waiting for ever. */
	pthread_rwlockattr_setkind_np(&attr, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
	pthread_rwlock_init(&live->ns, &attr);
	pthread_rwlockattr_destroy(&attr);
	pthread_mutex_init(&live->copying, NULL);
	pthread_mutex_init(&live->gate, NULL);
	pthread_cond_init(&live->gate_moved, NULL);
	pthread_mutex_init(&live->alias_lock, NULL);
	links_init(&live->links);
}

int live_rename(struct live *live, const char *name)
{
	char **names = realloc(live->names, (live->n_names + 1) * sizeof(*names));

	if (!names)
		return -ENOMEM;
	live->names = names;
	names[live->n_names] = strdup(name);
	if (!names[live->n_names])
		return -ENOMEM;
	__atomic_store_n(&live->name, names[live->n_names++], __ATOMIC_RELEASE);
	return 0;
}

static int open_parts(struct live *live, struct err *err)
{
	struct statx sx;
	struct stat st;
	int r = container_open(live->fs->store, live->name, &live->box, err);

	if (r < 0)
		return r;
	if (fstat(live->box->fd, &st) < 0)
		return err_sys(err, errno, "container %s", live->name);
	/* In root's form owners, set-id bits and devices are real: not where another user gets at them. */
	if (!live->box->unprivileged && !live->box->read_only && geteuid() == 0 && st.st_uid != 0)
		return err_set(err, EPERM, "container %s: in root's form, but uid %u's", live->name,
			       (unsigned)st.st_uid);
	live->dev = st.st_dev;
	live->ino = st.st_ino;
	if (statx(live->box->fd, "", AT_EMPTY_PATH, STATX_BTIME, &sx) == 0 &&
	    (sx.stx_mask & STATX_BTIME))
		live->born = (struct timespec){ .tv_sec = sx.stx_btime.tv_sec,
						.tv_nsec = sx.stx_btime.tv_nsec };
	live->upper.unprivileged = live->box->unprivileged;
	live->upper.fd =
		openat(live->box->fd, "upper", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	live->upper.work_fd =
		openat(live->box->fd, "work", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (live->upper.fd < 0 || live->upper.work_fd < 0)
		return err_sys(err, errno, "container %s: upper", live->name);
	live->ordered = sync_is_ordered(live->upper.fd);
	return 0;
}

int live_open(const struct fs *fs, struct nodes *nodes, const char *name, uint32_t id,
	      struct live **out, struct err *err)
{
	struct live *live = calloc(1, sizeof(*live));
	int r;

	if (!live)
		return err_nomem(err);
	live->fs = fs;
	live->nodes = nodes;
	live->id = id;
	live->refs = 1;
	live->lock_fd = live->upper.fd = live->upper.work_fd = -1;
	init_locks(live);
	r = live_rename(live, name) < 0 ? err_nomem(err) : open_parts(live, err);
	if (r < 0) {
		live_unref(live);
		return r;
	}
	*out = live;
	return 0;
}

void live_ref(struct live *live)
{
	__atomic_fetch_add(&live->refs, 1, __ATOMIC_RELAXED);
}

static void close_fds(struct live *live)
{
	int *fds[] = { &live->upper.fd, &live->upper.work_fd, &live->lock_fd };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(fds); i++) {
		if (*fds[i] >= 0)
			close(*fds[i]);
		*fds[i] = -1;
	}
	container_free(TAKE_PTR(live->box));
}

void live_unref(struct live *live)
{
	if (!live || __atomic_sub_fetch(&live->refs, 1, __ATOMIC_ACQ_REL))
		return;
	close_fds(live);
	if (live->base)
		trees_put(live->fs->trees, live->base);
	links_fini(&live->links);
	map_fini(&live->taken, NULL);
	map_fini(&live->alias, free);
	pthread_rwlock_destroy(&live->ns);
	pthread_mutex_destroy(&live->copying);
	pthread_mutex_destroy(&live->gate);
	pthread_cond_destroy(&live->gate_moved);
	pthread_mutex_destroy(&live->alias_lock);
	while (live->n_names)
		free(live->names[--live->n_names]);
	free(live->names);
	free(live);
}

/* Nothing in work/ is anybody's once the lock is ours. */
static void sweep_work(struct live *live)
{
	_cleanup_closedir_ DIR *d = NULL;
	int fd = openat(live->upper.work_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct dirent *e;
	int r;

	d = fd < 0 ? NULL : fdopendir(fd);
	while (d && (e = readdir(d))) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		r = copyup_finish(live, e->d_name);
		if (r == 0)
			r = op_rename_finish(live, e->d_name);
		if (r == 0)
			r = placeholder_finish(live, e->d_name);
		if (r == 0)
			r = remove_tree(live->upper.work_fd, e->d_name);
		if (r < 0)
			log_warn("container %s: leftover in work/: %s", live->name, strerror(-r));
	}
}

/* The gate is locked. The base tree is opened at the first use: listing containers costs none. */
static int open_base(struct live *live)
{
	_cleanup_image_ struct image *image = NULL;
	struct err err = ERR_INIT;
	int r;

	if (live->base)
		return 0;
	r = image_open(live->fs->store, NULL, &live->box->manifest, &image, &err);
	if (r == 0)
		r = trees_get(live->fs->trees, image, &live->base, &err);
	if (r < 0) {
		log_warn("container %s: its image: %s", live->name, err.msg);
		return -EIO;
	}
	live->tree = live->base->tree;
	return 0;
}

/* The gate is locked. */
static int take_lock(struct live *live)
{
	int fd;

	if (live->lock_fd >= 0)
		return 0;
	fd = container_flock(live->box, true, false);
	if (fd == -EWOULDBLOCK)
		return -EBUSY;
	if (fd == -EACCES || fd == -EROFS || fd == -ENOENT)
		return fd;
	if (fd < 0)
		return -EIO;
	live->lock_fd = fd;
	return 0;
}

int live_enter(struct live *live, bool change)
{
	int r = 0;

	/* Of a lock file (fs/containers/lockfile.h), which is none. */
	if (!live)
		return -EPERM;
	if (change && live->fs->opt.ro)
		return -EROFS;
	pthread_mutex_lock(&live->gate);
	if (change && live->frozen && !live->closed) {
		session_wait_begin();
		while (live->frozen && !live->closed)
			pthread_cond_wait(&live->gate_moved, &live->gate);
		session_wait_end();
	}
	if (live->closed)
		r = -ESTALE;
	else
		r = take_lock(live);
	if (r == 0)
		r = open_base(live);
	if (r == 0 && !live->swept && !live->box->read_only) {
		sweep_work(live);
		live->swept = true;
	}
	if (r == 0) {
		live->inside++;
		live->changing += change;
	}
	pthread_mutex_unlock(&live->gate);
	return r;
}

void live_leave(struct live *live, bool change)
{
	pthread_mutex_lock(&live->gate);
	live->inside--;
	live->changing -= change;
	if ((live->frozen && !live->changing) || (live->closed && !live->inside))
		pthread_cond_broadcast(&live->gate_moved);
	pthread_mutex_unlock(&live->gate);
}

void live_freeze(struct live *live)
{
	pthread_mutex_lock(&live->gate);
	live->frozen++;
	while (live->changing)
		pthread_cond_wait(&live->gate_moved, &live->gate);
	pthread_mutex_unlock(&live->gate);
}

void live_thaw(struct live *live)
{
	pthread_mutex_lock(&live->gate);
	if (live->frozen && --live->frozen == 0)
		pthread_cond_broadcast(&live->gate_moved);
	pthread_mutex_unlock(&live->gate);
}

bool live_is_frozen(struct live *live)
{
	bool frozen;

	pthread_mutex_lock(&live->gate);
	frozen = live->frozen > 0;
	pthread_mutex_unlock(&live->gate);
	return frozen;
}

bool live_is_locked(struct live *live)
{
	bool locked;

	pthread_mutex_lock(&live->gate);
	locked = live->lock_fd >= 0;
	pthread_mutex_unlock(&live->gate);
	return locked;
}

void live_give_up(struct live *live)
{
	pthread_mutex_lock(&live->gate);
	if (live->frozen) {
		live->closed = true;
		pthread_cond_broadcast(&live->gate_moved);
	}
	pthread_mutex_unlock(&live->gate);
}

void live_close(struct live *live)
{
	pthread_mutex_lock(&live->gate);
	live->closed = true;
	pthread_cond_broadcast(&live->gate_moved);
	while (live->inside)
		pthread_cond_wait(&live->gate_moved, &live->gate);
	pthread_mutex_unlock(&live->gate);
	nodes_close_live(live->nodes, live);
	close_fds(live);
}

bool live_gone(const struct live *live)
{
	_cleanup_free_ char *path = path_join("containers", live->name);
	struct stat now, then;
	int r;

	if (!path || fstat(live->box->fd, &then) < 0)
		return false;
	r = beneath_stat(live->fs->store->imagefs_fd, path, &now);
	if (r < 0)
		return r == -ENOENT;
	return now.st_ino != then.st_ino || now.st_dev != then.st_dev;
}

/* --- inode numbers --- */

struct live_alias {
	uint64_t ino;
};

uint64_t live_ino_lower(const struct live *live, uint32_t tree_node)
{
	struct stat st;

	/* The root's is known before the tree is open. */
	if (tree_node == TREE_ROOT)
		return (uint64_t)live->id << NODE_LIVE_SHIFT | 1;
	tree_stat(live->tree, tree_node, &st);
	return (uint64_t)live->id << NODE_LIVE_SHIFT | st.st_ino;
}

/* alias_lock is held. */
static void alias_drop(struct live *live, uint64_t upper_ino)
{
	struct live_alias *a = map_deln(&live->alias, (const char *)&upper_ino, sizeof(upper_ino));

	if (a)
		map_deln(&live->taken, (const char *)&a->ino, sizeof(a->ino));
	free(a);
}

/* alias_lock is held. */
static int alias_put(struct live *live, uint64_t upper_ino, uint64_t ino)
{
	struct live_alias *a = malloc(sizeof(*a));

	if (!a)
		return -ENOMEM;
	a->ino = ino;
	alias_drop(live, upper_ino);
	if (map_putn(&live->alias, (const char *)&upper_ino, sizeof(upper_ino), a) < 0) {
		free(a);
		return -ENOMEM;
	}
	/* A number that the disk may give to another file while this one has it. */
	if ((ino & NODE_UPPER) && map_putn(&live->taken, (const char *)&ino, sizeof(ino), a) < 0) {
		alias_drop(live, upper_ino);
		return -ENOMEM;
	}
	return 0;
}

uint64_t live_ino_upper(struct live *live, uint64_t upper_ino)
{
	uint64_t base = (uint64_t)live->id << NODE_LIVE_SHIFT | NODE_UPPER, ino = base | upper_ino;
	struct live_alias *a;

	pthread_mutex_lock(&live->alias_lock);
	a = map_getn(&live->alias, (const char *)&upper_ino, sizeof(upper_ino));
	if (a) {
		ino = a->ino;
	} else if (upper_ino >= NODE_UPPER / 2 ||
		   map_getn(&live->taken, (const char *)&ino, sizeof(ino))) {
		ino = base | NODE_UPPER / 2 | (live->next_big++ & (NODE_UPPER / 2 - 1));
		alias_put(live, upper_ino, ino);
	}
	pthread_mutex_unlock(&live->alias_lock);
	return ino;
}

int live_alias_put(struct live *live, uint64_t upper_ino, uint64_t ino)
{
	int r;

	pthread_mutex_lock(&live->alias_lock);
	r = alias_put(live, upper_ino, ino);
	pthread_mutex_unlock(&live->alias_lock);
	return r;
}

void live_alias_drop(struct live *live, uint64_t upper_ino)
{
	pthread_mutex_lock(&live->alias_lock);
	alias_drop(live, upper_ino);
	pthread_mutex_unlock(&live->alias_lock);
}

void live_owner(uid_t *uid, gid_t *gid)
{
	if (geteuid() == 0 || *uid != geteuid())
		return;
	*uid = 0;
	*gid = 0;
}
