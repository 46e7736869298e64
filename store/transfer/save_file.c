/*
 * The file has no name until it is complete, if the file system supports that, so that even a
 * killed command leaves nothing.
 */

#include "store/transfer/save_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/err.h"

int save_tmp_name(char out[static 40])
{
	uint64_t id;

	if (getrandom(&id, sizeof(id), 0) != (ssize_t)sizeof(id))
		return -EIO;
	snprintf(out, 40, ".imagefs-save-%016llx", (unsigned long long)id);
	return 0;
}

/* True for a file that is written in place, which cannot be undone. */
static bool in_place(const char *path)
{
	struct stat st;

	if (strncmp(path, "/dev/", 5) == 0 || strncmp(path, "/proc/", 6) == 0)
		return true;
	return stat(path, &st) == 0 && !S_ISREG(st.st_mode);
}

static int open_new(struct save_file *f)
{
	int r;

	f->fd = openat(f->dir, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0666);
	if (f->fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR && errno != ENOENT))
		return f->fd < 0 ? -errno : 0;
	r = save_tmp_name(f->tmp);
	if (r < 0)
		return r;
	f->fd = openat(f->dir, f->tmp, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
	if (f->fd < 0) {
		f->tmp[0] = '\0';
		return -errno;
	}
	return 0;
}

int save_file_open(struct save_file *f, const char *path, struct err *err)
{
	/* Replace the target of a symbolic link, not the link. */
	_cleanup_free_ char *real = in_place(path) ? NULL : realpath(path, NULL);
	_cleanup_free_ char *dir = NULL;
	const char *slash;
	int r;

	if (in_place(path)) {
		f->fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC | O_NOCTTY);
		return f->fd < 0 ? err_sys(err, errno, "%s", path) : 0;
	}
	dir = strdup(real ? real : path);
	if (!dir)
		return err_nomem(err);
	slash = strrchr(dir, '/');
	f->name = strdup(slash ? slash + 1 : dir);
	if (!f->name)
		return err_nomem(err);
	if (!f->name[0])
		return err_set(err, EISDIR, "%s: is a directory", path);
	if (slash)
		dir[slash == dir ? 1 : slash - dir] = '\0';
	f->dir = open(slash ? dir : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (f->dir < 0)
		return err_sys(err, errno, "%s", path);
	r = open_new(f);
	return r < 0 ? err_sys(err, -r, "%s", path) : 0;
}

/* A nameless file can only be linked to an unused name; a rename then replaces the old file. */
static int give_name(struct save_file *f)
{
	char self[40];
	int r;

	if (f->tmp[0])
		return 0;
	r = save_tmp_name(f->tmp);
	if (r < 0)
		return r;
	snprintf(self, sizeof(self), "/proc/self/fd/%d", f->fd);
	if (linkat(AT_FDCWD, self, f->dir, f->tmp, AT_SYMLINK_FOLLOW) == 0)
		return 0;
	f->tmp[0] = '\0';
	return -errno;
}

int save_file_commit(struct save_file *f, struct err *err)
{
	int r;

	if (f->dir < 0)
		return 0;
	if (fsync(f->fd) < 0)
		return err_sys(err, errno, "%s", f->name);
	r = give_name(f);
	if (r == 0 && renameat(f->dir, f->tmp, f->dir, f->name) < 0)
		r = -errno;
	if (r == 0) {
		f->tmp[0] = '\0';
		r = fsync(f->dir) < 0 ? -errno : 0;
	}
	return r < 0 ? err_sys(err, -r, "%s", f->name) : 0;
}

void save_file_fini(struct save_file *f)
{
	if (f->tmp[0])
		unlinkat(f->dir, f->tmp, 0);
	free(f->name);
	if (f->fd >= 0)
		close(f->fd);
	if (f->dir >= 0)
		close(f->dir);
	f->name = NULL;
	f->fd = f->dir = -1;
	f->tmp[0] = '\0';
}
