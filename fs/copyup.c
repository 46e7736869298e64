/*
 * Copy-up: made whole in work/, then put in its place by rename.
 */
#include "fs/copyup.h"

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
#include "base/settle.h"
#include "fs/ct.h"
#include "fs/fs.h"
#include "fs/merge.h"
#include "fs/node.h"
#include "fs/session.h"
#include "fs/xattr_reply.h"
#include "store/layer.h"
#include "store/tree.h"
#include "store/upper.h"

#define BLOCK (1u << 20)

static int set_times(int fd, const struct stat *st)
{
	struct timespec times[2] = { st->st_atim, st->st_mtim };

	return utimensat(fd, "", times, AT_EMPTY_PATH) < 0 ? -errno : 0;
}

/* Contents up to size; what is a hole below stays one. */
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

			/* Unmounted meanwhile: the end does not wait for a large copy. */
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

/*
 * What the store's file system has no place for is left out, as overlayfs
 * does: an unknown name space, and without privilege anything on a symlink.
 */
static int forgive(int r, mode_t mode)
{
	if (r == -ENOTSUP || (r == -EPERM && !S_ISREG(mode) && !S_ISDIR(mode)))
		return 0;
	return r;
}

static int copy_xattrs(const struct ct *ct, uint32_t lower, int fd, mode_t mode)
{
	struct layer *l;
	const struct layer_entry *e = merge_entry(ct, lower, &l);
	uint64_t pos = 0;
	const char *name;
	const void *value;
	size_t len;
	int r = 0;

	while (r == 0 && e && layer_xattr(l, e, &pos, &name, &value, &len) > 0) {
		struct buf shown _cleanup_buf_ = BUF_INIT;

		if (!xattr_is_shown(name, value, len, S_ISDIR(mode)))
			continue;
		r = xattr_shown(name, value, len, mode, &shown);
		if (r == 0)
			r = upper_xattr_set(&ct->upper, fd, name, buf_str(&shown), len, 0);
		r = forgive(r, mode);
	}
	return r;
}

