/*
 * The containers tree: its top directory, its hooks for the daemon, its table of
 * operations.
 */
#include "config.h"

#include "fs/containers/containers.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/beneath.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/file.h"
#include "base/log.h"
#include "fs/containers/freeze.h"
#include "fs/live/live.h"
#include "fs/containers/ops.h"
#include "fs/core/fs.h"
#include "fs/core/session.h"
#include "fs/core/trees.h"
#include "store/container/container.h"
#include "store/disk/store.h"
#include "store/image/tree.h"

/* Inode numbers have room for that many containers (fs/live/node.h). */
#define ID_MAX ((1u << 23) - 1)

/* FUSE_HANDLE_KILLPRIV_V2 of linux/fuse.h, which libfuse 3.14 does not know. */
#define HANDLE_KILLPRIV_V2 (1u << 28)

#define MAX_WRITE (1u << 20)

/* Milliseconds that a file which was just closed may still count as open. */
#define CLOSE_MOMENTS 1000

int containers_new(struct fs *fs, struct containers **out, struct err *err)
{
	struct containers *c = calloc(1, sizeof(*c));
	int r;

	if (!c)
		return err_nomem(err);
	c->fs = fs;
	c->root.ino = FUSE_ROOT_ID;
	c->root.type = S_IFDIR;
	c->root.lower = TREE_NONE;
	c->root.fd = -1;
	pthread_mutex_init(&c->lock, NULL);
	nodes_init(&c->nodes);
	dir_cache_init(&c->dir_cache);
	passthrough_init(&c->passthrough);
	clock_gettime(CLOCK_REALTIME, &c->changed);
	r = container_list(fs->store, &c->names, err);
	if (r < 0) {
		containers_free(c);
		return r;
	}
	*out = c;
	return 0;
}

static void unref(void *live)
{
	live_unref(live);
}

void containers_free(struct containers *c)
{
	if (!c)
		return;
	nodes_fini(&c->nodes);
	dir_cache_fini(&c->dir_cache);
	passthrough_fini(&c->passthrough);
	map_fini(&c->in_use, unref);
	map_fini(&c->lockfiles, free);
	container_list_free(c->names);
	pthread_mutex_destroy(&c->lock);
	free(c);
}

void containers_attach(struct containers *c, struct session *s)
{
	c->session = c->nodes.session = s;
}

void containers_ready(struct containers *c)
{
	/* Without that nobody could be held still (fs/containers/freeze.h). */
	if (session_device(c->session))
		passthrough_start(&c->passthrough, c->session, c->fs->store);
}

/* The container that was known under another name until it was renamed; lock is held. NULL: none. */
static struct live *follow(struct containers *c, const char *name)
{
	_cleanup_free_ char *path = path_join("containers", name);
	const struct map_slot *slot;
	struct live *live = NULL;
	const char *before;
	struct stat st;
	size_t i = 0;

	if (!path || beneath_stat(c->fs->store->imagefs_fd, path, &st) < 0)
		return NULL;
	while (!live && (slot = map_next(&c->in_use, &i))) {
		live = slot->value;
		if (live->dev != st.st_dev || live->ino != st.st_ino)
			live = NULL;
	}
	if (!live || map_put(&c->in_use, name, live) < 0)
		return NULL;
	before = live->name;
	if (live_rename(live, name) < 0) {
		map_del(&c->in_use, name);
		return NULL;
	}
	map_del(&c->in_use, before);
	return live;
}

int containers_find(struct containers *c, const char *name, struct live **out)
{
	struct err err = ERR_INIT;
	struct live *live;
	int r = container_name_check(name, NULL);

	if (r < 0)
		return -ENOENT;
	pthread_mutex_lock(&c->lock);
	live = map_get(&c->in_use, name);
	if (!live)
		live = follow(c, name);
	if (!live) {
		r = c->next_id < ID_MAX ? 0 : -ENFILE;
		if (r == 0)
			r = live_open(c->fs, &c->nodes, name, c->next_id + 1, &live, &err);
		if (r == 0 && map_put(&c->in_use, name, live) < 0) {
			live_unref(live);
			r = -ENOMEM;
		}
		if (r == 0)
			c->next_id++;
		else if (r != -ENOENT)
			log_warn("%s", err.msg[0] ? err.msg : strerror(-r));
	}
	if (r == 0) {
		live_ref(live);
		*out = live;
	}
	pthread_mutex_unlock(&c->lock);
	return r;
}

void containers_root_stat(struct containers *c, struct stat *st)
{
	memset(st, 0, sizeof(*st));
	st->st_ino = FUSE_ROOT_ID;
	st->st_mode = S_IFDIR | 0755;
	st->st_nlink = 2;
	st->st_uid = geteuid();
	st->st_gid = getegid();
	st->st_blksize = 4096;
	pthread_mutex_lock(&c->lock);
	st->st_atim = st->st_mtim = st->st_ctim = c->changed;
	pthread_mutex_unlock(&c->lock);
	fs_show_owner(c->fs, st);
}

