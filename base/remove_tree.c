/* Directories are emptied one at a time, from one descriptor: no path is resolved twice. */
#include "base/remove_tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/beneath.h"
#include "base/cleanup.h"

/* The current directory and its parents, the top first. */
struct removal {
	int dirfd; /* the caller's */
	int fd;
	struct dir_id {
		dev_t dev;
		ino_t ino;
	} * parents;
	size_t n, cap;
};

/* Open a subdirectory. The top name comes from the caller and may be on another mount. */
static int step(const struct removal *t, const char *name, int flags)
{
	int fd;

	if (t->n)
		return beneath_step(t->fd, name, flags);
	fd = openat(t->fd, name, flags | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* Removing entries needs write and search permission. chmod(2) of a name would follow a link. */
static int step_shut(const struct removal *t, const char *name)
{
	_cleanup_close_ int fd = step(t, name, O_PATH);
	char path[32];

	if (fd < 0)
		return fd;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (chmod(path, 0700) < 0)
		return -errno;
	return beneath_step(fd, ".", O_RDONLY);
}

static int descend(struct removal *t, const char *name)
{
	_cleanup_close_ int fd = step(t, name, O_RDONLY);
	struct stat st;

	if (fd == -EACCES)
		fd = step_shut(t, name);
	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return -errno;
	if ((st.st_mode & 0700) != 0700)
		fchmod(fd, 0700);
	if (t->n == t->cap) {
		size_t cap = t->cap ? t->cap * 2 : 32;
		struct dir_id *parents = realloc(t->parents, cap * sizeof(*parents));

		if (!parents)
			return -ENOMEM;
		t->parents = parents;
		t->cap = cap;
	}
	t->parents[t->n++] = (struct dir_id){ st.st_dev, st.st_ino };
	if (t->fd != t->dirfd)
		close(t->fd);
	t->fd = TAKE_FD(fd);
	return 0;
}

/*
 * Go up. The current directory may have been moved: check that ".." is the directory it was
 * entered from.
 */
static int ascend(struct removal *t)
{
	_cleanup_close_ int up = openat(t->fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	const struct dir_id *p = &t->parents[t->n - 2];
	struct stat st;

	if (up < 0 || fstat(up, &st) < 0)
		return -errno;
	if (st.st_dev != p->dev || st.st_ino != p->ino)
		return -ESTALE;
	t->n--;
	close(t->fd);
	t->fd = TAKE_FD(up);
	return 0;
}

/*
 * One pass over the current directory: remove files and empty directories, and enter the first
 * directory that is not empty. Returns 1 if one was entered.
 */
static int remove_pass(struct removal *t)
{
	_cleanup_closedir_ DIR *d = NULL;
	int copy = openat(t->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), r;
	struct dirent *e;

	if (copy < 0)
		return -errno;
	d = fdopendir(copy);
	if (!d) {
		close(copy);
		return -ENOMEM;
	}
	while ((e = readdir(d))) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		if (e->d_type != DT_DIR && unlinkat(t->fd, e->d_name, 0) == 0)
			continue;
		if (unlinkat(t->fd, e->d_name, AT_REMOVEDIR) == 0 || errno == ENOENT)
			continue;
		if (errno == ENOTDIR && unlinkat(t->fd, e->d_name, 0) == 0)
			continue;
		if (errno != ENOTEMPTY && errno != EEXIST)
			return -errno;
		r = descend(t, e->d_name);
		return r < 0 ? r : 1;
	}
	return 0;
}

int remove_tree(int dirfd, const char *name)
{
	_cleanup_free_ struct dir_id *parents = NULL;
	struct removal t = { .dirfd = dirfd, .fd = dirfd };
	int r;

	if (unlinkat(dirfd, name, 0) == 0 || errno == ENOENT)
		return 0;
	if (unlinkat(dirfd, name, AT_REMOVEDIR) == 0)
		return 0;
	if (errno != ENOTEMPTY && errno != EEXIST)
		return -errno;
	r = descend(&t, name);
	while (r == 0 && (r = remove_pass(&t)) >= 0) {
		if (r == 0 && t.n == 1)
			break;
		/* The next pass removes the directory that was emptied. */
		r = r == 0 ? ascend(&t) : 0;
	}
	parents = t.parents;
	if (t.fd != dirfd)
		close(t.fd);
	if (r == 0 && unlinkat(dirfd, name, AT_REMOVEDIR) < 0)
		r = -errno;
	return r;
}

int remove_tree_beneath(int dirfd, const char *path)
{
	const char *name;
	_cleanup_close_ int dir = beneath_parent(dirfd, path, &name);

	return dir < 0 ? dir : remove_tree(dir, name);
}
