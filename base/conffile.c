/* Reading is bounded by the caller and never waits. */
#include "base/conffile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/file.h"

#define CHUNK (16 * 1024)

static int read_all(int fd, const char *path, size_t max, struct buf *out, struct err *err)
{
	size_t start = out->len;
	ssize_t n;

	do {
		if (buf_reserve(out, CHUNK) < 0)
			return err_nomem(err);
		n = read(fd, out->data + out->len, CHUNK);
		if (n < 0 && errno != EINTR)
			return err_sys(err, errno, "%s", path);
		if (n > 0)
			out->len += (size_t)n;
		if (out->len - start > max)
			return err_set(err, EFBIG, "%s: larger than %zu bytes", path, max);
	} while (n != 0);
	return 0;
}

int conffile_read(const char *path, size_t max, struct buf *out, struct err *err)
{
	/* Opening a FIFO would block until a writer opens it. */
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	size_t start = out->len;
	struct stat st;
	int r;

	if (fd < 0 || fstat(fd, &st) < 0)
		return err_sys(err, errno, "%s", path);
	if (S_ISDIR(st.st_mode))
		return err_sys(err, EISDIR, "%s", path);
	if (S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode))
		return err_set(err, EINVAL, "%s: not a regular file", path);
	r = read_all(fd, path, max, out, err);
	if (r < 0)
		out->len = start;
	if (out->data)
		out->data[out->len] = '\0';
	return r;
}

static bool ends(const char *s, const char *suffix)
{
	size_t n = strlen(s), m = strlen(suffix);

	return n > m && strcmp(s + n - m, suffix) == 0;
}

int conffile_names(const char *dir, const char *suffix, char ***names, size_t *n, struct err *err)
{
	_cleanup_close_ int fd = open(dir, O_RDONLY | O_CLOEXEC | O_DIRECTORY);
	size_t all, i, kept = 0;
	char **v;
	int r;

	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR)) {
		*names = NULL;
		*n = 0;
		return 0;
	}
	if (fd < 0)
		return err_sys(err, errno, "%s", dir);
	r = file_names(fd, &v, &all);
	if (r < 0)
		return err_sys(err, -r, "%s", dir);
	for (i = 0; i < all; i++) {
		if (ends(v[i], suffix))
			v[kept++] = v[i];
		else
			free(v[i]);
	}
	v[kept] = NULL;
	*names = v;
	*n = kept;
	return 0;
}

int conffile_home(const char *rest, char **out, struct err *err)
{
	int r = path_home(rest, out);

	if (r == -ENOENT)
		*out = NULL;
	return r == -ENOMEM ? err_nomem(err) : 0;
}
