/* Directories created for a mount. The lock of the record shows that its daemon runs. */
#include "store/disk/mount_dirs.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/beneath.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/file.h"
#include "base/lock.h"
#include "base/log.h"
#include "store/disk/store.h"

#define SUFFIX ".made"
#define MADE_MAX (64 * PATH_MAX)
/* DIR, DIR/images, DIR/containers; more only after several daemons died. */
#define PATHS_MAX 16
/* Attempts, 10 ms apart, to lock the record of a daemon that is terminating. */
#define ENDING_TRIES 100

struct mount_dirs {
	struct store *store;
	int dirfd; /* imagefs/mounts; -1: the store is read-only, and nothing is recorded */
	int fd;	   /* the record, locked; -1: none yet */
	char name[32];
	char *paths[PATHS_MAX];
	size_t n;
};

int mount_dirs_new(struct store *s, struct mount_dirs **out, struct err *err)
{
	struct mount_dirs *m = calloc(1, sizeof(*m));

	if (!m)
		return err_nomem(err);
	m->store = s;
	m->fd = -1;
	snprintf(m->name, sizeof(m->name), "%d" SUFFIX, (int)getpid());
	m->dirfd = s->fixed ? -1 : beneath_dir(s->imagefs_fd, "mounts");
	if (m->dirfd < 0 && !s->fixed) {
		int r = m->dirfd;

		free(m);
		return err_sys(err, -r, "%s/imagefs/mounts", s->path);
	}
	*out = m;
	return 0;
}

void mount_dirs_free(struct mount_dirs *m)
{
	size_t i;

	if (!m)
		return;
	for (i = 0; i < m->n; i++)
		free(m->paths[i]);
	if (m->fd >= 0)
		close(m->fd);
	if (m->dirfd >= 0)
		close(m->dirfd);
	free(m);
}

/* Write the record; if it is empty, remove it. */
static int write_record(struct mount_dirs *m)
{
	struct buf text _cleanup_buf_ = BUF_INIT;
	size_t i;
	int r = 0;

	if (m->dirfd < 0)
		return 0;
	if (m->n == 0) {
		if (m->fd >= 0) {
			unlinkat(m->dirfd, m->name, 0);
			close(m->fd);
			m->fd = -1;
		}
		return 0;
	}
	if (m->fd < 0) {
		/*
		 * A stale record. It may be a hard link to another file, so it must not be
		 * written to.
		 */
		unlinkat(m->dirfd, m->name, 0);
		m->fd = beneath_open(m->dirfd, m->name, O_RDWR | O_CREAT | O_EXCL, 0600);
		if (m->fd < 0)
			return m->fd;
		r = lock_try(m->fd, LOCK_MODE_EXCLUSIVE, "mount dirs", m->name);
		if (r < 0)
			return r;
	}
	for (i = 0; i < m->n && r == 0; i++)
		r = buf_printf(&text, "%s\n", m->paths[i]);
	if (r < 0)
		return r;
	if (ftruncate(m->fd, 0) < 0 || lseek(m->fd, 0, SEEK_SET) < 0)
		return -errno;
	return file_write_all(m->fd, text.data, text.len);
}

static int note(struct mount_dirs *m, const char *path)
{
	size_t i;

	for (i = 0; i < m->n; i++)
		if (strcmp(m->paths[i], path) == 0)
			return 0;
	if (m->n == PATHS_MAX)
		return -EOVERFLOW;
	m->paths[m->n] = strdup(path);
	if (!m->paths[m->n])
		return -ENOMEM;
	m->n++;
	return write_record(m);
}

