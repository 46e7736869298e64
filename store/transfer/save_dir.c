/*
 * Output to a directory, which is created under a temporary name next to the target and renamed
 * when it is complete.
 */
#include "store/transfer/save_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/file.h"
#include "base/remove_tree.h"
#include "store/transfer/save_file.h"

struct save_dir {
	struct save_sink sink; /* first member: pointers to both are converted */
	int parent, fd, file;
	char *name; /* relative to parent */
	char tmp[40];
};

static struct save_dir *dir_of(struct save_sink *k)
{
	return (struct save_dir *)k;
}

static int dir_dir(struct save_sink *k, const char *path, struct err *err)
{
	return mkdirat(dir_of(k)->fd, path, 0777) < 0 ? err_sys(err, errno, "%s", path) : 0;
}

static int dir_begin(struct save_sink *k, const char *path, uint64_t size, struct err *err)
{
	struct save_dir *d = dir_of(k);

	(void)size;
	d->file = openat(d->fd, path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
	return d->file < 0 ? err_sys(err, errno, "%s", path) : 0;
}

static int dir_write(struct save_sink *k, const void *data, size_t len, struct err *err)
{
	int r = file_write_all(dir_of(k)->file, data, len);

	return r < 0 ? err_sys(err, -r, "cannot write") : 0;
}

static int dir_end(struct save_sink *k, struct err *err)
{
	struct save_dir *d = dir_of(k);
	int r = fsync(d->file) < 0 ? -errno : 0;

	close(d->file);
	d->file = -1;
	return r < 0 ? err_sys(err, -r, "cannot write") : 0;
}

static int sync_tree(struct save_dir *d)
{
	_cleanup_close_ int fd = openat(d->fd, "blobs", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_names_ char **names = NULL;
	size_t n, i;
	int r = fd < 0 ? -errno : file_names(fd, &names, &n);

	if (r < 0)
		return r;
	for (i = 0; i < n && r == 0; i++)
		r = file_sync_dir(fd, names[i]);
	if (r == 0)
		r = file_sync_dir(fd, ".");
	return r == 0 ? file_sync_dir(d->fd, ".") : r;
}

static int dir_commit(struct save_sink *k, struct err *err)
{
	struct save_dir *d = dir_of(k);
	int r = sync_tree(d);

	/* rename(2) only replaces a missing or empty directory. */
	if (r == 0 && renameat(d->parent, d->tmp, d->parent, d->name) < 0)
		r = -errno;
	if (r < 0)
		return err_sys(err, -r, "%s", d->name);
	d->tmp[0] = '\0';
	r = file_sync_dir(d->parent, ".");
	return r < 0 ? err_sys(err, -r, "%s", d->name) : 0;
}

static void dir_free(struct save_sink *k)
{
	struct save_dir *d = dir_of(k);

	if (d->file >= 0)
		close(d->file);
	if (d->fd >= 0)
		close(d->fd);
	if (d->tmp[0])
		remove_tree(d->parent, d->tmp);
	if (d->parent >= 0)
		close(d->parent);
	free(d->name);
	free(d);
}

static const struct save_sink_ops dir_ops = {
	.dir = dir_dir,
	.begin = dir_begin,
	.write = dir_write,
	.end = dir_end,
	.commit = dir_commit,
	.free = dir_free,
};

/* 0 if the target is missing or an empty directory. */
static int check_target(const char *path, struct err *err)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_names_ char **names = NULL;
	size_t n;
	int r = fd < 0 ? -errno : file_names(fd, &names, &n);

	if (r < 0)
		return r == -ENOENT ? 0 : err_sys(err, -r, "%s", path);
	if (n)
		return err_set(err, ENOTEMPTY, "%s: the directory is not empty", path);
	return 0;
}

/*
 * Split path, without trailing slashes and with a symbolic link resolved, into directory and
 * name.
 */
static int split(struct save_dir *d, const char *path, struct err *err)
{
	_cleanup_free_ char *copy = realpath(path, NULL);
	char *slash;
	size_t n;

	if (!copy)
		copy = strdup(path);
	if (!copy)
		return err_nomem(err);
	for (n = strlen(copy); n > 1 && copy[n - 1] == '/'; n--)
		copy[n - 1] = '\0';
	slash = strrchr(copy, '/');
	d->name = strdup(slash ? slash + 1 : copy);
	if (!d->name)
		return err_nomem(err);
	if (!d->name[0])
		return err_set(err, EINVAL, "%s: cannot create a directory of this name", path);
	if (slash)
		slash[slash == copy] = '\0';
	d->parent = open(slash ? copy : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return d->parent < 0 ? err_sys(err, errno, "%s", path) : 0;
}

static int make_tmp(struct save_dir *d)
{
	int r = save_tmp_name(d->tmp);

	if (r < 0)
		return r;
	if (mkdirat(d->parent, d->tmp, 0777) < 0) {
		d->tmp[0] = '\0';
		return -errno;
	}
	d->fd = openat(d->parent, d->tmp, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return d->fd < 0 ? -errno : 0;
}

int save_dir_open(const char *output, struct save_sink **out, struct err *err)
{
	struct save_dir *d;
	int r;

	r = check_target(output, err);
	if (r < 0)
		return r;
	d = calloc(1, sizeof(*d));
	if (!d)
		return err_nomem(err);
	d->sink.ops = &dir_ops;
	d->parent = d->fd = d->file = -1;
	r = split(d, output, err);
	if (r == 0) {
		r = make_tmp(d);
		if (r < 0)
			err_sys(err, -r, "%s", output);
	}
	if (r < 0) {
		dir_free(&d->sink);
		return r;
	}
	*out = &d->sink;
	return 0;
}
