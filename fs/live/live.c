/*
 * Opening a container, and its first use.
 */
#include "fs/live/live.h"

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
#include "fs/core/fs.h"
#include "fs/core/trees.h"
#include "store/container/container.h"
#include "store/disk/store.h"
#include "store/disk/sync.h"
#include "store/image/image.h"
#include "store/image/tree.h"

static void init_locks(struct live *live)
{
	pthread_rwlockattr_t attr;

	pthread_rwlockattr_init(&attr);
	/* By default a stream of look-ups makes a change wait for ever. */
	pthread_rwlockattr_setkind_np(&attr, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
	pthread_rwlock_init(&live->ns, &attr);
	pthread_rwlockattr_destroy(&attr);
	pthread_mutex_init(&live->copying, NULL);
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
	/*
	 * In root's form owners, set-id bits and devices are real, so no other user may own the
	 * directory.
	 */
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

int live_open(const struct live_shared *shared, const char *name, uint32_t id, struct live **out,
	      struct err *err)
{
	struct live *live = calloc(1, sizeof(*live));
	int r;

	if (!live)
		return err_nomem(err);
	live->fs = shared->fs;
	live->nodes = shared->nodes;
	live->passthrough = shared->passthrough;
	live->refs = 1;
	live->lock_fd = live->upper.fd = live->upper.work_fd = -1;
	init_locks(live);
	gate_init(&live->gate, shared->first_use, live);
	links_init(&live->links);
	ino_map_init(&live->inos, id);
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
	ino_map_fini(&live->inos);
	gate_fini(&live->gate);
	pthread_rwlock_destroy(&live->ns);
	pthread_mutex_destroy(&live->copying);
	while (live->n_names)
		free(live->names[--live->n_names]);
	free(live->names);
	free(live);
}

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
	__atomic_store_n(&live->lock_fd, fd, __ATOMIC_RELEASE);
	return 0;
}

int live_prepare(struct live *live)
{
	int r = take_lock(live);

	return r < 0 ? r : open_base(live);
}

bool live_is_locked(const struct live *live)
{
	return __atomic_load_n(&live->lock_fd, __ATOMIC_ACQUIRE) >= 0;
}

void live_close(struct live *live)
{
	gate_close(&live->gate);
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

uint64_t live_ino_lower(const struct live *live, uint32_t tree_node)
{
	struct stat st;

	/* The root's is known before the tree is open. */
	if (tree_node == TREE_ROOT)
		return ino_map_lower(&live->inos, 1);
	tree_stat(live->tree, tree_node, &st);
	return ino_map_lower(&live->inos, st.st_ino);
}
