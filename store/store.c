/*
 * Making and opening the directory, and its lock.
 */
#include "store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <dirent.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/file.h"
#include "base/log.h"
#include "store/leftovers.h"

#define VERSION "1\n"
#define EMPTY_INDEX                                                                       \
	"{\"schemaVersion\":2,\"mediaType\":\"application/vnd.oci.image.index.v1+json\"," \
	"\"manifests\":[]}"

char *store_default_path(void)
{
	const char *env = getenv("IMAGEFS_STORE"), *home;
	_cleanup_free_ char *share = NULL;

	if (env && *env)
		return strdup(env);
	if (geteuid() == 0)
		return strdup("/var/lib/imagefs");
	env = getenv("XDG_DATA_HOME");
	if (env && *env == '/')
		return path_join(env, "imagefs");
	home = getenv("HOME");
	share = path_join(home && *home ? home : "/", ".local/share");
	return share ? path_join(share, "imagefs") : NULL;
}

/* A small file of the layout: written beside, renamed, so that it is whole or not there. */
static int put_file(int dirfd, const char *name, const char *text)
{
	_cleanup_close_ int fd = -1;
	_cleanup_free_ char *tmp = NULL;
	struct buf b = BUF_INIT;
	int r;

	if (faccessat(dirfd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return 0;
	r = buf_printf(&b, "%s.%d", name, (int)getpid());
	tmp = r < 0 ? NULL : buf_take(&b);
	if (!tmp)
		return -ENOMEM;
	fd = openat(dirfd, tmp, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	r = file_write_all(fd, text, strlen(text));
	if (r == 0 && fsync(fd) < 0)
		r = -errno;
	/* link(2), not rename(2): another process may have made it meanwhile, and that one counts.
	 */
	if (r == 0 && linkat(dirfd, tmp, dirfd, name, 0) < 0 && errno != EEXIST)
		r = -errno;
	unlinkat(dirfd, tmp, 0);
	return r;
}

static const char *const folders[] = {
	"blobs",
	"blobs/sha256",
	"imagefs",
	"imagefs/layers",
	"imagefs/layers/sha256",
	"imagefs/cache",
	"imagefs/cache/sha256",
	"imagefs/containers",
	"imagefs/mounts",
	"imagefs/tmp",
};

static int make(int fd)
{
	size_t i;
	int r;

	for (i = 0; i < ARRAY_SIZE(folders); i++)
		if (mkdirat(fd, folders[i], 0700) < 0 && errno != EEXIST)
			return -errno;
	r = put_file(fd, "imagefs/version", VERSION);
	if (r == 0)
		r = put_file(fd, "index.json", EMPTY_INDEX);
	if (r == 0)
		r = put_file(fd, "oci-layout", STORE_OCI_LAYOUT);
	return r;
}

/*
 * True for a directory with nothing in it that is not ours: a new store may be made there, or is
 * being made by another process at this moment.
 */
static bool is_vacant(int fd)
{
	_cleanup_closedir_ DIR *d = NULL;
	int copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct dirent *e;

	d = copy < 0 ? NULL : fdopendir(copy);
	if (!d)
		return false;
	while ((e = readdir(d))) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0 ||
		    strcmp(e->d_name, "lost+found") == 0 || strcmp(e->d_name, "imagefs") == 0 ||
		    strcmp(e->d_name, "blobs") == 0 || strncmp(e->d_name, "index.json", 10) == 0 ||
		    strncmp(e->d_name, "oci-layout", 10) == 0)
			continue;
		return false;
	}
	return true;
}

static int check_or_make(struct store *s, struct err *err)
{
	struct buf version _cleanup_buf_ = BUF_INIT;
	int r;

	if (faccessat(s->fd, "imagefs/version", F_OK, 0) < 0 ||
	    faccessat(s->fd, "oci-layout", F_OK, 0) < 0) {
		if (faccessat(s->fd, "oci-layout", F_OK, 0) < 0 && !is_vacant(s->fd))
			return err_set(
				err, EINVAL,
				"store %s: the directory holds something else; name an empty one",
				s->path);
		r = make(s->fd);
		if (r < 0)
			return err_sys(err, -r, "store %s: cannot set it up", s->path);
	}
	r = file_read(s->fd, "imagefs/version", 64, &version, err);
	if (r < 0)
		return err_wrap(err, r, "store %s", s->path);
	if (strcmp(buf_str(&version), VERSION) != 0)
		return err_set(err, ENOTSUP,
			       "store %s: written by another version of imagefs (format %.*s)",
			       s->path, (int)strcspn(buf_str(&version), "\n"), buf_str(&version));
	return 0;
}

int store_open(const char *path, struct store **out, struct err *err)
{
	struct store *s = calloc(1, sizeof(*s));
	char resolved[PATH_MAX];
	int r;

	if (!s)
		return err_nomem(err);
	s->fd = s->imagefs_fd = s->lock_fd = -1;
	r = file_mkdirs(AT_FDCWD, path, 0700);
	if (r < 0) {
		r = err_sys(err, -r, "store %s", path);
		goto fail;
	}
	s->path = strdup(realpath(path, resolved) ? resolved : path);
	s->fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (!s->path || s->fd < 0) {
		r = err_sys(err, s->path ? errno : ENOMEM, "store %s", path);
		goto fail;
	}
	r = check_or_make(s, err);
	if (r < 0)
		goto fail;
	s->imagefs_fd = openat(s->fd, "imagefs", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (s->imagefs_fd >= 0)
		s->lock_fd = openat(s->imagefs_fd, "lock",
				    O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (s->lock_fd < 0) {
		r = err_sys(err, errno, "store %s: imagefs/lock", path);
		goto fail;
	}
	*out = s;
	return 0;
fail:
	store_close(s);
	return r;
}

void store_close(struct store *s)
{
	if (!s)
		return;
	if (s->lock_fd >= 0)
		close(s->lock_fd);
	if (s->imagefs_fd >= 0)
		close(s->imagefs_fd);
	if (s->fd >= 0)
		close(s->fd);
	map_fini(&s->layer_sizes, free);
	free(s->path);
	free(s);
}

int store_lock(struct store *s, enum store_lock_mode mode, struct err *err)
{
	int op = mode == STORE_LOCK_EXCLUSIVE ? LOCK_EX : LOCK_SH;
	uint64_t bytes;

	while (flock(s->lock_fd, op) < 0)
		if (errno != EINTR)
			return err_sys(err, errno, "store %s: cannot lock", s->path);
	if (mode == STORE_LOCK_EXCLUSIVE) {
		leftovers(s, true, &bytes);
		s->swept += bytes;
	}
	return 0;
}

void store_unlock(struct store *s)
{
	flock(s->lock_fd, LOCK_UN);
}
