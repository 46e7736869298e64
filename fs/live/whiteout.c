/* Whiteouts wait in work/ under names that say what they are for. */
#include "fs/live/whiteout.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/remove_tree.h"
#include "fs/live/copyup.h"
#include "fs/live/live.h"
#include "store/container/upper.h"
#include "store/image/tree.h"

#define LEFT_PREFIX '-'

/* ino: of what is at the old name until the whiteout is; 0: nothing, or a directory. */
static void left_name(char out[static 96], uint32_t lower, uint64_t ino)
{
	char temp[32];

	upper_temp(temp);
	snprintf(out, 96, "%c%u-%llu%s", LEFT_PREFIX, lower, (unsigned long long)ino, temp);
}

static int parse_left_name(const char *name, uint32_t *lower, uint64_t *ino)
{
	unsigned long long i;
	unsigned n;
	char end;

	if (sscanf(name, "-%u-%llu%c", &n, &i, &end) != 3 || end != '#')
		return -EINVAL;
	*lower = n;
	*ino = i;
	return 0;
}

int whiteout_finish(struct live *live, const char *name)
{
	_cleanup_close_ int fd = -1;
	bool whiteout = false;
	uint32_t lower;
	uint64_t ino;
	struct stat st;

	if (*name != LEFT_PREFIX || parse_left_name(name, &lower, &ino) < 0 || lower == TREE_ROOT ||
	    lower >= tree_size(live->tree) ||
	    upper_lookup(&live->upper, live->upper.work_fd, name, &st, &whiteout) < 0 || !whiteout)
		return 0;
	fd = copyup_find(live, tree_parent(live->tree, lower));
	if (fd < 0)
		return fd == -ENOENT || fd == -ENOTDIR ? 0 : fd;
	if (fstatat(fd, tree_name(live->tree, lower), &st, AT_SYMLINK_NOFOLLOW) == 0) {
		if (S_ISDIR(st.st_mode) || st.st_ino != ino)
			return 0;
	} else if (errno != ENOENT) {
		return -errno;
	}
	return upper_whiteout_put(&live->upper, name, fd, tree_name(live->tree, lower));
}

static int rename_name(int from_fd, const char *from, int to_fd, const char *to, unsigned flags)
{
	return renameat2(from_fd, from, to_fd, to, flags) < 0 ? -errno : 0;
}

int whiteout_move(struct live *live, uint32_t lower, int from_fd, const char *from, int to_fd,
		  const char *to)
{
	const struct upper *u = &live->upper;
	struct stat old = { .st_mode = S_IFDIR };
	unsigned flags = RENAME_EXCHANGE;
	bool final = false; /* the move cannot be undone */
	char left[96];
	int r;

	if (fstatat(to_fd, to, &old, AT_SYMLINK_NOFOLLOW) < 0) {
		if (errno != ENOENT)
			return -errno;
		flags = 0;
	}
	left_name(left, lower, S_ISDIR(old.st_mode) ? 0 : old.st_ino);
	r = upper_whiteout_make(u, left);
	if (r < 0)
		return r;
	r = rename_name(from_fd, from, to_fd, to, flags);
	if (r == -EINVAL && flags) {
		r = rename_name(from_fd, from, to_fd, to, 0);
		final = r == 0;
	}
	if (r == 0) {
		r = upper_whiteout_put(u, left, from_fd, from);
		if (r < 0 && final) {
			log_warn("container %s: %s: the old name stays: %s", live->name, from,
				 strerror(-r));
			return 0;
		}
		if (r < 0)
			rename_name(to_fd, to, from_fd, from, flags);
	}
	if (r < 0)
		unlinkat(u->work_fd, left, 0);
	return r;
}

int whiteout_replace(struct live *live, uint32_t lower, int dirfd, const char *name)
{
	const struct upper *u = &live->upper;
	_cleanup_close_ int fd = -1;
	char left[96];
	int r;

	fd = openat(dirfd, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	left_name(left, lower, 0);
	r = upper_whiteout_make(u, left);
	if (r < 0)
		return r;
	/* First: what is hidden by whiteouts in it stays hidden without them. */
	r = upper_opaque(u, fd);
	if (r == 0)
		r = remove_tree(dirfd, name);
	if (r < 0) {
		unlinkat(u->work_fd, left, 0);
		return r;
	}
	r = upper_whiteout_put(u, left, dirfd, name);
	if (r < 0)
		log_warn("container %s: %s: it shows again: %s", live->name, name, strerror(-r));
	return 0;
}