int mount_dirs_make(struct mount_dirs *m, const char *path, struct err *err)
{
	struct stat st;
	int r;

	if (mkdir(path, 0755) < 0) {
		if (errno != EEXIST)
			return err_sys(err, errno, "cannot make %s", path);
		if (stat(path, &st) < 0)
			return err_sys(err, errno, "%s", path);
		return S_ISDIR(st.st_mode) ? 0 : err_sys(err, ENOTDIR, "%s", path);
	}
	r = note(m, path);
	if (r == -ENOSPC || r == -EDQUOT) {
		/*
		 * A full file system must not prevent mounting: the record is only needed after
		 * kill -9.
		 */
		log_debug("%s/imagefs/mounts/%s: %s", m->store->path, m->name, strerror(-r));
		r = 0;
	}
	if (r < 0) {
		rmdir(path);
		return err_sys(err, -r, "%s/imagefs/mounts/%s", m->store->path, m->name);
	}
	return 0;
}

/* A path is taken over with dir if it is dir itself or a mount point in it. */
static bool concerns(const char *path, const char *dir)
{
	size_t len = strlen(dir);

	return strncmp(path, dir, len) == 0 &&
	       (path[len] == '\0' || strcmp(path + len, "/images") == 0 ||
		strcmp(path + len, "/containers") == 0);
}

/* dir is not mounted any more, so the daemon of the record is dead or terminating. */
static bool wait_for_end(int fd)
{
	const struct timespec pause = { .tv_nsec = 10 * 1000 * 1000 };
	int tries;

	for (tries = 0; tries < ENDING_TRIES; tries++) {
		if (lock_again(fd, LOCK_MODE_EXCLUSIVE) == 0)
			return true;
		nanosleep(&pause, NULL);
	}
	return false;
}

static void adopt_from(struct mount_dirs *m, const char *name, const char *dir)
{
	_cleanup_close_ int fd = beneath_open(m->dirfd, name, O_RDONLY, 0);
	struct buf text _cleanup_buf_ = BUF_INIT;
	char *line, *save = NULL;
	struct stat st;

	/* Records of other users are ignored. */
	if (fd < 0 || fstat(fd, &st) < 0 || st.st_uid != geteuid() ||
	    file_read(m->dirfd, name, MADE_MAX, &text, NULL) < 0 || text.len == 0)
		return;
	line = strtok_r(text.data, "\n", &save);
	/* Records of other directories stay. */
	if (!line || !concerns(line, dir) || !wait_for_end(fd))
		return;
	for (; line; line = strtok_r(NULL, "\n", &save))
		if (!concerns(line, dir) || note(m, line) < 0)
			return;
	unlinkat(m->dirfd, name, 0);
}

void mount_dirs_adopt(struct mount_dirs *m, const char *dir)
{
	_cleanup_names_ char **names = NULL;
	size_t n, i;

	if (m->dirfd < 0 || file_names(m->dirfd, &names, &n) < 0)
		return;
	for (i = 0; i < n; i++) {
		size_t len = strlen(names[i]);

		if (len > strlen(SUFFIX) && strcmp(names[i] + len - strlen(SUFFIX), SUFFIX) == 0 &&
		    !(m->fd >= 0 && strcmp(names[i], m->name) == 0))
			adopt_from(m, names[i], dir);
	}
}

static int by_length(const void *a, const void *b)
{
	size_t x = strlen(*(char *const *)a), y = strlen(*(char *const *)b);

	return x < y ? 1 : x > y ? -1 : 0;
}

void mount_dirs_remove(struct mount_dirs *m, const char *path)
{
	size_t i, k = 0;

	/* Remove inner directories first. */
	qsort(m->paths, m->n, sizeof(m->paths[0]), by_length);
	for (i = 0; i < m->n; i++) {
		if (path[0] != '\0' && strcmp(m->paths[i], path) != 0) {
			m->paths[k++] = m->paths[i];
			continue;
		}
		/* A directory that is in use now is no longer ours. */
		if (rmdir(m->paths[i]) == 0 || errno == ENOENT || errno == ENOTEMPTY) {
			free(m->paths[i]);
			continue;
		}
		log_debug("%s: %s", m->paths[i], strerror(errno));
		m->paths[k++] = m->paths[i];
	}
	m->n = k;
	write_record(m);
}
