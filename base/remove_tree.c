/*
 * A walk from one descriptor: no path is resolved twice. A directory that is not empty is entered,
 * and removed after the walk left it.
 */
#include "base/remove_tree.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/beneath.h"
#include "base/cleanup.h"
#include "base/walk.h"

/* Open a subdirectory. The top name comes from the caller and may be on another mount. */
static int step(const struct walk *w, int dirfd, const char *name, int flags)
{
	int fd;

	if (w->depth)
		return beneath_step(dirfd, name, flags);
	fd = openat(dirfd, name, flags | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* Removing entries needs write and search permission. chmod(2) of a name would follow a link. */
static int step_shut(const struct walk *w, int dirfd, const char *name)
{
	_cleanup_close_ int fd = step(w, dirfd, name, O_PATH);
	char path[32];

	if (fd < 0)
		return fd;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (chmod(path, 0700) < 0)
		return -errno;
	return beneath_step(fd, ".", O_RDONLY);
}

static int descend(struct walk *w, int dirfd, const char *name)
{
	_cleanup_close_ int fd = step(w, dirfd, name, O_RDONLY);
	struct stat st;

	if (fd == -EACCES)
		fd = step_shut(w, dirfd, name);
	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return -errno;
	if ((st.st_mode & 0700) != 0700)
		fchmod(fd, 0700);
	return walk_enter(w, TAKE_FD(fd));
}

/* Remove a file or an empty directory, or enter a directory. Returns 1 if it was entered. */
static int remove_name(struct walk *w, int dirfd, const char *name)
{
	int e, r;

	if (unlinkat(dirfd, name, 0) == 0 || errno == ENOENT)
		return 0;
	e = errno;
	if (unlinkat(dirfd, name, AT_REMOVEDIR) == 0 || errno == ENOENT)
		return 0;
	if (errno == ENOTDIR)
		return -e;
	if (errno != ENOTEMPTY && errno != EEXIST)
		return -errno;
	r = descend(w, dirfd, name);
	return r < 0 ? r : 1;
}

int remove_tree(int dirfd, const char *name)
{
	struct walk w _cleanup_walk_ = WALK_INIT;
	const char *below;
	int r;

	w.again = true;
	while ((r = remove_name(&w, dirfd, name)) > 0) {
		while ((r = walk_next(&w, &below)) > 0) {
			r = remove_name(&w, w.fd, below);
			if (r < 0)
				return r;
		}
		if (r < 0)
			return r;
	}
	return r;
}

int remove_tree_beneath(int dirfd, const char *path)
{
	const char *name;
	_cleanup_close_ int dir = beneath_parent(dirfd, path, &name);

	return dir < 0 ? dir : remove_tree(dir, name);
}
