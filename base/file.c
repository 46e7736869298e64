/*
 * Every walk here keeps one descriptor and names below it, so no link outside is ever
 * followed.
 */
#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/beneath.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"

int file_read(int dirfd, const char *path, size_t max, struct buf *out, struct err *err)
{
	_cleanup_close_ int fd = -1;
	size_t start = out->len;
	struct stat st;
	int r;

	fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0)
		return err_sys(err, errno, "%s", path);
	if (fstat(fd, &st) < 0)
		return err_sys(err, errno, "%s", path);
	if (!S_ISREG(st.st_mode))
		return err_set(err, EINVAL, "%s: not a regular file", path);
	if ((uint64_t)st.st_size > max)
		return err_set(err, EFBIG, "%s: larger than %zu bytes", path, max);
	for (;;) {
		ssize_t n;

		r = buf_reserve(out, 64 * 1024);
		if (r < 0)
			return err_nomem(err);
		n = read(fd, out->data + out->len, 64 * 1024);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			r = err_sys(err, errno, "%s", path);
			out->len = start;
			return r;
		}
		if (n == 0)
			break;
		out->len += (size_t)n;
		if (out->len - start > max) {
			out->len = start;
			return err_set(err, EFBIG, "%s: larger than %zu bytes", path, max);
		}
	}
	out->data[out->len] = '\0';
	return 0;
}

