/*
 * The layout is checked once, when the store is opened, for a helpful message. Later opens do not
 * follow links either (base/beneath.h).
 */
#include "store/disk/layout.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/beneath.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/file.h"

#define VERSION "1\n"
#define EMPTY_INDEX                                                                       \
	"{\"schemaVersion\":2,\"mediaType\":\"application/vnd.oci.image.index.v1+json\"," \
	"\"manifests\":[]}"

/* Parents first: below a missing directory or a link nothing is checked. */
static const struct {
	const char *path;
	bool dir;
	bool made; /* created with the store; others on demand */
} parts[] = {
	{ "blobs", true, true },
	{ "blobs/sha256", true, true },
	{ "blobs/sha512", true, false },
	{ "imagefs", true, true },
	{ "imagefs/layers", true, true },
	{ "imagefs/layers/sha256", true, true },
	{ "imagefs/layers/sha512", true, false },
	{ "imagefs/cache", true, true },
	{ "imagefs/cache/sha256", true, true },
	{ "imagefs/cache/sha512", true, false },
	{ "imagefs/partial", true, false },
	{ "imagefs/partial/sha256", true, false },
	{ "imagefs/partial/sha512", true, false },
	{ "imagefs/containers", true, true },
	{ "imagefs/mounts", true, true },
	{ "imagefs/tmp", true, true },
	{ "imagefs/version", false, false },
	{ "imagefs/lock", false, false },
	{ "imagefs/spare", false, false },
	{ "index.json", false, false },
	{ "oci-layout", false, false },
};

static int check_part(const char *store, const char *path, bool dir, const struct stat *st,
		      struct err *err)
{
	if (S_ISLNK(st->st_mode))
		return err_set(
			err, ELOOP,
			"store %s: %s is a symbolic link, which is not supported in a store%s",
			store, path, dir ? "; use a bind mount" : "");
	if (dir ? !S_ISDIR(st->st_mode) : !S_ISREG(st->st_mode))
		return err_set(err, EINVAL, "store %s: %s is not a %s", store, path,
			       dir ? "directory" : "regular file");
	return 0;
}

int layout_check(int fd, const char *path, bool *foreign, uid_t *owner, struct err *err)
{
	uid_t me = geteuid();
	struct stat st;
	size_t i;
	int r;

	if (fstat(fd, &st) < 0)
		return err_sys(err, errno, "store %s", path);
	*foreign = st.st_uid != me;
	*owner = st.st_uid;
	for (i = 0; i < ARRAY_SIZE(parts); i++) {
		if (fstatat(fd, parts[i].path, &st, AT_SYMLINK_NOFOLLOW) < 0) {
			if (errno == ENOENT || errno == ENOTDIR || errno == EACCES)
				continue;
			return err_sys(err, errno, "store %s: %s", path, parts[i].path);
		}
		r = check_part(path, parts[i].path, parts[i].dir, &st, err);
		if (r < 0)
			return r;
		if (st.st_uid != me && !*foreign) {
			*foreign = true;
			*owner = st.st_uid;
		}
	}
	return 0;
}

bool layout_exists(int fd)
{
	return beneath_exists(fd, "imagefs/version") && beneath_exists(fd, "oci-layout");
}

/*
 * Write a small file of the layout under a temporary name and link it, so that it never appears
 * partly written.
 */
static int put_file(int dirfd, const char *path, const char *text)
{
	const char *name;
	_cleanup_close_ int dir = beneath_parent(dirfd, path, &name), fd = -1;
	_cleanup_free_ char *tmp = NULL;
	struct buf b = BUF_INIT;
	int r;

	if (dir < 0)
		return dir;
	if (faccessat(dir, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return 0;
	r = buf_printf(&b, "%s.%d", name, (int)getpid());
	tmp = r < 0 ? NULL : buf_take(&b);
	if (!tmp)
		return -ENOMEM;
	/*
	 * A stale temporary file. It may be a hard link to another file, so it must not be
	 * written to.
	 */
	unlinkat(dir, tmp, 0);
	fd = openat(dir, tmp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	r = file_write_all(fd, text, strlen(text));
	if (r == 0 && fsync(fd) < 0)
		r = -errno;
	/* link(2), not rename(2): if another process created the file first, that one stays. */
	if (r == 0 && linkat(dir, tmp, dir, name, 0) < 0 && errno != EEXIST)
		r = -errno;
	unlinkat(dir, tmp, 0);
	return r;
}

/*
 * Returns 1 if the directory contains only files of a store: it is new, or another process is
 * creating one in it. Returns 0 or -errno otherwise.
 */
static int is_vacant(int fd)
{
	_cleanup_names_ char **names = NULL;
	size_t n, i;
	int r = file_names(fd, &names, &n);

	if (r < 0)
		return r;
	for (i = 0; i < n; i++)
		if (strcmp(names[i], "lost+found") != 0 && strcmp(names[i], "imagefs") != 0 &&
		    strcmp(names[i], "blobs") != 0 && strncmp(names[i], "index.json", 10) != 0 &&
		    strncmp(names[i], "oci-layout", 10) != 0)
			return 0;
	return 1;
}

int layout_make(int fd, const char *path, struct err *err)
{
	size_t i;
	int r = beneath_exists(fd, "oci-layout") ? 1 : is_vacant(fd);

	if (r < 0)
		return err_sys(err, -r, "store %s: cannot initialise it", path);
	if (r == 0)
		return err_set(err, EINVAL,
			       "store %s: the directory contains other files; use an empty one",
			       path);
	r = 0;
	for (i = 0; i < ARRAY_SIZE(parts) && (r == 0 || r == -EEXIST); i++)
		if (parts[i].made)
			r = beneath_mkdir(fd, parts[i].path, 0700);
	if (r == 0 || r == -EEXIST)
		r = put_file(fd, "imagefs/version", VERSION);
	if (r == 0)
		r = put_file(fd, "index.json", EMPTY_INDEX);
	if (r == 0)
		r = put_file(fd, "oci-layout", STORE_OCI_LAYOUT);
	return r < 0 ? err_sys(err, -r, "store %s: cannot initialise it", path) : 0;
}

int layout_make_aside(int fd)
{
	static const char *const folders[] = { "containers", "mounts", "tmp" };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(folders); i++)
		if (mkdirat(fd, folders[i], 0700) < 0 && errno != EEXIST)
			return -errno;
	return put_file(fd, "version", VERSION);
}

int layout_version(int fd, const char *path, struct err *err)
{
	_cleanup_close_ int imagefs = beneath_dir(fd, "imagefs");
	struct buf version _cleanup_buf_ = BUF_INIT;
	int r;

	if (imagefs < 0)
		return err_sys(err, -imagefs, "store %s: imagefs", path);
	r = file_read(imagefs, "version", 64, &version, err);
	if (r < 0)
		return err_wrap(err, r, "store %s: imagefs", path);
	if (strcmp(buf_str(&version), VERSION) != 0)
		return err_set(err, ENOTSUP,
			       "store %s: written by another version of imagefs (format %.*s)",
			       path, (int)strcspn(buf_str(&version), "\n"), buf_str(&version));
	return 0;
}
