/*
 * openat2(2) checks each part of a path. System calls without such flags get the parent directory
 * from it and the last name.
 */
#include "base/beneath.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"

/* Missing in the headers of older systems. The number is the same on every architecture. */
#define SYS_FCHMODAT2 452

/* openat2(2) returns EAGAIN if a path component is renamed during the lookup. */
#define RACE_TRIES 1000

static int open_below(int dirfd, const char *path, int flags, mode_t mode, uint64_t resolve)
{
	struct open_how how = {
		.flags = (uint64_t)(flags | O_CLOEXEC),
		.mode = flags & O_CREAT ? mode : 0,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | resolve,
	};
	int tries = 0;
	long fd;

	if (!(flags & O_PATH))
		how.flags |= O_NONBLOCK;
	do
		fd = syscall(SYS_openat2, dirfd, path, &how, sizeof(how));
	while (fd < 0 && (errno == EINTR || (errno == EAGAIN && ++tries < RACE_TRIES)));
	return fd < 0 ? -errno : (int)fd;
}

int beneath_open(int dirfd, const char *path, int flags, mode_t mode)
{
	return open_below(dirfd, path, flags, mode, 0);
}

int beneath_step(int dirfd, const char *name, int flags)
{
	return open_below(dirfd, name, flags | O_DIRECTORY, 0, RESOLVE_NO_XDEV);
}

int beneath_dir(int dirfd, const char *path)
{
	return beneath_open(dirfd, path, O_RDONLY | O_DIRECTORY, 0);
}

int beneath_parent(int dirfd, const char *path, const char **name)
{
	const char *slash = strrchr(path, '/');
	char dir[512];

	*name = slash ? slash + 1 : path;
	if (strcmp(*name, "") == 0 || strcmp(*name, ".") == 0 || strcmp(*name, "..") == 0)
		return -EINVAL;
	if (!slash)
		return beneath_open(dirfd, ".", O_PATH | O_DIRECTORY, 0);
	if ((size_t)(slash - path) >= sizeof(dir))
		return -ENAMETOOLONG;
	snprintf(dir, sizeof(dir), "%.*s", (int)(slash - path), path);
	return beneath_open(dirfd, dir, O_PATH | O_DIRECTORY, 0);
}

int beneath_stat(int dirfd, const char *path, struct stat *st)
{
	const char *name;
	_cleanup_close_ int dir = beneath_parent(dirfd, path, &name);

	if (dir < 0)
		return dir;
	return fstatat(dir, name, st, AT_SYMLINK_NOFOLLOW) < 0 ? -errno : 0;
}

bool beneath_exists(int dirfd, const char *path)
{
	struct stat st;

	return beneath_stat(dirfd, path, &st) == 0;
}

int beneath_mkdir(int dirfd, const char *path, mode_t mode)
{
	const char *name;
	_cleanup_close_ int dir = beneath_parent(dirfd, path, &name);

	if (dir < 0)
		return dir;
	return mkdirat(dir, name, mode) < 0 ? -errno : 0;
}

/* fchmodat2(2), since Linux 6.6, is the first chmod that accepts AT_SYMLINK_NOFOLLOW. */
static int chmod_new(int dirfd, const char *name, mode_t mode)
{
	return syscall(SYS_FCHMODAT2, dirfd, name, mode, AT_SYMLINK_NOFOLLOW) < 0 ? -errno : 0;
}

int beneath_chmod(int dirfd, const char *path, mode_t mode)
{
	_cleanup_close_ int fd = -1;
	char proc[32];
	int r = strchr(path, '/') ? -ENOSYS : chmod_new(dirfd, path, mode);

	if (r != -ENOSYS && r != -EPERM)
		return r;
	fd = beneath_open(dirfd, path, O_PATH, 0);
	if (fd < 0)
		return fd;
	snprintf(proc, sizeof(proc), "/proc/self/fd/%d", fd);
	return chmod(proc, mode) < 0 ? -errno : 0;
}

int beneath_unlink(int dirfd, const char *path)
{
	const char *name;
	_cleanup_close_ int dir = beneath_parent(dirfd, path, &name);

	if (dir < 0)
		return dir;
	return unlinkat(dir, name, 0) < 0 ? -errno : 0;
}

int beneath_link(int from, const char *path, int to, const char *new_path)
{
	const char *name, *new_name;
	_cleanup_close_ int dir = beneath_parent(from, path, &name);
	_cleanup_close_ int new_dir = beneath_parent(to, new_path, &new_name);

	if (dir < 0 || new_dir < 0)
		return dir < 0 ? dir : new_dir;
	return linkat(dir, name, new_dir, new_name, 0) < 0 ? -errno : 0;
}

int beneath_rename(int from, const char *path, int to, const char *new_path, unsigned flags)
{
	const char *name, *new_name;
	_cleanup_close_ int dir = beneath_parent(from, path, &name);
	_cleanup_close_ int new_dir = beneath_parent(to, new_path, &new_name);

	if (dir < 0 || new_dir < 0)
		return dir < 0 ? dir : new_dir;
	return renameat2(dir, name, new_dir, new_name, flags) < 0 ? -errno : 0;
}

int beneath_mkdirs(int dirfd, const char *path, mode_t mode)
{
	_cleanup_free_ char *copy = strdup(path);
	char *slash = copy;
	int r;

	if (!copy)
		return -ENOMEM;
	do {
		slash = strchr(slash + 1, '/');
		if (slash)
			*slash = '\0';
		r = beneath_mkdir(dirfd, copy, mode);
		if (slash)
			*slash = '/';
	} while (slash && (r == 0 || r == -EEXIST));
	return r == -EEXIST ? 0 : r;
}

int beneath_sync_dir(int dirfd, const char *path)
{
	_cleanup_close_ int fd = beneath_dir(dirfd, path);

	if (fd < 0)
		return fd;
	return fsync(fd) < 0 ? -errno : 0;
}