/* --- what the daemon's main thread asks for --- */

/* The kernel forgets a name, whether it had a file or not; no lock is held (DESIGN: a worker may wait for it). */
static void tell_name(struct containers *c, const char *name)
{
	if (c->session)
		fuse_lowlevel_notify_inval_entry(session_fuse(c->session), FUSE_ROOT_ID, name,
						 strlen(name));
}

static void tell_list(struct containers *c)
{
	pthread_mutex_lock(&c->lock);
	clock_gettime(CLOCK_REALTIME, &c->changed);
	pthread_mutex_unlock(&c->lock);
	if (c->session)
		fuse_lowlevel_notify_inval_inode(session_fuse(c->session), FUSE_ROOT_ID, 0, 0);
}

/* Take a container out of the table: whoever looks it up from now on gets a new one. */
static struct live *take_out(struct containers *c, const char *name)
{
	struct live *live;

	pthread_mutex_lock(&c->lock);
	live = map_del(&c->in_use, name);
	pthread_mutex_unlock(&c->lock);
	return live;
}

static struct live *borrow(struct containers *c, const char *name)
{
	struct live *live;

	pthread_mutex_lock(&c->lock);
	live = map_get(&c->in_use, name);
	if (live)
		live_ref(live);
	pthread_mutex_unlock(&c->lock);
	return live;
}

static void let_go(struct containers *c, const char *name)
{
	struct live *live = take_out(c, name);

	tell_name(c, name);
	if (!live)
		return;
	live_close(live);
	freeze_drop(c, live);
	live_unref(live);
}

/* What has a new name goes on under it, whoever uses it. */
static void follow_renamed(struct containers *c, const char *name)
{
	pthread_mutex_lock(&c->lock);
	if (!map_get(&c->in_use, name))
		follow(c, name);
	pthread_mutex_unlock(&c->lock);
}

/* True: what had that name was not removed, but renamed after the list was read, or while it was. */
static bool is_renamed(struct containers *c, const char *name)
{
	_cleanup_free_ char *to = NULL;
	struct live *live = borrow(c, name), *other;
	bool there = live && container_name_now(c->fs->store, live->box, &to) == 0;

	if (there && strcmp(name, to) != 0) {
		other = borrow(c, to);
		/* Of one that was removed, and whose name this one has got. */
		if (other && other != live)
			let_go(c, to);
		live_unref(other);
		follow_renamed(c, to);
		tell_name(c, name);
	}
	live_unref(live);
	return there;
}

/* One name that was listed before, is listed now, or both. */
static void refresh_name(struct containers *c, const char *name, bool before, bool now)
{
	struct live *live = borrow(c, name);
	bool gone = !now || (live && live_gone(live));

	/* Removed, perhaps made again between two refreshes. */
	if (gone) {
		if (!is_renamed(c, name))
			let_go(c, name);
	} else if (!before || !live) {
		/* Somebody may have missed it when it was not there; who has found it keeps it. */
		tell_name(c, name);
	}
	live_unref(live);
}

/* Where the next names of two sorted lists stand to each other. */
static int compare(const char *before, const char *now)
{
	return !before ? 1 : !now ? -1 : strcmp(before, now);
}

void containers_refresh(struct containers *c)
{
	struct err err = ERR_INIT;
	char **now, **before = c->names;
	size_t i = 0, k = 0;

	if (container_list(c->fs->store, &now, &err) < 0) {
		log_warn("%s", err.msg);
		return;
	}
	while (now[k]) {
		int d = compare(before[i], now[k]);

		if (d > 0)
			follow_renamed(c, now[k]);
		i += d <= 0;
		k += d >= 0;
	}
	for (i = k = 0; before[i] || now[k];) {
		int d = compare(before[i], now[k]);

		refresh_name(c, d <= 0 ? before[i] : now[k], d <= 0, d >= 0);
		i += d <= 0;
		k += d >= 0;
	}
	c->names = now;
	container_list_free(before);
	tell_list(c);
	trees_sweep(c->fs->trees);
}

int containers_freeze(struct containers *c, const char *name, struct live **out, struct err *err)
{
	struct live *live;
	int r = containers_find(c, name, &live);

	if (r == -ENOENT)
		return err_set(err, ENOENT, "No such container: %s", name);
	if (r < 0)
		return err_sys(err, -r, "container %s", name);
	r = freeze_begin(c, live, err);
	if (r < 0) {
		live_unref(live);
		return r;
	}
	live_freeze(live);
	*out = live;
	return 0;
}

void containers_thaw(struct containers *c, struct live *live)
{
	live_thaw(live);
	freeze_end(c, live);
	live_unref(live);
}

