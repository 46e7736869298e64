/* Each directory in imagefs/tmp that can be locked is abandoned. */
#include "store/disk/tmp_sweep.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/beneath.h"
#include "base/cleanup.h"
#include "base/lock.h"
#include "base/log.h"
#include "base/remove_tree.h"
#include "base/walk.h"

/* A file with a second link is a blob that the transaction kept: it stays in the store. */
static void add_file(const struct stat *st, uint64_t *bytes)
{
	if (S_ISREG(st->st_mode) && st->st_nlink == 1)
		*bytes += (uint64_t)st->st_size;
}

/* Add the files below fd, which is closed. */
static void add_tree(int fd, uint64_t *bytes)
{
	struct walk w _cleanup_walk_ = WALK_INIT;
	const char *name;
	struct stat st;
	int r = walk_enter(&w, fd);

	while (r >= 0 && (r = walk_next(&w, &name)) > 0) {
		if (fstatat(w.fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		add_file(&st, bytes);
		if (!S_ISDIR(st.st_mode))
			continue;
		fd = openat(w.fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (fd >= 0)
			r = walk_enter(&w, fd);
	}
}

unsigned tmp_sweep(int imagefs_fd, bool sweep, uint64_t *bytes)
{
	_cleanup_close_ int tmp = beneath_dir(imagefs_fd, "tmp");
	_cleanup_closedir_ DIR *d = NULL;
	struct dirent *e;
	struct stat st;
	unsigned n = 0;
	int copy = tmp < 0 ? -1 : openat(tmp, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	*bytes = 0;
	d = copy < 0 ? NULL : fdopendir(copy);
	while (d && (e = readdir(d))) {
		_cleanup_close_ int fd = -1;

		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		fd = openat(tmp, e->d_name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
		if (fd < 0 || lock_try(fd, LOCK_MODE_EXCLUSIVE, "tmp dir", e->d_name) < 0 ||
		    fstat(fd, &st) < 0)
			continue;
		n++;
		if (S_ISDIR(st.st_mode))
			add_tree(openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), bytes);
		else
			add_file(&st, bytes);
		if (sweep) {
			log_debug("sweeping imagefs/tmp/%s", e->d_name);
			remove_tree(tmp, e->d_name);
		}
	}
	return n;
}
