/* Creating and opening the store directory. */
#include "store/disk/store.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "base/beneath.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/file.h"
#include "store/disk/layout.h"

int store_default_path(char **out, struct err *err)
{
	const char *env = getenv("IMAGEFS_STORE"), *data = getenv("XDG_DATA_HOME");
	int r;

	if (env && *env)
		*out = strdup(env);
	else if (geteuid() == 0)
		*out = strdup("/var/lib/imagefs");
	else if (data && *data == '/')
		*out = path_join(data, "imagefs");
	else if ((r = path_home(".local/share/imagefs", out)) < 0)
		return r == -ENOMEM ? err_nomem(err)
				    : err_set(err, -r,
					      "no home directory is known for the default store; "
					      "set --store or $IMAGEFS_STORE");
	return *out ? 0 : err_nomem(err);
}

DEFINE_CLEANUP_PTR(struct store, store_close);

/* Compare the directories, not their paths, which may have been replaced. */
static bool is_trusted(int fd)
{
	const char *p = getenv(STORE_TRUST);
	struct stat ours, st;

	if (fstat(fd, &ours) < 0)
		return false;
	while (p && *p) {
		_cleanup_free_ char *one = strndup(p, strcspn(p, ":"));

		if (one &&
		    (strcmp(one, "*") == 0 ||
		     (stat(one, &st) == 0 && st.st_dev == ours.st_dev && st.st_ino == ours.st_ino)))
			return true;
		p += strcspn(p, ":");
		p += *p == ':';
	}
	return false;
}

/* Check the directories that every write needs. */
static int try_writing(int fd)
{
	static const char *const needed[] = { ".", "blobs/sha256", "imagefs", "imagefs/tmp" };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(needed); i++)
		if (faccessat(fd, needed[i], W_OK | X_OK, AT_EACCESS) < 0 && errno != ENOENT)
			return -errno;
	return 0;
}

static int check(struct store *s, struct err *err)
{
	struct buf why _cleanup_buf_ = BUF_INIT;
	bool foreign;
	uid_t owner;
	int r = layout_check(s->fd, s->path, &foreign, &owner, err), can;

	if (r < 0)
		return r;
	can = try_writing(s->fd);
	if (can < 0)
		r = buf_puts(&why, strerror(-can));
	/* The owner could redirect root's writes to any file of the system. */
	else if (foreign && geteuid() == 0 && !is_trusted(s->fd))
		r = buf_printf(&why,
			       "it belongs to another user (uid %u); " STORE_TRUST
			       "=%s lets root write to it",
			       (unsigned)owner, s->path);
	if (r < 0)
		return err_nomem(err);
	s->fixed = why.len > 0;
	s->read_only = s->fixed ? buf_take(&why) : NULL;
	if (s->fixed && !s->read_only)
		return err_nomem(err);
	if (!layout_exists(s->fd)) {
		r = store_writable(s, err);
		if (r == 0)
			r = layout_make(s->fd, s->path, err);
	}
	return r < 0 ? r : layout_version(s->fd, s->path, err);
}

int store_writable(const struct store *s, struct err *err)
{
	return s->read_only ? err_set(err, EROFS, "read-only store %s: %s", s->path, s->read_only)
			    : 0;
}

int store_containers_writable(const struct store *s, struct err *err)
{
	return s->fixed ? store_writable(s, err) : 0;
}

int store_set_aside(struct store *s, const char *dir, struct err *err)
{
	_cleanup_close_ int fd = open(dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	_cleanup_close_ int lock = -1;
	char *copy = strdup(dir);
	int r = fd < 0 ? -errno : layout_make_aside(fd);

	if (r == 0)
		r = lock = beneath_open(fd, "lock", O_RDWR | O_CREAT, 0600);
	if (r < 0 || !copy) {
		free(copy);
		return r < 0 ? err_sys(err, -r, "%s", dir) : err_nomem(err);
	}
	close(s->imagefs_fd);
	if (s->lock_fd >= 0)
		close(s->lock_fd);
	free(s->aside);
	s->imagefs_fd = TAKE_FD(fd);
	s->lock_fd = TAKE_FD(lock);
	s->aside = copy;
	s->fixed = false;
	return 0;
}

int store_give(const struct store *s, int fd)
{
	struct stat owner, st;

	if (geteuid() != 0)
		return 0;
	if (fstat(s->fd, &owner) < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (owner.st_uid == 0 || st.st_uid != 0 || !S_ISREG(st.st_mode) || st.st_nlink != 1)
		return 0;
	return fchown(fd, owner.st_uid, owner.st_gid) < 0 ? -errno : 0;
}

/*
 * FUSE file systems (squashfuse, fuseiso) may report that they are read-only only when written
 * to.
 */
static bool says_read_only(int fd)
{
	struct statfs fs;
	struct stat st;

	/* The lock file is empty: this changes nothing. */
	return fstatfs(fd, &fs) == 0 && fs.f_type == FUSE_SUPER_MAGIC && fstat(fd, &st) == 0 &&
	       S_ISREG(st.st_mode) && st.st_size == 0 && ftruncate(fd, 0) < 0 &&
	       (errno == ENOSYS || errno == EROFS);
}

/* If the lock file cannot be opened, the store is read-only and needs no lock. */
static int open_lock(struct store *s, struct err *err)
{
	_cleanup_close_ int fd = -1;

	if (!s->read_only) {
		fd = beneath_open(s->imagefs_fd, "lock", O_RDWR | O_CREAT, 0600);
		if (fd < 0 && fd != -EROFS && fd != -ENOSYS)
			return err_sys(err, -fd, "store %s: imagefs/lock", s->path);
		if (fd >= 0 && !says_read_only(fd)) {
			s->lock_fd = TAKE_FD(fd);
			return 0;
		}
		s->fixed = true;
		s->read_only = strdup(strerror(EROFS));
		if (!s->read_only)
			return err_nomem(err);
	}
	s->lock_fd = beneath_open(s->imagefs_fd, "lock", O_RDONLY, 0);
	return 0;
}

int store_open(const char *path, struct store **out, struct err *err)
{
	_cleanup_(cleanup_store_close) struct store *s = calloc(1, sizeof(*s));
	char resolved[PATH_MAX];
	int r;

	if (!s)
		return err_nomem(err);
	s->fd = s->imagefs_fd = s->lock_fd = -1;
	r = file_mkdirs(AT_FDCWD, path, 0700);
	if (r < 0)
		return err_sys(err, -r, "store %s", path);
	s->path = strdup(realpath(path, resolved) ? resolved : path);
	s->fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (!s->path || s->fd < 0)
		return err_sys(err, s->path ? errno : ENOMEM, "store %s", path);
	r = check(s, err);
	if (r < 0)
		return r;
	s->imagefs_fd = beneath_dir(s->fd, "imagefs");
	if (s->imagefs_fd < 0)
		return err_sys(err, -s->imagefs_fd, "store %s: imagefs", path);
	r = open_lock(s, err);
	if (r < 0)
		return r;
	*out = TAKE_PTR(s);
	return 0;
}

void store_close(struct store *s)
{
	if (!s)
		return;
	if (s->lock_fd >= 0)
		close(s->lock_fd);
	if (s->imagefs_fd >= 0)
		close(s->imagefs_fd);
	if (s->fd >= 0)
		close(s->fd);
	map_fini(&s->unresponsive, NULL);
	map_fini(&s->layer_sizes, free);
	free(s->path);
	free(s->read_only);
	free(s->aside);
	free(s);
}

void store_changed(struct store *s)
{
	s->changed = true;
}