int file_write_all(int fd, const void *data, size_t len)
{
	const char *p = data;

	while (len) {
		ssize_t n = write(fd, p, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

int file_pread_all(int fd, void *data, size_t len, uint64_t off)
{
	char *p = data;

	while (len) {
		ssize_t n = pread(fd, p, len, (off_t)off);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return -EIO;
		p += n;
		off += (uint64_t)n;
		len -= (size_t)n;
	}
	return 0;
}

int file_mkdirs(int dirfd, const char *path, mode_t mode)
{
	_cleanup_free_ char *copy = strdup(path);
	char *p;

	if (!copy)
		return -ENOMEM;
	for (p = copy + 1; *p; p++) {
		if (*p != '/')
			continue;
		*p = '\0';
		if (mkdirat(dirfd, copy, mode) < 0 && errno != EEXIST)
			return -errno;
		*p = '/';
	}
	if (mkdirat(dirfd, copy, mode) < 0 && errno != EEXIST)
		return -errno;
	return 0;
}

/* Where a tree is being removed, and the directories that lead there, the top one first. */
struct removal {
	int dirfd; /* the caller's */
	int fd;
	struct place {
		dev_t dev;
		ino_t ino;
	} * places;
	size_t n, cap;
};

/* A directory of the one at hand; the first one is named as the caller names it. */
static int step(const struct removal *t, const char *name, int flags)
{
	int fd;

	if (t->n)
		return beneath_step(t->fd, name, flags);
	fd = openat(t->fd, name, flags | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* A user must be let in before he can empty it. chmod(2) of a name would follow a link. */
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
		struct place *places = realloc(t->places, cap * sizeof(*places));

		if (!places)
			return -ENOMEM;
		t->places = places;
		t->cap = cap;
	}
	t->places[t->n++] = (struct place){ st.st_dev, st.st_ino };
	if (t->fd != t->dirfd)
		close(t->fd);
	t->fd = TAKE_FD(fd);
	return 0;
}

/* Up again. Somebody may have moved the directory at hand: ".." must be where this came from. */
static int ascend(struct removal *t)
{
	_cleanup_close_ int up = openat(t->fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	const struct place *p = &t->places[t->n - 2];
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
 * One pass over the directory at hand: files go at once; the first directory that is not empty is entered, to
 * be emptied before the next pass. 1 where there was one.
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

int file_remove_tree(int dirfd, const char *name)
{
	_cleanup_free_ struct place *places = NULL;
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
		/* The next pass removes the one that is empty now. */
		r = r == 0 ? ascend(&t) : 0;
	}
	places = t.places;
	if (t.fd != dirfd)
		close(t.fd);
	if (r == 0 && unlinkat(dirfd, name, AT_REMOVEDIR) < 0)
		r = -errno;
	return r;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int read_names(DIR *d, char ***names, size_t *n)
{
	struct dirent *e;
	size_t cap = 0;

	while ((errno = 0, e = readdir(d))) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		if (*n == cap) {
			char **more;

			cap = cap ? cap * 2 : 32;
			more = realloc(*names, cap * sizeof(*more));
			if (!more)
				return -ENOMEM;
			*names = more;
		}
		(*names)[*n] = strdup(e->d_name);
		if (!(*names)[*n])
			return -ENOMEM;
		(*n)++;
	}
	return -errno;
}

int file_names(int fd, char ***names, size_t *n)
{
	_cleanup_closedir_ DIR *d = NULL;
	int copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), r;

	if (copy < 0)
		return -errno;
	d = fdopendir(copy);
	if (!d) {
		r = -errno;
		close(copy);
		return r;
	}
	*names = NULL;
	*n = 0;
	r = read_names(d, names, n);
	if (r < 0) {
		file_names_free(*names, *n);
		*names = NULL;
		*n = 0;
		return r;
	}
	if (*n)
		qsort(*names, *n, sizeof(**names), by_name);
	return 0;
}

void file_names_free(char **names, size_t n)
{
	while (n)
		free(names[--n]);
	free(names);
}

int file_sync_dir(int dirfd, const char *path)
{
	_cleanup_close_ int fd = openat(dirfd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	return fsync(fd) < 0 ? -errno : 0;
}

int file_copy(int in, int out, uint64_t len)
{
	_cleanup_free_ char *block = NULL;

	while (len) {
		ssize_t n = copy_file_range(in, NULL, out, NULL, MIN(len, 1UL << 30), 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		len -= (uint64_t)n;
	}
	if (!len)
		return 0;
	block = malloc(256 * 1024);
	if (!block)
		return -ENOMEM;
	while (len) {
		ssize_t n = read(in, block, MIN(len, 256UL * 1024));
		int r;

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		r = file_write_all(out, block, (size_t)n);
		if (r < 0)
			return r;
		len -= (uint64_t)n;
	}
	return 0;
}

char *path_join(const char *a, const char *b)
{
	struct buf out = BUF_INIT;

	if (buf_puts(&out, a) < 0 ||
	    (out.len && out.data[out.len - 1] != '/' && buf_putc(&out, '/') < 0) ||
	    buf_puts(&out, b) < 0) {
		buf_fini(&out);
		return NULL;
	}
	return buf_take(&out);
}

void path_clean(char *path)
{
	char *out = path, *in = path;

	while (*in) {
		size_t n;

		in += strspn(in, "/");
		n = strcspn(in, "/");
		if (n == 2 && in[0] == '.' && in[1] == '.') {
			while (out > path && *--out != '/')
				;
		} else if (n && !(n == 1 && in[0] == '.')) {
			*out++ = '/';
			memmove(out, in, n);
			out += n;
		}
		in += n;
	}
	if (out == path)
		*out++ = '/';
	*out = '\0';
}

int path_home(const char *rest, char **out)
{
	const char *home = getenv("HOME");
	struct passwd pw, *found = NULL;
	char text[4096];

	if (!home || !*home) {
		if (getpwuid_r(getuid(), &pw, text, sizeof(text), &found) != 0 || !found ||
		    !*pw.pw_dir)
			return -ENOENT;
		home = pw.pw_dir;
	}
	*out = path_join(home, rest);
	return *out ? 0 : -ENOMEM;
}

void file_open_std(bool closed[static 3])
{
	int fd;

	for (fd = 0; fd < 3; fd++) {
		closed[fd] = fcntl(fd, F_GETFD) < 0;
		/* Each gets the lowest free number, which is this one. */
		if (closed[fd] && open("/dev/null", fd ? O_WRONLY : O_RDONLY) < 0)
			(void)!open("/", O_RDONLY | O_DIRECTORY);
	}
}
