/*
 * Copies are completed in work/, then moved to their names.
 */
#include "fs/live/copyup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "base/log.h"
#include "fs/core/fs.h"
#include "fs/core/session.h"
#include "fs/live/live.h"
#include "fs/live/merge.h"
#include "fs/live/node.h"
#include "store/container/upper.h"
#include "store/disk/sync.h"
#include "store/image/tree.h"
#include "store/layer/layer.h"

#define BLOCK (1u << 20)

static int set_times(int fd, const struct stat *st)
{
	struct timespec times[2] = { st->st_atim, st->st_mtim };

	return utimensat(fd, "", times, AT_EMPTY_PATH) < 0 ? -errno : 0;
}

/* Copy contents up to size; holes stay holes. */
static int copy_data(struct layer *l, const struct layer_entry *e, int fd, uint64_t size)
{
	_cleanup_free_ char *block = malloc(BLOCK);
	uint64_t off = 0;
	int r;

	if (!block)
		return -ENOMEM;
	while (off < size) {
		int64_t data = layer_seek(l, e, off, SEEK_DATA), hole;

		if (data == -ENXIO || (data >= 0 && (uint64_t)data >= size))
			break;
		if (data < 0)
			return (int)data;
		hole = layer_seek(l, e, (uint64_t)data, SEEK_HOLE);
		if (hole < 0)
			return (int)hole;
		for (off = (uint64_t)data; off < MIN((uint64_t)hole, size);) {
			ssize_t n = layer_pread(l, e, block,
						MIN(MIN((uint64_t)hole, size) - off, BLOCK), off);

			/*
			 * The tree was unmounted: the end of the daemon does not wait for a large
			 * copy.
			 */
			if (session_is_gone())
				return -ENOTCONN;
			if (n <= 0)
				return n < 0 ? (int)n : -EIO;
			if (lseek(fd, (off_t)off, SEEK_SET) < 0)
				return -errno;
			r = file_write_all(fd, block, (size_t)n);
			if (r < 0)
				return r;
			off += (uint64_t)n;
		}
	}
	return ftruncate(fd, (off_t)size) < 0 ? -errno : 0;
}

static int copy_xattrs(const struct live *live, uint32_t lower, int fd, mode_t mode)
{
	struct layer *l;
	const struct layer_entry *e = merge_entry(live, lower, &l);
	uint64_t pos = 0;
	const char *name;
	const void *value;
	size_t len;
	int r = 0;

	while (r == 0 && e && layer_xattr(l, e, &pos, &name, &value, &len) > 0)
		r = upper_xattr_copy(&live->upper, fd, name, value, len, mode);
	return r;
}

