/* A directory can be swept between its creation and its lock, so it is checked after locking. */
#include "store/disk/tmp_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/beneath.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/lock.h"
#include "base/remove_tree.h"
#include "store/disk/store.h"

static const char *temporary_dir(void)
{
	const char *dir = getenv("TMPDIR");

	return dir && *dir == '/' ? dir : "/tmp";
}

static int open_tmp(struct store *s, bool aside)
{
	int fd;

	if (!aside)
		return beneath_dir(s->imagefs_fd, "tmp");
	fd = open(temporary_dir(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static int make(struct store *s, bool aside, struct tmp_dir *out)
{
	_cleanup_close_ int tmp = open_tmp(s, aside);
	struct stat st;
	uint64_t id;
	int r;

	if (tmp < 0)
		return tmp;
	for (;;) {
		_cleanup_close_ int fd = -1;

		if (getrandom(&id, sizeof(id), 0) != (ssize_t)sizeof(id))
			return -EIO;
		snprintf(out->name, sizeof(out->name), "%s%016llx", aside ? "imagefs-" : "",
			 (unsigned long long)id);
		if (mkdirat(tmp, out->name, 0700) < 0) {
			if (errno == EEXIST)
				continue;
			return -errno;
		}
		fd = openat(tmp, out->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		r = fd < 0 ? -errno : lock_take(fd, LOCK_MODE_EXCLUSIVE, "tmp dir", out->name);
		if (r == 0 && fstat(fd, &st) == 0 && st.st_nlink > 0) {
			/* The owner of tmp may have replaced the directory. */
			out->ours = st.st_uid == geteuid() && !(st.st_mode & 077);
			out->fd = TAKE_FD(fd);
			out->aside = aside;
			return 0;
		}
		if (r < 0 && r != -ENOENT) {
			unlinkat(tmp, out->name, AT_REMOVEDIR);
			return r;
		}
	}
}

int tmp_dir_make(struct store *s, struct tmp_dir *out)
{
	return s->fixed ? -EROFS : make(s, false, out);
}

/* True if another user can rename a part of the path to imagefs/tmp, or in it. */
static bool is_shared(struct store *s)
{
	static const char *const way[] = { ".", "imagefs", "imagefs/tmp" };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(way); i++) {
		_cleanup_close_ int fd = beneath_open(s->fd, way[i], O_PATH | O_DIRECTORY, 0);
		struct stat st;

		if (fd < 0 || fstat(fd, &st) < 0 || st.st_uid != geteuid() ||
		    (st.st_mode & (S_IWGRP | S_IWOTH)))
			return true;
	}
	return false;
}

int tmp_dir_make_private(struct store *s, struct tmp_dir *out)
{
	return !s->aside && is_shared(s) ? tmp_dir_make_aside(s, out) : tmp_dir_make(s, out);
}

int tmp_dir_make_aside(struct store *s, struct tmp_dir *out)
{
	return make(s, true, out);
}

int tmp_dir_path(const struct store *s, const struct tmp_dir *sc, struct buf *out)
{
	if (sc->aside)
		return buf_printf(out, "%s/%s", temporary_dir(), sc->name);
	return s->aside ? buf_printf(out, "%s/tmp/%s", s->aside, sc->name)
			: buf_printf(out, "%s/imagefs/tmp/%s", s->path, sc->name);
}

void tmp_dir_remove(struct store *s, struct tmp_dir *sc)
{
	_cleanup_close_ int tmp = open_tmp(s, sc->aside);

	if (tmp >= 0)
		remove_tree(tmp, sc->name);
	close(sc->fd);
	sc->fd = -1;
}
