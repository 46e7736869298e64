/* Each directory in imagefs/tmp that can be locked is abandoned. */
#include "store/disk/tmp_sweep.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/beneath.h"
#include "base/cleanup.h"
#include "base/file.h"
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
	_cleanup_names_ char **names = NULL;
	unsigned found = 0;
	struct stat st;
	size_t n, i;

	*bytes = 0;
	if (tmp < 0 || file_names(tmp, &names, &n) < 0)
		return 0;
	for (i = 0; i < n; i++) {
		_cleanup_close_ int fd =
			openat(tmp, names[i], O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

		if (fd < 0 || lock_try(fd, LOCK_MODE_EXCLUSIVE, "tmp dir", names[i]) < 0 ||
		    fstat(fd, &st) < 0)
			continue;
		found++;
		if (S_ISDIR(st.st_mode))
			add_tree(openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), bytes);
		else
			add_file(&st, bytes);
		if (sweep) {
			log_debug("sweeping imagefs/tmp/%s", names[i]);
			remove_tree(tmp, names[i]);
		}
	}
	return found;
}