int copyup_settle_link(struct ct *ct, const char *temp, const struct stat *st)
{
	_cleanup_close_ int fd = -1;

	if (!S_ISLNK(st->st_mode) || !upper_placeholder(&ct->upper, st))
		return 0;
	fd = openat(ct->upper.work_fd, temp, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	return fd < 0 ? -errno : settle(fd, ct->ordered);
}

/* A whole copy of a base tree's node, without a place yet: temp in work/. */
static int make_copy(struct ct *ct, uint32_t lower, uint64_t size, const char *temp, bool settled)
{
	_cleanup_close_ int fd = -1;
	_cleanup_free_ char *target = NULL;
	struct layer *l = NULL;
	const struct layer_entry *e = merge_entry(ct, lower, &l);
	struct stat st;
	int r;

	tree_stat(ct->tree, lower, &st);
	if (S_ISLNK(st.st_mode)) {
		target = strdup(layer_target(l, e));
		if (!target)
			return -ENOMEM;
	}
	r = upper_make(&ct->upper, ct->upper.work_fd, temp, &st, target);
	if (r == 0)
		r = copyup_settle_link(ct, temp, &st);
	if (r < 0)
		return r;
	if (S_ISREG(st.st_mode) && MIN(size, (uint64_t)st.st_size)) {
		/* Its owner may not have the right to, root has: before the owner's mode, nobody asks. */
		fd = openat(ct->upper.work_fd, temp,
			    O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
		if (fd < 0)
			return -errno;
		r = copy_data(l, e, fd, MIN(size, (uint64_t)st.st_size));
		/* The name must never lead to less than the contents, whatever the power does. */
		if (r == 0 && settled)
			r = settle(fd, ct->ordered);
		if (r < 0)
			return r;
		close(TAKE_FD(fd));
	}
	fd = openat(ct->upper.work_fd, temp, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	/* Writing took the set-id bits and the file capabilities: once more, then the rest. */
	r = S_ISREG(st.st_mode) ? upper_set_owner(&ct->upper, fd, &st) : 0;
	if (r == 0)
		r = copy_xattrs(ct, lower, fd, st.st_mode);
	return r < 0 ? r : set_times(fd, &st);
}

static void remove_temp(struct ct *ct, const char *temp)
{
	if (unlinkat(ct->upper.work_fd, temp, 0) < 0 && errno == EISDIR)
		unlinkat(ct->upper.work_fd, temp, AT_REMOVEDIR);
}

/* --- directories --- */

static int open_path_dir(int fd, const char *name)
{
	int child = openat(fd, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	return child < 0 ? -errno : child;
}

/*
 * Its directory keeps its times of access and modification when a copy gets its name there, but its time of change
 * is new: a kernel that went on showing the old one would show a change later, when there is none.
 */
static int keep_times(struct ct *ct, uint32_t dir, int fd, const struct stat *st)
{
	int r = set_times(fd, st);

	node_changed(ct->nodes, ct_ino_lower(ct, dir));
	return r;
}

/* Make the directory lower in the upper directory fd. */
static int make_dir(struct ct *ct, uint32_t lower, int fd)
{
	struct stat parent;
	char temp[32];
	int r;

	if (fstatat(fd, "", &parent, AT_EMPTY_PATH) < 0)
		return -errno;
	upper_temp(temp);
	r = make_copy(ct, lower, 0, temp, true);
	if (r == 0 && renameat(ct->upper.work_fd, temp, fd, tree_name(ct->tree, lower)) < 0)
		r = -errno;
	if (r < 0) {
		remove_temp(ct, temp);
		return r;
	}
	node_changed(ct->nodes, ct_ino_lower(ct, lower));
	return keep_times(ct, tree_parent(ct->tree, lower), fd, &parent);
}

/*
 * The upper side of a directory of the base tree, made with those above it
 * where it is missing. The container shows it, so nothing on the way hides it.
 * returns an O_PATH descriptor or -errno
 */
static int upper_of(struct ct *ct, uint32_t lower)
{
	_cleanup_close_ int fd = fcntl(ct->upper.fd, F_DUPFD_CLOEXEC, 0);
	_cleanup_free_ uint32_t *chain = NULL;
	size_t n;

	if (fd < 0)
		return -errno;
	if (tree_chain(ct->tree, lower, &chain, &n) < 0)
		return -ENOMEM;
	while (n--) {
		const char *name = tree_name(ct->tree, chain[n]);
		int child = open_path_dir(fd, name), r = child;

		if (child == -ENOENT) {
			r = make_dir(ct, chain[n], fd);
			if (r == 0)
				r = child = open_path_dir(fd, name);
			if (r >= 0)
				r = node_set_upper(ct->nodes, ct_ino_lower(ct, chain[n]), child);
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

int copyup_dir(struct node *dir)
{
	int fd;

	if (dir->upper)
		return 0;
	if (dir->dead)
		return -ENOENT;
	fd = upper_of(dir->ct, dir->lower);
	if (fd < 0)
		return fd;
	close(fd);
	return dir->upper ? 0 : -EIO;
}

/* A directory that was removed while it is in use has attributes still; nobody else will find it. */
static int copyup_dead_dir(struct node *dir)
{
	struct ct *ct = dir->ct;
	struct stat st;
	char temp[32];
	int fd, r;

	upper_temp(temp);
	r = make_copy(ct, dir->lower, 0, temp, true);
	fd = r < 0 ? r : open_path_dir(ct->upper.work_fd, temp);
	remove_temp(ct, temp);
	if (fd < 0)
		return fd;
	if (fstatat(fd, "", &st, AT_EMPTY_PATH) < 0) {
		r = -errno;
		close(fd);
		return r;
	}
	node_pin(ct->nodes, dir, fd);
	dir->upper_ino = st.st_ino;
	dir->upper = true;
	return 0;
}

int copyup_find(struct ct *ct, uint32_t lower)
{
	_cleanup_close_ int fd = fcntl(ct->upper.fd, F_DUPFD_CLOEXEC, 0);
	_cleanup_free_ uint32_t *chain = NULL;
	size_t n;

	if (fd < 0)
		return -errno;
	if (tree_chain(ct->tree, lower, &chain, &n) < 0)
		return -ENOMEM;
	while (n--) {
		int child = open_path_dir(fd, tree_name(ct->tree, chain[n]));

		if (child < 0)
			return child;
		close(fd);
		fd = child;
	}
	return TAKE_FD(fd);
}

/* --- files --- */

/* Give the copy one name of the base tree; the last one by rename. */
static int place(struct ct *ct, const char *temp, uint32_t lower, bool last)
{
	_cleanup_close_ int fd = upper_of(ct, tree_parent(ct->tree, lower));
	const char *name = tree_name(ct->tree, lower);
	struct stat parent;

	if (fd < 0)
		return fd;
	if (fstatat(fd, "", &parent, AT_EMPTY_PATH) < 0)
		return -errno;
	if (last ? renameat(ct->upper.work_fd, temp, fd, name) < 0
		 : linkat(ct->upper.work_fd, temp, fd, name, 0) < 0)
		return -errno;
	return keep_times(ct, tree_parent(ct->tree, lower), fd, &parent);
}

/*
 * All names of a group that the container still shows from below; the copy's
 * name in work/ goes with the last. How many there were, or -errno.
 */
static int place_group(struct ct *ct, const struct link *group, int n, const char *temp)
{
	uint32_t pending = TREE_NONE;
	int i, r, placed = 0;

	for (i = 0; i < n; i++) {
		r = links_visible(ct, group[i].node);
		if (r == 0)
			continue;
		if (r > 0 && pending != TREE_NONE)
			r = place(ct, temp, pending, false);
		if (r < 0)
			return r;
		pending = group[i].node;
		placed++;
	}
	if (!placed)
		return 0;
	r = place(ct, temp, pending, true);
	return r < 0 ? r : placed;
}

/* 1 where the upper directory has the file ino under this name of the base tree, 0 or -errno. */
static int is_placed(struct ct *ct, uint32_t node, ino_t ino, int *dirfd)
{
	struct stat st;

	*dirfd = copyup_find(ct, tree_parent(ct->tree, node));
	if (*dirfd < 0)
		return *dirfd == -ENOENT || *dirfd == -ENOTDIR ? 0 : *dirfd;
	if (fstatat(*dirfd, tree_name(ct->tree, node), &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : -errno;
	return st.st_ino == ino;
}

/* Take the names back that a copy got before something failed: nobody has seen them. */
static void unplace(struct ct *ct, const struct link *group, int n, ino_t ino)
{
	int i;

	for (i = 0; i < n; i++) {
		_cleanup_close_ int fd = -1;

		if (is_placed(ct, group[i].node, ino, &fd) > 0)
			unlinkat(fd, tree_name(ct->tree, group[i].node), 0);
	}
}

/* What a copy is called in work/ while it gets the names of its group: says which group. */
#define MANY_PREFIX '+'

/*
 * Under all its names. Whoever opens the container after a daemon that ended
 * half way goes on with it (copyup_finish()): the copy has a name in work/ until the last one is placed.
 */
static int place_all(struct ct *ct, uint32_t lower, const char *temp)
{
	const struct link *group;
	char many[64];
	struct stat st;
	int r, n = links_group(ct, lower, &group);

	if (n < 0)
		return n;
	if (!group)
		return place(ct, temp, lower, true);
	if (fstatat(ct->upper.work_fd, temp, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	snprintf(many, sizeof(many), "%c%u%s", MANY_PREFIX, lower, temp);
	if (renameat(ct->upper.work_fd, temp, ct->upper.work_fd, many) < 0)
		return -errno;
	r = place_group(ct, group, n, many);
	if (r > 0)
		return 0;
	unplace(ct, group, n, st.st_ino);
	renameat(ct->upper.work_fd, many, ct->upper.work_fd, temp);
	return r < 0 ? r : -ENOENT;
}

/* Some name of the group is this copy: then it is theirs, and nothing else that has the same number. */
static bool is_of_group(struct ct *ct, const struct link *group, int n, ino_t ino)
{
	int i;

	for (i = 0; i < n; i++) {
		_cleanup_close_ int fd = -1;

		if (is_placed(ct, group[i].node, ino, &fd) > 0)
			return true;
	}
	return false;
}

int copyup_finish(struct ct *ct, const char *name)
{
	const struct link *group;
	unsigned long node;
	struct stat st;
	char *end;
	int n;

	if (*name != MANY_PREFIX)
		return 0;
	node = strtoul(name + 1, &end, 10);
	if (end == name + 1 || *end != '#' || node >= tree_size(ct->tree) ||
	    fstatat(ct->upper.work_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || st.st_nlink < 2)
		return 0;
	n = links_group(ct, (uint32_t)node, &group);
	if (n < 0 || !group || !is_of_group(ct, group, n, st.st_ino))
		return n < 0 ? n : 0;
	n = place_group(ct, group, n, name);
	return n < 0 ? n : 0;
}

static int install(struct node *n, const char *temp)
{
	struct ct *ct = n->ct;
	_cleanup_close_ int fd = -1;
	struct stat st;
	int r;

	if (fstatat(ct->upper.work_fd, temp, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	/* It may have names that nobody has looked up, and none besides. */
	if (n->dead || !n->names) {
		fd = openat(ct->upper.work_fd, temp, O_PATH | O_NOFOLLOW | O_CLOEXEC);
		if (fd < 0)
			return -errno;
	}
	if (n->dead) {
		unlinkat(ct->upper.work_fd, temp, 0);
	} else {
		r = ct_alias_put(ct, st.st_ino, n->ino);
		if (r == 0)
			r = place_all(ct, n->lower, temp);
		if (r < 0) {
			ct_alias_drop(ct, st.st_ino);
			return r;
		}
	}
	if (fd >= 0)
		node_pin(ct->nodes, n, TAKE_FD(fd));
	n->upper_ino = st.st_ino;
	n->upper = true;
	return 0;
}

/* --- copies that wait --- */

/* Smaller files are not worth one; all together may take so much, and so much of what is free. */
#define PREPARE_MIN (1u << 20)
#define PREPARE_MAX (4ull << 30)
#define PREPARE_PART 8

static uint64_t prepared_bytes;

static bool has_room(struct ct *ct, uint64_t size)
{
	struct statvfs sv;
	uint64_t all = __atomic_load_n(&prepared_bytes, __ATOMIC_RELAXED) + size;

	return fstatvfs(ct->upper.work_fd, &sv) == 0 && all <= PREPARE_MAX &&
	       size <= (uint64_t)sv.f_bavail * sv.f_frsize / PREPARE_PART;
}

/* copying is held. */
static int prepare(struct node *n, uint64_t size)
{
	struct ct *ct = n->ct;
	char temp[32], *name;
	int r;

	if (n->prepared)
		return 0;
	if (!has_room(ct, size))
		return -ENODATA;
	upper_temp(temp);
	name = strdup(temp);
	r = name ? make_copy(ct, n->lower, UINT64_MAX, temp, false) : -ENOMEM;
	if (r < 0) {
		unlinkat(ct->upper.work_fd, temp, 0);
		free(name);
		return r;
	}
	n->prepared = name;
	__atomic_fetch_add(&prepared_bytes, size, __ATOMIC_RELAXED);
	return 0;
}

int copyup_prepare(struct node *n)
{
	struct ct *ct = n->ct;
	struct stat st;
	int r = -ENODATA;

	if (n->upper || n->dead || !S_ISREG(n->type) || ct->fs->opt.ro)
		return -ENODATA;
	tree_stat(ct->tree, n->lower, &st);
	/* The kernel had to ask for all of it twice: its pages do not stay. */
	if (st.st_size < PREPARE_MIN ||
	    __atomic_load_n(&n->bytes_read, __ATOMIC_RELAXED) / 2 < (uint64_t)st.st_size)
		return -ENODATA;
	session_wait_begin();
	pthread_mutex_lock(&ct->copying);
	if (!n->upper)
		r = prepare(n, (uint64_t)st.st_size);
	if (r == 0) {
		r = openat(ct->upper.work_fd, n->prepared,
			   O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
		r = r < 0 ? -errno : r;
	}
	pthread_mutex_unlock(&ct->copying);
	session_wait_end();
	return r;
}

static void forget_prepared(struct node *n)
{
	struct stat st;

	tree_stat(n->ct->tree, n->lower, &st);
	__atomic_fetch_sub(&prepared_bytes, (uint64_t)st.st_size, __ATOMIC_RELAXED);
	free(TAKE_PTR(n->prepared));
}

void copyup_unprepare(struct node *n)
{
	if (!n->prepared)
		return;
	unlinkat(n->ct->upper.work_fd, n->prepared, 0);
	forget_prepared(n);
}

/* It is needed now: as if it had just been made. */
static int finish_prepared(struct node *n, char temp[static 32])
{
	_cleanup_close_ int fd = openat(n->ct->upper.work_fd, n->prepared,
					O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct stat st;
	int r = fd < 0 ? -errno : settle(fd, n->ct->ordered);

	if (r < 0)
		return r;
	snprintf(temp, 32, "%s", n->prepared);
	tree_stat(n->ct->tree, n->lower, &st);
	return set_times(fd, &st);
}

int copyup_file(struct node *n, uint64_t size)
{
	struct ct *ct = n->ct;
	char temp[32];
	int r = 0;

	if (n->upper)
		return 0;
	/* Contents are copied while look-ups and other files go on. */
	session_wait_begin();
	pthread_mutex_lock(&ct->copying);
	if (!n->upper) {
		upper_temp(temp);
		r = n->prepared ? finish_prepared(n, temp)
				: make_copy(ct, n->lower, size, temp, true);
		if (r == 0) {
			pthread_rwlock_wrlock(&ct->ns);
			r = install(n, temp);
			pthread_rwlock_unlock(&ct->ns);
		}
		/* A copy that waits goes on waiting: there may be readers of it. */
		if (r < 0 && !n->prepared)
			unlinkat(ct->upper.work_fd, temp, 0);
		else if (r == 0 && n->prepared)
			forget_prepared(n);
	}
	pthread_mutex_unlock(&ct->copying);
	session_wait_end();
	return r;
}

int copyup(struct node *n, uint64_t size)
{
	int r;

	if (!S_ISDIR(n->type))
		return copyup_file(n, size);
	if (n->upper)
		return 0;
	pthread_rwlock_wrlock(&n->ct->ns);
	if (n->dead && !n->upper)
		r = copyup_dead_dir(n);
	else
		r = copyup_dir(n);
	pthread_rwlock_unlock(&n->ct->ns);
	return r;
}