void containers_give_up(struct containers *c)
{
	const struct map_slot *s;
	struct live **all;
	size_t i = 0, n = 0;

	pthread_mutex_lock(&c->lock);
	all = calloc(c->in_use.n + 1, sizeof(struct live *));
	while ((s = map_next(&c->in_use, &i))) {
		live_give_up(s->value);
		if (!all)
			continue;
		live_ref(s->value);
		all[n++] = s->value;
	}
	pthread_mutex_unlock(&c->lock);
	/* Without the lock, which a thread may wait for that this waits for; look-ups change the table meanwhile. */
	for (i = 0; i < n; i++) {
		freeze_drop(c, all[i]);
		live_unref(all[i]);
	}
	free(all);
}

/*
 * How many of its files are open. The kernel tells of a close(2) after it has
 * returned, so a file that is open only now gets a moment to be closed.
 */
static unsigned count_open(const struct live *live)
{
	const struct timespec backoff = { .tv_nsec = 1000000 };
	unsigned n, tries = CLOSE_MOMENTS;

	while ((n = __atomic_load_n(&live->open_files, __ATOMIC_RELAXED)) && tries--)
		nanosleep(&backoff, NULL);
	return n;
}

static int is_read(struct err *err, const char *name)
{
	return err_set(err, EBUSY, "container %s is in use: it is being committed or compared",
		       name);
}

int containers_follow(struct containers *c, const char *name, struct err *err)
{
	struct live *live = borrow(c, name);
	bool ours = live && live_is_locked(live), frozen = live && live_is_frozen(live);

	live_unref(live);
	return frozen ? is_read(err, name) : ours;
}

int containers_close(struct containers *c, const char *name, struct err *err)
{
	struct live *live = borrow(c, name);
	unsigned n = live ? count_open(live) : 0;
	bool frozen = live && live_is_frozen(live);

	live_unref(live);
	if (frozen)
		return is_read(err, name);
	if (n)
		return err_set(err, EBUSY, "container %s is in use: %u of its files %s open", name,
			       n, n == 1 ? "is" : "are");
	let_go(c, name);
	return 0;
}

/* --- the session --- */

static void init(void *userdata, struct fuse_conn_info *conn)
{
	const struct containers *c = userdata;

	conn->want &= ~(FUSE_CAP_SPLICE_READ | FUSE_CAP_SPLICE_WRITE | FUSE_CAP_SPLICE_MOVE |
			FUSE_CAP_READDIRPLUS_AUTO | FUSE_CAP_AUTO_INVAL_DATA |
			FUSE_CAP_WRITEBACK_CACHE | FUSE_CAP_POSIX_LOCKS | FUSE_CAP_FLOCK_LOCKS |
			FUSE_CAP_HANDLE_KILLPRIV | FUSE_CAP_POSIX_ACL);
	/* O_TRUNC comes with open: what is cut off is not copied up before. */
	conn->want |= conn->capable &
		      (FUSE_CAP_ATOMIC_O_TRUNC | FUSE_CAP_READDIRPLUS | FUSE_CAP_ASYNC_READ |
		       FUSE_CAP_CACHE_SYMLINKS | FUSE_CAP_EXPLICIT_INVAL_DATA |
		       FUSE_CAP_PARALLEL_DIROPS | FUSE_CAP_ASYNC_DIO | FUSE_CAP_DONT_MASK);
	/* The kernel checks them where it checks modes; to want it is to want that. */
	if (fs_checks_modes(c->fs))
		conn->want |= conn->capable & FUSE_CAP_POSIX_ACL;
#ifdef HAVE_STRUCT_FUSE_FILE_INFO_BACKING_ID
	fuse_set_feature_flag(conn, FUSE_CAP_PASSTHROUGH);
#endif
	conn->max_write = MAX_WRITE;
	conn->max_readahead = MAX_WRITE;
}

static const struct fuse_lowlevel_ops ops = {
	.init = init,
	.lookup = op_lookup,
	.forget = op_forget,
	.forget_multi = op_forget_multi,
	.getattr = op_getattr,
	.setattr = op_setattr,
	.access = op_access,
	.readlink = op_readlink,
	.mknod = op_mknod,
	.mkdir = op_mkdir,
	.unlink = op_unlink,
	.rmdir = op_rmdir,
	.symlink = op_symlink,
	.rename = op_rename,
	.link = op_link,
	.open = op_open,
	.read = op_read,
	.write = op_write,
	.release = op_release,
	.fsync = op_fsync,
	.opendir = op_opendir,
	.readdir = op_readdir,
	.readdirplus = op_readdirplus,
	.fsyncdir = op_fsyncdir,
	.statfs = op_statfs,
	.setxattr = op_setxattr,
	.getxattr = op_getxattr,
	.listxattr = op_listxattr,
	.removexattr = op_removexattr,
	.create = op_create,
	.fallocate = op_fallocate,
	.lseek = op_lseek,
	.copy_file_range = op_copy_file_range,
};

const struct session_ops containers_session = {
	.name = "containers",
	.ops = &ops,
	.threads = 8,
	.statx = op_statx,
	/* Else the kernel asks for security.capability before each write(2). */
	.flags = HANDLE_KILLPRIV_V2,
	.flags2 = SESSION_PASSTHROUGH,
	.max_stack_depth = 1,
};
