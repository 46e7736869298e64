/*
 * Names are replaced one by one, each by rename. The table of nodes has those that were looked up.
 * Others are found by the file's inode number in a walk over the upper directory, which only files
 * with several names need; symlinks, fifos and sockets with several names are rare.
 *
 * While some of the names are still the old file, the new one's name in work/ tells its inode
 * number. A daemon that is killed then leaves two complete files: the replaced names have the new
 * owner, the others the old one. The next daemon replaces the rest (placeholder_finish()). Until
 * then commands that read the upper directory without a daemon (commit, diff, export, overlayfs)
 * see two files with fewer links. If it is killed before the first name is prepared, nothing has
 * changed.
 */
#include "fs/live/placeholder.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/walk.h"
#include "fs/live/copyup.h"
#include "fs/live/live.h"
#include "fs/live/node.h"
#include "store/container/upper.h"

/*
 * The prefix of a placeholder in work/ while it gets its names; the inode number of the old file
 * follows.
 */
#define OF_PREFIX '='
#define NAME_SIZE 64

static int keep_times(int fd, const char *name, const struct stat *st)
{
	struct timespec times[2] = { st->st_atim, st->st_mtim };
	int r = name ? utimensat(fd, name, times, AT_SYMLINK_NOFOLLOW)
		     : utimensat(fd, "", times, AT_EMPTY_PATH);

	return r < 0 ? -errno : 0;
}

/* All names of one file become names of another one. */
struct swap {
	struct live *live;
	struct stat of;	  /* the file that has them, as on disk */
	const char *temp; /* the one that gets them, in work/ */
	nlink_t left;	  /* how many there are, at most */
};

/* 1: name in dirfd was one of them, and is replaced; 0: it is another file. */
static int swap_name(struct swap *s, int dirfd, const char *name)
{
	int work = s->live->upper.work_fd;
	struct stat st, dir;
	char again[32];

	if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (st.st_ino != s->of.st_ino || st.st_dev != s->of.st_dev ||
	    (st.st_mode & S_IFMT) != (s->of.st_mode & S_IFMT))
		return 0;
	if (fstatat(dirfd, "", &dir, AT_EMPTY_PATH) < 0)
		return -errno;
	upper_temp(again);
	if (linkat(work, s->temp, work, again, 0) < 0)
		return -errno;
	if (renameat(work, again, dirfd, name) < 0) {
		int r = -errno;

		unlinkat(work, again, 0);
		return r;
	}
	keep_times(dirfd, NULL, &dir);
	s->left--;
	return 1;
}

static int swap_known(struct swap *s, const struct node *n)
{
	const struct name *name;
	int r = 0;

	for (name = n->names; name && s->left && r >= 0; name = name->next) {
		struct location location _cleanup_location_ = LOCATION_INIT;

		r = node_dir(s->live->nodes, name->parent, &location);
		if (r == 0)
			r = swap_name(s, location.fd, name->text);
	}
	return MIN(r, 0);
}

/* Walk into name, if it is a directory. */
static int enter(struct walk *w, const char *name)
{
	int fd = openat(w->fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd >= 0)
		return walk_enter(w, fd);
	return errno == ENOTDIR || errno == ELOOP || errno == ENOENT ? 0 : -errno;
}

