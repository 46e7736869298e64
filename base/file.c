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

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

int file_each(int fd, int (*use)(const struct dirent *e, void *arg), void *arg)
{
	_cleanup_closedir_ DIR *d = NULL;
	int copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), r = 0;
	const struct dirent *e;

	if (copy < 0)
		return -errno;
	d = fdopendir(copy);
	if (!d) {
		r = -errno;
		close(copy);
		return r;
	}
	while (r == 0) {
		errno = 0;
		e = readdir(d);
		if (!e)
			return -errno;
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			r = use(e, arg);
	}
	return r;
}

struct name_list {
	char **v; /* ends with NULL */
	size_t n, cap;
};

static int add_name(const struct dirent *e, void *arg)
{
	struct name_list *l = arg;

	if (l->n + 1 >= l->cap) {
		size_t cap = l->cap ? l->cap * 2 : 32;
		char **v = realloc(l->v, cap * sizeof(*v));

		if (!v)
			return -ENOMEM;
		l->v = v;
		l->cap = cap;
	}
	l->v[l->n] = strdup(e->d_name);
	if (!l->v[l->n])
		return -ENOMEM;
	l->v[++l->n] = NULL;
	return 0;
}

int file_names(int fd, char ***names, size_t *n)
{
	struct name_list l = { .v = calloc(1, sizeof(*l.v)) };
	int r = l.v ? file_each(fd, add_name, &l) : -ENOMEM;

	*names = NULL;
	*n = 0;
	if (r < 0) {
		file_names_free(l.v);
		return r;
	}
	qsort(l.v, l.n, sizeof(*l.v), by_name);
	*names = l.v;
	*n = l.n;
	return 0;
}

void file_names_free(char **names)
{
	size_t i;

	for (i = 0; names && names[i]; i++)
		free(names[i]);
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
		/* open(2) returns the lowest free number, which is this one. */
		if (closed[fd] && open("/dev/null", fd ? O_WRONLY : O_RDONLY) < 0)
			(void)!open("/", O_RDONLY | O_DIRECTORY);
	}
}
