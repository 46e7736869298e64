/*
 * A container in use: opening, its gate and lock, its inode numbers.
 */
#include "fs/ct.h"

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
#include "base/settle.h"
#include "fs/copyup.h"
#include "fs/fs.h"
#include "fs/node.h"
#include "fs/ops.h"
#include "fs/placeholder.h"
#include "fs/session.h"
#include "fs/trees.h"
#include "store/container.h"
#include "store/image.h"
#include "store/store.h"
#include "store/tree.h"

static void init_locks(struct ct *ct)
{
	pthread_rwlockattr_t attr;

	pthread_rwlockattr_init(&attr);
	/* Else a stream of look-ups keeps a change waiting for ever. */
	pthread_rwlockattr_setkind_np(&attr, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
	pthread_rwlock_init(&ct->ns, &attr);
	pthread_rwlockattr_destroy(&attr);
	pthread_mutex_init(&ct->copying, NULL);
	pthread_mutex_init(&ct->gate, NULL);
	pthread_cond_init(&ct->gate_moved, NULL);
	pthread_mutex_init(&ct->alias_lock, NULL);
	links_init(&ct->links);
}

int ct_rename(struct ct *ct, const char *name)
{
	char **names = realloc(ct->names, (ct->n_names + 1) * sizeof(*names));

	if (!names)
		return -ENOMEM;
	ct->names = names;
	names[ct->n_names] = strdup(name);
	if (!names[ct->n_names])
		return -ENOMEM;
	__atomic_store_n(&ct->name, names[ct->n_names++], __ATOMIC_RELEASE);
	return 0;
}

static int open_parts(struct ct *ct, struct err *err)
{
	struct statx sx;
	struct stat st;
	int r = container_open(ct->fs->store, ct->name, &ct->box, err);

	if (r < 0)
		return r;
	if (fstat(ct->box->fd, &st) < 0)
		return err_sys(err, errno, "container %s", ct->name);
	/* In root's form owners, set-id bits and devices are real: not where another user gets at them. */
	if (!ct->box->unprivileged && !ct->box->read_only && geteuid() == 0 && st.st_uid != 0)
		return err_set(err, EPERM, "container %s: in root's form, but uid %u's", ct->name,
			       (unsigned)st.st_uid);
	ct->dev = st.st_dev;
	ct->ino = st.st_ino;
	if (statx(ct->box->fd, "", AT_EMPTY_PATH, STATX_BTIME, &sx) == 0 &&
	    (sx.stx_mask & STATX_BTIME))
		ct->born = (struct timespec){ .tv_sec = sx.stx_btime.tv_sec,
					      .tv_nsec = sx.stx_btime.tv_nsec };
	ct->upper.unprivileged = ct->box->unprivileged;
	ct->upper.fd =
		openat(ct->box->fd, "upper", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	ct->upper.work_fd =
		openat(ct->box->fd, "work", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (ct->upper.fd < 0 || ct->upper.work_fd < 0)
		return err_sys(err, errno, "container %s: upper", ct->name);
	ct->ordered = settle_is_ordered(ct->upper.fd);
	return 0;
}

int ct_open(const struct fs *fs, struct nodes *nodes, const char *name, uint32_t id,
	    struct ct **out, struct err *err)
{
	struct ct *ct = calloc(1, sizeof(*ct));
	int r;

	if (!ct)
		return err_nomem(err);
	ct->fs = fs;
	ct->nodes = nodes;
	ct->id = id;
	ct->refs = 1;
	ct->lock_fd = ct->upper.fd = ct->upper.work_fd = -1;
	init_locks(ct);
	r = ct_rename(ct, name) < 0 ? err_nomem(err) : open_parts(ct, err);
	if (r < 0) {
		ct_unref(ct);
		return r;
	}
	*out = ct;
	return 0;
}

void ct_ref(struct ct *ct)
{
	__atomic_fetch_add(&ct->refs, 1, __ATOMIC_RELAXED);
}

static void close_fds(struct ct *ct)
{
	int *fds[] = { &ct->upper.fd, &ct->upper.work_fd, &ct->lock_fd };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(fds); i++) {
		if (*fds[i] >= 0)
			close(*fds[i]);
		*fds[i] = -1;
	}
	container_free(TAKE_PTR(ct->box));
}

void ct_unref(struct ct *ct)
{
	if (!ct || __atomic_sub_fetch(&ct->refs, 1, __ATOMIC_ACQ_REL))
		return;
	close_fds(ct);
	if (ct->base)
		trees_put(ct->fs->trees, ct->base);
	links_fini(&ct->links);
	map_fini(&ct->taken, NULL);
	map_fini(&ct->alias, free);
	pthread_rwlock_destroy(&ct->ns);
	pthread_mutex_destroy(&ct->copying);
	pthread_mutex_destroy(&ct->gate);
	pthread_cond_destroy(&ct->gate_moved);
	pthread_mutex_destroy(&ct->alias_lock);
	while (ct->n_names)
		free(ct->names[--ct->n_names]);
	free(ct->names);
	free(ct);
}

/* Nothing in work/ is anybody's once the lock is ours. */
static void sweep_work(struct ct *ct)
{
	_cleanup_closedir_ DIR *d = NULL;
	int fd = openat(ct->upper.work_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct dirent *e;
	int r;

	d = fd < 0 ? NULL : fdopendir(fd);
	while (d && (e = readdir(d))) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		r = copyup_finish(ct, e->d_name);
		if (r == 0)
			r = op_rename_finish(ct, e->d_name);
		if (r == 0)
			r = placeholder_finish(ct, e->d_name);
		if (r == 0)
			r = file_remove_tree(ct->upper.work_fd, e->d_name);
		if (r < 0)
			log_warn("container %s: leftover in work/: %s", ct->name, strerror(-r));
	}
}

/* The gate is locked. The base tree is opened at the first use: listing containers costs none. */
static int open_base(struct ct *ct)
{
	_cleanup_image_ struct image *image = NULL;
	struct err err = ERR_INIT;
	int r;

	if (ct->base)
		return 0;
	r = image_open(ct->fs->store, NULL, &ct->box->manifest, &image, &err);
	if (r == 0)
		r = trees_get(ct->fs->trees, image, &ct->base, &err);
	if (r < 0) {
		log_warn("container %s: its image: %s", ct->name, err.msg);
		return -EIO;
	}
	ct->tree = ct->base->tree;
	return 0;
}

/* The gate is locked. */
static int take_lock(struct ct *ct)
{
	int fd;

	if (ct->lock_fd >= 0)
		return 0;
	fd = container_lock(ct->box, true, false);
	if (fd == -EWOULDBLOCK)
		return -EBUSY;
	if (fd == -EACCES || fd == -EROFS || fd == -ENOENT)
		return fd;
	if (fd < 0)
		return -EIO;
	ct->lock_fd = fd;
	return 0;
}

int ct_enter(struct ct *ct, bool change)
{
	int r = 0;

	/* Of a lock file (fs/lockfile.h), which is none. */
	if (!ct)
		return -EPERM;
	if (change && ct->fs->opt.ro)
		return -EROFS;
	pthread_mutex_lock(&ct->gate);
	if (change && ct->frozen && !ct->closed) {
		session_wait_begin();
		while (ct->frozen && !ct->closed)
			pthread_cond_wait(&ct->gate_moved, &ct->gate);
		session_wait_end();
	}
	if (ct->closed)
		r = -ESTALE;
	else
		r = take_lock(ct);
	if (r == 0)
		r = open_base(ct);
	if (r == 0 && !ct->swept && !ct->box->read_only) {
		sweep_work(ct);
		ct->swept = true;
	}
	if (r == 0) {
		ct->inside++;
		ct->changing += change;
	}
	pthread_mutex_unlock(&ct->gate);
	return r;
}

void ct_leave(struct ct *ct, bool change)
{
	pthread_mutex_lock(&ct->gate);
	ct->inside--;
	ct->changing -= change;
	if ((ct->frozen && !ct->changing) || (ct->closed && !ct->inside))
		pthread_cond_broadcast(&ct->gate_moved);
	pthread_mutex_unlock(&ct->gate);
}

void ct_freeze(struct ct *ct)
{
	pthread_mutex_lock(&ct->gate);
	ct->frozen++;
	while (ct->changing)
		pthread_cond_wait(&ct->gate_moved, &ct->gate);
	pthread_mutex_unlock(&ct->gate);
}

void ct_thaw(struct ct *ct)
{
	pthread_mutex_lock(&ct->gate);
	if (ct->frozen && --ct->frozen == 0)
		pthread_cond_broadcast(&ct->gate_moved);
	pthread_mutex_unlock(&ct->gate);
}

bool ct_is_frozen(struct ct *ct)
{
	bool frozen;

	pthread_mutex_lock(&ct->gate);
	frozen = ct->frozen > 0;
	pthread_mutex_unlock(&ct->gate);
	return frozen;
}

bool ct_is_locked(struct ct *ct)
{
	bool locked;

	pthread_mutex_lock(&ct->gate);
	locked = ct->lock_fd >= 0;
	pthread_mutex_unlock(&ct->gate);
	return locked;
}

void ct_give_up(struct ct *ct)
{
	pthread_mutex_lock(&ct->gate);
	if (ct->frozen) {
		ct->closed = true;
		pthread_cond_broadcast(&ct->gate_moved);
	}
	pthread_mutex_unlock(&ct->gate);
}

void ct_close(struct ct *ct)
{
	pthread_mutex_lock(&ct->gate);
	ct->closed = true;
	pthread_cond_broadcast(&ct->gate_moved);
	while (ct->inside)
		pthread_cond_wait(&ct->gate_moved, &ct->gate);
	pthread_mutex_unlock(&ct->gate);
	nodes_close_ct(ct->nodes, ct);
	close_fds(ct);
}

bool ct_gone(const struct ct *ct)
{
	_cleanup_free_ char *path = path_join("containers", ct->name);
	struct stat now, then;
	int r;

	if (!path || fstat(ct->box->fd, &then) < 0)
		return false;
	r = beneath_stat(ct->fs->store->imagefs_fd, path, &now);
	if (r < 0)
		return r == -ENOENT;
	return now.st_ino != then.st_ino || now.st_dev != then.st_dev;
}

/* --- inode numbers --- */

struct ct_alias {
	uint64_t ino;
};

uint64_t ct_ino_lower(const struct ct *ct, uint32_t tree_node)
{
	struct stat st;

	/* The root's is known before the tree is open. */
	if (tree_node == TREE_ROOT)
		return (uint64_t)ct->id << NODE_CT_SHIFT | 1;
	tree_stat(ct->tree, tree_node, &st);
	return (uint64_t)ct->id << NODE_CT_SHIFT | st.st_ino;
}

/* alias_lock is held. */
static void alias_drop(struct ct *ct, uint64_t upper_ino)
{
	struct ct_alias *a = map_deln(&ct->alias, (const char *)&upper_ino, sizeof(upper_ino));

	if (a)
		map_deln(&ct->taken, (const char *)&a->ino, sizeof(a->ino));
	free(a);
}

/* alias_lock is held. */
static int alias_put(struct ct *ct, uint64_t upper_ino, uint64_t ino)
{
	struct ct_alias *a = malloc(sizeof(*a));

	if (!a)
		return -ENOMEM;
	a->ino = ino;
	alias_drop(ct, upper_ino);
	if (map_putn(&ct->alias, (const char *)&upper_ino, sizeof(upper_ino), a) < 0) {
		free(a);
		return -ENOMEM;
	}
	/* A number that the disk may give to another file while this one has it. */
	if ((ino & NODE_UPPER) && map_putn(&ct->taken, (const char *)&ino, sizeof(ino), a) < 0) {
		alias_drop(ct, upper_ino);
		return -ENOMEM;
	}
	return 0;
}

uint64_t ct_ino_upper(struct ct *ct, uint64_t upper_ino)
{
	uint64_t base = (uint64_t)ct->id << NODE_CT_SHIFT | NODE_UPPER, ino = base | upper_ino;
	struct ct_alias *a;

	pthread_mutex_lock(&ct->alias_lock);
	a = map_getn(&ct->alias, (const char *)&upper_ino, sizeof(upper_ino));
	if (a) {
		ino = a->ino;
	} else if (upper_ino >= NODE_UPPER / 2 ||
		   map_getn(&ct->taken, (const char *)&ino, sizeof(ino))) {
		ino = base | NODE_UPPER / 2 | (ct->next_big++ & (NODE_UPPER / 2 - 1));
		alias_put(ct, upper_ino, ino);
	}
	pthread_mutex_unlock(&ct->alias_lock);
	return ino;
}

int ct_alias_put(struct ct *ct, uint64_t upper_ino, uint64_t ino)
{
	int r;

	pthread_mutex_lock(&ct->alias_lock);
	r = alias_put(ct, upper_ino, ino);
	pthread_mutex_unlock(&ct->alias_lock);
	return r;
}

void ct_alias_drop(struct ct *ct, uint64_t upper_ino)
{
	pthread_mutex_lock(&ct->alias_lock);
	alias_drop(ct, upper_ino);
	pthread_mutex_unlock(&ct->alias_lock);
}

void ct_owner(uid_t *uid, gid_t *gid)
{
	if (geteuid() == 0 || *uid != geteuid())
		return;
	*uid = 0;
	*gid = 0;
}