static int swap_found(struct swap *s)
{
	struct walk w _cleanup_walk_ = WALK_INIT;
	const char *name;
	int fd, r = 0;

	if (!s->left)
		return 0;
	fd = openat(s->live->upper.fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	r = walk_enter(&w, fd);
	while (r >= 0 && s->left && (r = walk_next(&w, &name)) > 0) {
		r = swap_name(s, w.fd, name);
		if (r == 0)
			r = enter(&w, name);
	}
	return MIN(r, 0);
}

/* Undo: the names that were replaced become names of the old file again. */
static void swap_back(struct swap *s, const char *old)
{
	struct swap back = { .live = s->live, .temp = old };

	if (fstatat(s->live->upper.work_fd, s->temp, &back.of, AT_SYMLINK_NOFOLLOW) < 0)
		return;
	back.left = back.of.st_nlink - 1;
	swap_found(&back);
}

/* Replace all names of the file at a location; temp keeps its name in work/. */
static int take_names(const struct node *n, const struct location *location,
		      const struct stat *disk, const char *temp)
{
	struct swap s = { .live = n->live, .of = *disk, .temp = temp, .left = disk->st_nlink };
	int work = n->live->upper.work_fd;
	char old[32];
	int r;

	/* A link keeps the old file until all is done, so that it can be undone. */
	upper_temp(old);
	r = location_link(location, work, old);
	if (r < 0)
		return r;
	r = swap_known(&s, n);
	if (r == 0)
		r = swap_found(&s);
	if (r < 0)
		swap_back(&s, old);
	unlinkat(work, old, 0);
	return r;
}

/* Make the placeholder as temp in work/. */
static int make(struct live *live, const struct location *location, const struct stat *disk,
		const struct stat *st, char temp[static NAME_SIZE])
{
	struct buf target _cleanup_buf_ = BUF_INIT;
	int r = 0, work = live->upper.work_fd;
	char name[32];

	if (S_ISLNK(st->st_mode))
		r = upper_readlink(&live->upper, location->fd, location->name ? location->name : "",
				   &target);
	if (r < 0)
		return r;
	upper_temp(name);
	snprintf(temp, NAME_SIZE, "%c%ju%s", OF_PREFIX, (uintmax_t)disk->st_ino, name);
	r = upper_make(&live->upper, work, temp, st,
		       S_ISLNK(st->st_mode) ? buf_str(&target) : NULL);
	if (r == 0)
		r = copyup_sync_link(live, temp, st);
	if (r == 0)
		r = keep_times(work, temp, disk);
	if (r < 0)
		unlinkat(work, temp, 0);
	return r;
}

/* Give it the names of the file: one known name, several, or none. */
static int put(const struct node *n, const struct location *location, const struct stat *disk,
	       const char *temp)
{
	int work = n->live->upper.work_fd;
	struct stat dir;
	int r = 0;

	if (location->name && disk->st_nlink == 1) {
		if (fstatat(location->fd, "", &dir, AT_EMPTY_PATH) < 0 ||
		    renameat(work, temp, location->fd, location->name) < 0)
			return -errno;
		keep_times(location->fd, NULL, &dir);
		return 0;
	}
	if (disk->st_nlink)
		r = take_names(n, location, disk, temp);
	if (r == 0)
		unlinkat(work, temp, 0);
	return r;
}

int placeholder_become(struct node *n, const struct stat *st)
{
	struct location location _cleanup_location_ = LOCATION_INIT;
	_cleanup_close_ int fd = -1;
	struct live *live = n->live;
	struct stat disk, made;
	char temp[NAME_SIZE];
	int r = node_locate(live->nodes, n, &location);

	if (r == 0 && fstatat(location.fd, location.name ? location.name : "", &disk,
			      AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH) < 0)
		r = -errno;
	if (r == 0)
		r = make(live, &location, &disk, st, temp);
	if (r < 0)
		return r;
	fd = openat(live->upper.work_fd, temp, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstatat(fd, "", &made, AT_EMPTY_PATH) < 0)
		r = -errno;
	/*
	 * Before the names change, as it may fail. No look-up finds the new file before ns is
	 * released.
	 */
	if (r == 0)
		r = ino_map_put(&live->inos, made.st_ino, n->ino);
	if (r == 0) {
		r = put(n, &location, &disk, temp);
		ino_map_drop(&live->inos, r < 0 ? made.st_ino : n->upper_ino);
	}
	if (r < 0) {
		unlinkat(live->upper.work_fd, temp, 0);
		return r;
	}
	location_end(&location);
	if (n->pinned)
		node_pin(live->nodes, n, TAKE_FD(fd));
	n->upper_ino = made.st_ino;
	return 0;
}

int placeholder_finish(struct live *live, const char *name)
{
	struct swap s = { .live = live, .temp = name, .left = (nlink_t)-1 };
	uintmax_t ino;
	struct stat st;
	char *end;
	int r;

	if (*name != OF_PREFIX)
		return 0;
	ino = strtoumax(name + 1, &end, 10);
	if (end == name + 1 || *end != '#')
		return 0;
	r = upper_stat(&live->upper, live->upper.work_fd, name, &st);
	/* With this name only, no name was replaced. */
	if (r < 0 || st.st_nlink < 2)
		return r == -ENOENT ? 0 : r;
	/*
	 * The old file still has this number: it keeps a name until the last one is replaced, and
	 * ns was held.
	 */
	s.of = st;
	s.of.st_ino = (ino_t)ino;
	return swap_found(&s);
}