int copyup_sync_link(struct live *live, const char *temp, const struct stat *st)
{
	_cleanup_close_ int fd = -1;

	if (!S_ISLNK(st->st_mode) || !upper_placeholder(&live->upper, st))
		return 0;
	fd = openat(live->upper.work_fd, temp, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	return fd < 0 ? -errno : sync_before_rename(fd, live->ordered);
}

static int open_made(const struct live *live, const char *temp)
{
	int fd = openat(live->upper.work_fd, temp, O_PATH | O_NOFOLLOW | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

/*
 * Make a complete copy of a node of the base tree as temp in work/. synced: its contents are
 * synced.
 */
static int make_copy(struct live *live, uint32_t lower, uint64_t size, const char *temp,
		     bool synced)
{
	_cleanup_close_ int fd = -1;
	_cleanup_free_ char *target = NULL;
	struct layer *l = NULL;
	const struct layer_entry *e = merge_entry(live, lower, &l);
	struct stat st, made;
	int r;

	tree_stat(live->tree, lower, &st);
	if (S_ISLNK(st.st_mode)) {
		target = strdup(layer_target(l, e));
		if (!target)
			return -ENOMEM;
	}
	/* Write through the descriptor that makes the file: never to another file of that name. */
	if (S_ISREG(st.st_mode)) {
		r = fd = upper_create(&live->upper, live->upper.work_fd, temp, &st, &made);
	} else {
		r = upper_make(&live->upper, live->upper.work_fd, temp, &st, target);
		if (r == 0)
			r = copyup_sync_link(live, temp, &st);
		if (r == 0)
			r = fd = open_made(live, temp);
	}
	if (r < 0)
		return r;
	if (S_ISREG(st.st_mode) && MIN(size, (uint64_t)st.st_size)) {
		r = copy_data(l, e, fd, MIN(size, (uint64_t)st.st_size));
		/* After a power failure the name must not lead to incomplete contents. */
		if (r == 0 && synced)
			r = sync_before_rename(fd, live->ordered);
		if (r < 0)
			return r;
	}
	/* Writing dropped set-id bits and file capabilities: set them again, then the rest. */
	r = S_ISREG(st.st_mode) ? upper_set_owner(&live->upper, fd, &st) : 0;
	if (r == 0)
		r = copy_xattrs(live, lower, fd, st.st_mode);
	return r < 0 ? r : set_times(fd, &st);
}

static void remove_temp(struct live *live, const char *temp)
{
	if (unlinkat(live->upper.work_fd, temp, 0) < 0 && errno == EISDIR)
		unlinkat(live->upper.work_fd, temp, AT_REMOVEDIR);
}

/* For --debug: what is copied up, and why. */
static void report(const struct live *live, uint32_t lower, const char *why)
{
	struct buf path _cleanup_buf_ = BUF_INIT;
	_cleanup_free_ uint32_t *chain = NULL;
	size_t n = 0;
	int r;

	if (!log_debugging)
		return;
	r = tree_chain(live->tree, lower, &chain, &n);
	while (r == 0 && n--)
		r = buf_printf(&path, "/%s", tree_name(live->tree, chain[n]));
	log_debug("container %s: copy-up of %s: %s", live->name, path.len ? buf_str(&path) : "/",
		  why);
}

/* --- directories --- */

static int open_path_dir(int fd, const char *name)
{
	int child = openat(fd, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	return child < 0 ? -errno : child;
}

/*
 * The directory keeps its atime and mtime when a copy gets a name in it. Its ctime changes. The
 * kernel must not cache the old one, or it would show a change later, where there is none.
 */
static int keep_times(struct live *live, uint32_t dir, int fd, const struct stat *st)
{
	int r = set_times(fd, st);

	node_changed(live->nodes, live_ino_lower(live, dir));
	return r;
}

/* Make the directory lower in the upper directory fd. */
static int make_dir(struct live *live, uint32_t lower, int fd, const char *why)
{
	struct stat parent;
	char temp[32];
	int r;

	report(live, lower, why);
	if (fstatat(fd, "", &parent, AT_EMPTY_PATH) < 0)
		return -errno;
	upper_temp(temp);
	r = make_copy(live, lower, 0, temp, true);
	if (r == 0 && renameat(live->upper.work_fd, temp, fd, tree_name(live->tree, lower)) < 0)
		r = -errno;
	if (r < 0) {
		remove_temp(live, temp);
		return r;
	}
	node_changed(live->nodes, live_ino_lower(live, lower));
	return keep_times(live, tree_parent(live->tree, lower), fd, &parent);
}

/*
 * The upper directory of a directory of the base tree; missing ones on the way are made. The
 * container shows the directory, so nothing on the way hides it.
 * returns an O_PATH descriptor or -errno
 */
static int upper_of(struct live *live, uint32_t lower, const char *why)
{
	_cleanup_close_ int fd = fcntl(live->upper.fd, F_DUPFD_CLOEXEC, 0);
	_cleanup_free_ uint32_t *chain = NULL;
	size_t n;

	if (fd < 0)
		return -errno;
	if (tree_chain(live->tree, lower, &chain, &n) < 0)
		return -ENOMEM;
	while (n--) {
		const char *name = tree_name(live->tree, chain[n]);
		int child = open_path_dir(fd, name), r = child;

		if (child == -ENOENT) {
			r = make_dir(live, chain[n], fd, why);
			if (r == 0)
				r = child = open_path_dir(fd, name);
			if (r >= 0)
				r = node_set_upper(live->nodes, live_ino_lower(live, chain[n]),
						   child);
		}
		if (r < 0) {
			if (child >= 0)
				close(child);
			return r;
		}
		close(fd);
		fd = child;
	}
	return TAKE_FD(fd);
}

int copyup_dir(struct node *dir, const char *why)
{
	int fd;

	if (dir->upper)
		return 0;
	if (dir->dead)
		return -ENOENT;
	fd = upper_of(dir->live, dir->lower, why);
	if (fd < 0)
		return fd;
	close(fd);
	return dir->upper ? 0 : -EIO;
}

/* A removed directory that is still in use has attributes. Its copy needs no name. */
static int copyup_dead_dir(struct node *dir)
{
	struct live *live = dir->live;
	struct stat st;
	char temp[32];
	int fd, r;

	upper_temp(temp);
	r = make_copy(live, dir->lower, 0, temp, true);
	fd = r < 0 ? r : open_path_dir(live->upper.work_fd, temp);
	remove_temp(live, temp);
	if (fd < 0)
		return fd;
	if (fstatat(fd, "", &st, AT_EMPTY_PATH) < 0) {
		r = -errno;
		close(fd);
		return r;
	}
	node_pin(live->nodes, dir, fd);
	dir->upper_ino = st.st_ino;
	dir->upper = true;
	return 0;
}

int copyup_find(struct live *live, uint32_t lower)
{
	_cleanup_close_ int fd = fcntl(live->upper.fd, F_DUPFD_CLOEXEC, 0);
	_cleanup_free_ uint32_t *chain = NULL;
	size_t n;

	if (fd < 0)
		return -errno;
	if (tree_chain(live->tree, lower, &chain, &n) < 0)
		return -ENOMEM;
	while (n--) {
		int child = open_path_dir(fd, tree_name(live->tree, chain[n]));

		if (child < 0)
			return child;
		close(fd);
		fd = child;
	}
	return TAKE_FD(fd);
}

/* --- files --- */

/* Give the copy one name of the base tree; the last one by rename. */
static int place(struct live *live, const char *temp, uint32_t lower, bool last)
{
	_cleanup_close_ int fd =
		upper_of(live, tree_parent(live->tree, lower), "a file in it is copied up");
	const char *name = tree_name(live->tree, lower);
	struct stat parent;

	if (fd < 0)
		return fd;
	if (fstatat(fd, "", &parent, AT_EMPTY_PATH) < 0)
		return -errno;
	if (last ? renameat(live->upper.work_fd, temp, fd, name) < 0
		 : linkat(live->upper.work_fd, temp, fd, name, 0) < 0)
		return -errno;
	return keep_times(live, tree_parent(live->tree, lower), fd, &parent);
}

/*
 * Give a copy all names of a group that the container still shows from below. The last one takes
 * the name in work/ away. Returns how many there were, or -errno.
 */
static int place_group(struct live *live, const struct link *group, int n, const char *temp)
{
	uint32_t pending = TREE_NONE;
	int i, r, placed = 0;

	for (i = 0; i < n; i++) {
		r = links_visible(&live->upper, live->tree, group[i].node);
		if (r == 0)
			continue;
		if (r > 0 && pending != TREE_NONE)
			r = place(live, temp, pending, false);
		if (r < 0)
			return r;
		pending = group[i].node;
		placed++;
	}
	if (!placed)
		return 0;
	r = place(live, temp, pending, true);
	return r < 0 ? r : placed;
}

/* 1 where the upper directory has the file ino under this name of the base tree, 0 or -errno. */
static int is_placed(struct live *live, uint32_t node, ino_t ino, int *dirfd)
{
	struct stat st;

	*dirfd = copyup_find(live, tree_parent(live->tree, node));
	if (*dirfd < 0)
		return *dirfd == -ENOENT || *dirfd == -ENOTDIR ? 0 : *dirfd;
	if (fstatat(*dirfd, tree_name(live->tree, node), &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : -errno;
	return st.st_ino == ino;
}

/* After a failure: remove the names that the copy has got. Nothing has seen them, as ns is held. */
static void unplace(struct live *live, const struct link *group, int n, ino_t ino)
{
	int i;

	for (i = 0; i < n; i++) {
		_cleanup_close_ int fd = -1;

		if (is_placed(live, group[i].node, ino, &fd) > 0)
			unlinkat(fd, tree_name(live->tree, group[i].node), 0);
	}
}

/* The prefix of a copy in work/ while it gets several names; the number of its node follows. */
#define MANY_PREFIX '+'

/*
 * Give a copy all its names. It has a name in work/ until the last one, so that after a crash
 * copyup_finish() can continue.
 */
static int place_all(struct live *live, uint32_t lower, const char *temp)
{
	const struct link *group;
	char many[64];
	struct stat st;
	int r, n = links_group(&live->links, live->tree, lower, &group);

	if (n < 0)
		return n;
	if (!group)
		return place(live, temp, lower, true);
	if (fstatat(live->upper.work_fd, temp, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	snprintf(many, sizeof(many), "%c%u%s", MANY_PREFIX, lower, temp);
	if (renameat(live->upper.work_fd, temp, live->upper.work_fd, many) < 0)
		return -errno;
	r = place_group(live, group, n, many);
	if (r > 0)
		return 0;
	unplace(live, group, n, st.st_ino);
	renameat(live->upper.work_fd, many, live->upper.work_fd, temp);
	return r < 0 ? r : -ENOENT;
}

/* True if the group has a name of this copy. Else another file has got the inode number. */
static bool is_of_group(struct live *live, const struct link *group, int n, ino_t ino)
{
	int i;

	for (i = 0; i < n; i++) {
		_cleanup_close_ int fd = -1;

		if (is_placed(live, group[i].node, ino, &fd) > 0)
			return true;
	}
	return false;
}

int copyup_finish(struct live *live, const char *name)
{
	const struct link *group;
	unsigned long node;
	struct stat st;
	char *end;
	int n;

	if (*name != MANY_PREFIX)
		return 0;
	node = strtoul(name + 1, &end, 10);
	if (end == name + 1 || *end != '#' || node >= tree_size(live->tree) ||
	    fstatat(live->upper.work_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || st.st_nlink < 2)
		return 0;
	n = links_group(&live->links, live->tree, (uint32_t)node, &group);
	if (n < 0 || !group || !is_of_group(live, group, n, st.st_ino))
		return n < 0 ? n : 0;
	n = place_group(live, group, n, name);
	return n < 0 ? n : 0;
}

static int install(struct node *n, const char *temp)
{
	struct live *live = n->live;
	_cleanup_close_ int fd = -1;
	struct stat st;
	int r;

	if (fstatat(live->upper.work_fd, temp, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	/* All its names may be ones that were never looked up. */
	if (n->dead || !n->names) {
		fd = openat(live->upper.work_fd, temp, O_PATH | O_NOFOLLOW | O_CLOEXEC);
		if (fd < 0)
			return -errno;
	}
	if (n->dead) {
		unlinkat(live->upper.work_fd, temp, 0);
	} else {
		r = ino_map_put(&live->inos, st.st_ino, n->ino);
		if (r == 0)
			r = place_all(live, n->lower, temp);
		if (r < 0) {
			ino_map_drop(&live->inos, st.st_ino);
			return r;
		}
	}
	if (fd >= 0)
		node_pin(live->nodes, n, TAKE_FD(fd));
	n->upper_ino = st.st_ino;
	n->upper = true;
	return 0;
}

/* --- copies in advance --- */

/*
 * The size from which a file gets one; how much all may take together; which part of the free space
 * one may take.
 */
#define PREPARE_MIN (1u << 20)
#define PREPARE_MAX (4ull << 30)
#define PREPARE_PART 8

static uint64_t prepared_bytes;

static bool has_room(struct live *live, uint64_t size)
{
	struct statvfs sv;
	uint64_t all = __atomic_load_n(&prepared_bytes, __ATOMIC_RELAXED) + size;

	return fstatvfs(live->upper.work_fd, &sv) == 0 && all <= PREPARE_MAX &&
	       size <= (uint64_t)sv.f_bavail * sv.f_frsize / PREPARE_PART;
}

/* copying is held. */
static int prepare(struct node *n, uint64_t size)
{
	struct live *live = n->live;
	char temp[32], *name;
	int r;

	if (n->prepared)
		return 0;
	if (!has_room(live, size))
		return -ENODATA;
	report(live, n->lower, "it is read a lot: a copy in advance, for passthrough");
	upper_temp(temp);
	name = strdup(temp);
	r = name ? make_copy(live, n->lower, UINT64_MAX, temp, false) : -ENOMEM;
	if (r < 0) {
		unlinkat(live->upper.work_fd, temp, 0);
		free(name);
		return r;
	}
	n->prepared = name;
	__atomic_fetch_add(&prepared_bytes, size, __ATOMIC_RELAXED);
	return 0;
}

int copyup_prepare(struct node *n)
{
	struct live *live = n->live;
	struct stat st;
	int r = -ENODATA;

	if (n->upper || n->dead || !S_ISREG(n->type) || live->fs->opt.ro)
		return -ENODATA;
	tree_stat(live->tree, n->lower, &st);
	/* As much was read as the file has twice: its pages do not stay in the cache. */
	if (st.st_size < PREPARE_MIN ||
	    __atomic_load_n(&n->bytes_read, __ATOMIC_RELAXED) / 2 < (uint64_t)st.st_size)
		return -ENODATA;
	session_wait_begin();
	pthread_mutex_lock(&live->copying);
	if (!n->upper)
		r = prepare(n, (uint64_t)st.st_size);
	if (r == 0) {
		r = openat(live->upper.work_fd, n->prepared,
			   O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
		r = r < 0 ? -errno : r;
	}
	pthread_mutex_unlock(&live->copying);
	session_wait_end();
	return r;
}

static void forget_prepared(struct node *n)
{
	struct stat st;

	tree_stat(n->live->tree, n->lower, &st);
	__atomic_fetch_sub(&prepared_bytes, (uint64_t)st.st_size, __ATOMIC_RELAXED);
	free(TAKE_PTR(n->prepared));
}

void copyup_unprepare(struct node *n)
{
	if (!n->prepared)
		return;
	unlinkat(n->live->upper.work_fd, n->prepared, 0);
	forget_prepared(n);
}

/* Make a copy in advance ready for its names. */
static int finish_prepared(struct node *n, char temp[static 32])
{
	_cleanup_close_ int fd = openat(n->live->upper.work_fd, n->prepared,
					O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct stat st;
	int r = fd < 0 ? -errno : sync_before_rename(fd, n->live->ordered);

	if (r < 0)
		return r;
	snprintf(temp, 32, "%s", n->prepared);
	tree_stat(n->live->tree, n->lower, &st);
	return set_times(fd, &st);
}

int copyup_file(struct node *n, uint64_t size, const char *why)
{
	struct live *live = n->live;
	char temp[32];
	int r = 0;

	if (n->upper)
		return 0;
	/* Look-ups and operations on other files continue during the copy. */
	session_wait_begin();
	pthread_mutex_lock(&live->copying);
	if (!n->upper) {
		report(live, n->lower, why);
		upper_temp(temp);
		r = n->prepared ? finish_prepared(n, temp)
				: make_copy(live, n->lower, size, temp, true);
		if (r == 0) {
			pthread_rwlock_wrlock(&live->ns);
			r = install(n, temp);
			pthread_rwlock_unlock(&live->ns);
		}
		/* A copy in advance stays after a failure: it may have readers. */
		if (r < 0 && !n->prepared)
			unlinkat(live->upper.work_fd, temp, 0);
		else if (r == 0 && n->prepared)
			forget_prepared(n);
	}
	pthread_mutex_unlock(&live->copying);
	session_wait_end();
	return r;
}

int copyup(struct node *n, uint64_t size, const char *why)
{
	int r;

	if (!S_ISDIR(n->type))
		return copyup_file(n, size, why);
	if (n->upper)
		return 0;
	pthread_rwlock_wrlock(&n->live->ns);
	if (n->dead && !n->upper)
		r = copyup_dead_dir(n);
	else
		r = copyup_dir(n, why);
	pthread_rwlock_unlock(&n->live->ns);
	return r;
}
