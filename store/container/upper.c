/* Both formats of an upper directory with common functions. */
#include "store/container/upper.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "base/inroot.h"
#include "base/remove_tree.h"
#include "store/layer/acl.h"
#include "store/layer/overlay_xattr.h"

#define XATTR_OPAQUE_ROOT "trusted.overlay.opaque"
#define XATTR_OPAQUE_USER "user.overlay.opaque"
#define XATTR_WHITEOUT_ROOT "trusted.overlay.whiteout"
#define XATTR_WHITEOUT_USER "user.overlay.whiteout"
#define XATTR_MOUNTPOINT "user.overlay.imagefs.mountpoint"

/* Length of "/proc/self/fd/N/NAME". */
#define PROC_MAX 320

/*
 * Before kernel 6.13, xattr calls accept neither a directory descriptor with a name nor an O_PATH
 * descriptor. The link in /proc leads to the open file, whatever its path is now.
 */
static void proc_path(char out[static PROC_MAX], int fd, const char *name)
{
	snprintf(out, PROC_MAX, name ? "/proc/self/fd/%d/%s" : "/proc/self/fd/%d", fd, name);
}

/* Read an attribute of the file (fd, name), or of fd if name is NULL. */
static ssize_t get_raw(int fd, const char *name, const char *attr, void *value, size_t size)
{
	char path[PROC_MAX];
	ssize_t n;

	proc_path(path, fd, name);
	n = name ? lgetxattr(path, attr, value, size) : getxattr(path, attr, value, size);
	return n < 0 ? -errno : n;
}

static const struct {
	const char *name;
	mode_t type;
} types[] = {
	{ "dir", S_IFDIR },	{ "file", S_IFREG },  { "symlink", S_IFLNK }, { "pipe", S_IFIFO },
	{ "socket", S_IFSOCK }, { "block", S_IFBLK }, { "char", S_IFCHR },
};

static int parse_u32(const char **s, int base, char end, uint32_t *out)
{
	unsigned long long v;
	char *stop;

	if (**s < '0' || **s > '9')
		return -EIO;
	errno = 0;
	v = strtoull(*s, &stop, base);
	if (errno || v > UINT32_MAX || (*stop != end && *stop != '\0'))
		return -EIO;
	*s = *stop ? stop + 1 : stop;
	*out = (uint32_t)v;
	return 0;
}

/* Parse the type: "char-1-3", or a name alone. */
static int parse_type(const char *s, struct stat *st)
{
	size_t i, len = strcspn(s, "-");
	uint32_t major, minor;

	for (i = 0; i < ARRAY_SIZE(types); i++) {
		if (strncmp(s, types[i].name, len) != 0 || types[i].name[len])
			continue;
		st->st_mode = (st->st_mode & 07777) | types[i].type;
		s += len;
		if (types[i].type != S_IFBLK && types[i].type != S_IFCHR)
			return *s ? -EIO : 0;
		if (*s++ != '-' || parse_u32(&s, 10, '-', &major) < 0 ||
		    parse_u32(&s, 10, '\0', &minor) < 0)
			return -EIO;
		st->st_rdev = makedev(major, minor);
		return 0;
	}
	return -EIO;
}

static int parse_override(const char *s, struct stat *st)
{
	uint32_t uid, gid, mode;

	if (parse_u32(&s, 10, ':', &uid) < 0 || parse_u32(&s, 10, ':', &gid) < 0 ||
	    parse_u32(&s, 8, ':', &mode) < 0 || mode > 07777)
		return -EIO;
	st->st_uid = uid;
	st->st_gid = gid;
	st->st_mode = (st->st_mode & S_IFMT) | mode;
	if (*s && parse_type(s, st) < 0)
		return -EIO;
	/* A symlink's placeholder has the mode of a real symlink. */
	if (S_ISLNK(st->st_mode))
		st->st_mode = S_IFLNK | 0777;
	return 0;
}

/* Replace the metadata on disk of (fd, name) by the image's. */
static int apply_override(const struct upper *u, int fd, const char *name, struct stat *st)
{
	char text[128];
	ssize_t n;

	if (!u->unprivileged)
		return 0;
	st->st_uid = 0;
	st->st_gid = 0;
	if (!S_ISREG(st->st_mode) && !S_ISDIR(st->st_mode))
		return 0;
	n = get_raw(fd, name, OVERLAY_XATTR_OVERRIDE, text, sizeof(text) - 1);
	if (n == -ENODATA || n == -ENOTSUP)
		return 0;
	if (n < 0)
		return n == -ERANGE ? -EIO : (int)n;
	text[n] = '\0';
	return parse_override(text, st);
}

static int is_whiteout(const struct upper *u, int dirfd, const char *name, const struct stat *st)
{
	ssize_t n;

	if (S_ISCHR(st->st_mode))
		return st->st_rdev == makedev(0, 0);
	if (!S_ISREG(st->st_mode) || st->st_size)
		return 0;
	n = get_raw(dirfd, name, u->unprivileged ? XATTR_WHITEOUT_USER : XATTR_WHITEOUT_ROOT, NULL,
		    0);
	if (n == -ENODATA || n == -ENOTSUP)
		return 0;
	return n < 0 ? (int)n : 1;
}

int upper_stat(const struct upper *u, int dirfd, const char *name, struct stat *st)
{
	if (fstatat(dirfd, name, st, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	return apply_override(u, dirfd, name, st);
}

int upper_lookup(const struct upper *u, int dirfd, const char *name, struct stat *st,
		 bool *whiteout)
{
	int r;

	if (fstatat(dirfd, name, st, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	r = is_whiteout(u, dirfd, name, st);
	if (r < 0)
		return r;
	*whiteout = r > 0;
	return r > 0 ? 0 : apply_override(u, dirfd, name, st);
}

int upper_fstat(const struct upper *u, int fd, struct stat *st)
{
	if (fstatat(fd, "", st, AT_EMPTY_PATH) < 0)
		return -errno;
	return apply_override(u, fd, NULL, st);
}

/*
 * Read the content of a placeholder; of the open file itself if name is "". out has 4096 bytes.
 */
static int read_target(int dirfd, const char *name, struct buf *out)
{
	_cleanup_close_ int fd = -1;
	char path[PROC_MAX];
	ssize_t n;

	if (*name)
		return file_read(dirfd, name, 4096, out, NULL);
	proc_path(path, dirfd, NULL);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	n = fd < 0 ? -1 : read(fd, out->data + out->len, 4096);
	if (n < 0)
		return -errno;
	out->len += (size_t)n;
	out->data[out->len] = '\0';
	return 0;
}

int upper_readlink(const struct upper *u, int dirfd, const char *name, struct buf *out)
{
	struct stat st;
	ssize_t n;
	int r;

	r = buf_reserve(out, 4096);
	if (r < 0)
		return r;
	n = readlinkat(dirfd, name, out->data + out->len, 4096);
	if (n >= 0) {
		out->len += (size_t)n;
		out->data[out->len] = '\0';
		return 0;
	}
	/* ENOENT: dirfd is an open file, not a link. */
	if ((errno != EINVAL && (*name || errno != ENOENT)) || !u->unprivileged)
		return -errno;
	r = *name ? upper_stat(u, dirfd, name, &st) : upper_fstat(u, dirfd, &st);
	if (r < 0)
		return r;
	return S_ISLNK(st.st_mode) ? read_target(dirfd, name, out) : -EINVAL;
}

void upper_temp(char name[static 32])
{
	static unsigned long counter;

	snprintf(name, 32, "#%d-%lx", (int)getpid(),
		 __atomic_fetch_add(&counter, 1, __ATOMIC_RELAXED));
}

/* Errors of file systems that refuse the device 0:0; overlayfs returns EPERM. */
static bool is_refused(int error)
{
	return error == EPERM || error == ENOTSUP || error == EINVAL || error == ENOSYS;
}

int upper_whiteout_make(const struct upper *u, const char *name)
{
	_cleanup_close_ int fd = -1;
	char path[PROC_MAX];
	int r;

	if (mknodat(u->work_fd, name, S_IFCHR, makedev(0, 0)) == 0)
		return 0;
	if (!is_refused(errno))
		return -errno;
	fd = openat(u->work_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	proc_path(path, fd, NULL);
	if (setxattr(path, u->unprivileged ? XATTR_WHITEOUT_USER : XATTR_WHITEOUT_ROOT, "y", 1,
		     0) == 0)
		return 0;
	r = -errno;
	unlinkat(u->work_fd, name, 0);
	return r;
}

/*
 * Mark the directory before creating an xattr whiteout in it: readdir would list its name
 * otherwise.
 */
static int announce_whiteouts(const struct upper *u, int dirfd)
{
	char path[PROC_MAX];

	proc_path(path, dirfd, NULL);
	if (setxattr(path, u->unprivileged ? XATTR_OPAQUE_USER : XATTR_OPAQUE_ROOT, "x", 1,
		     XATTR_CREATE) < 0 &&
	    errno != EEXIST)
		return -errno;
	return 0;
}

int upper_whiteout_put(const struct upper *u, const char *work_name, int dirfd, const char *name)
{
	struct stat st;
	int r;

	if (fstatat(u->work_fd, work_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	r = S_ISREG(st.st_mode) ? announce_whiteouts(u, dirfd) : 0;
	if (r < 0 || renameat(u->work_fd, work_name, dirfd, name) == 0)
		return r;
	if (errno != EISDIR && errno != ENOTDIR && errno != ENOTEMPTY)
		return -errno;
	/* A directory is exchanged with the whiteout and removed in the work directory. */
	if (renameat2(u->work_fd, work_name, dirfd, name, RENAME_EXCHANGE) < 0)
		return -errno;
	remove_tree(u->work_fd, work_name);
	return 0;
}

int upper_whiteout(const struct upper *u, int dirfd, const char *name)
{
	char temp[32];
	struct stat st;
	int r;

	if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
		if (errno != ENOENT)
			return -errno;
		if (mknodat(dirfd, name, S_IFCHR, makedev(0, 0)) == 0)
			return 0;
		if (!is_refused(errno))
			return -errno;
	}
	upper_temp(temp);
	r = upper_whiteout_make(u, temp);
	if (r < 0)
		return r;
	r = upper_whiteout_put(u, temp, dirfd, name);
	if (r < 0)
		unlinkat(u->work_fd, temp, 0);
	return r;
}

int upper_may_have_whiteouts(const struct upper *u, int fd)
{
	ssize_t n = u->unprivileged ? 1 : get_raw(fd, NULL, XATTR_OPAQUE_ROOT, NULL, 0);

	if (n == -ENODATA || n == -ENOTSUP)
		return 0;
	return n < 0 ? (int)n : 1;
}

int upper_opaque(const struct upper *u, int fd)
{
	char path[PROC_MAX];

	proc_path(path, fd, NULL);
	return setxattr(path, u->unprivileged ? XATTR_OPAQUE_USER : XATTR_OPAQUE_ROOT, "y", 1, 0) <
			       0
		       ? -errno
		       : 0;
}

int upper_is_opaque(const struct upper *u, int fd)
{
	char value[4];
	ssize_t n = get_raw(fd, NULL, u->unprivileged ? XATTR_OPAQUE_USER : XATTR_OPAQUE_ROOT,
			    value, sizeof(value));

	if (n == -ENODATA || n == -ENOTSUP || n == -ERANGE)
		return 0;
	return n < 0 ? (int)n : n == 1 && value[0] == 'y';
}

bool upper_placeholder(const struct upper *u, const struct stat *st)
{
	if (!u->unprivileged || S_ISREG(st->st_mode) || S_ISDIR(st->st_mode))
		return false;
	return S_ISCHR(st->st_mode) || S_ISBLK(st->st_mode) || st->st_uid || st->st_gid;
}

/*
 * The mode on disk of an unprivileged file: always readable and writable by its owner. Set-ID
 * bits are dropped, because they would apply to the owner on disk, which may be root in another
 * user's store.
 */
static mode_t real_mode(const struct stat *st)
{
	if (S_ISDIR(st->st_mode))
		return (st->st_mode & 07777) | 0700;
	return S_ISREG(st->st_mode) ? (st->st_mode & 01777) | 0600 : 0600;
}

static const char *type_name(mode_t mode)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(types); i++)
		if (types[i].type == (mode & S_IFMT))
			return types[i].name;
	return "file";
}

static int set_override(const struct upper *u, int fd, const struct stat *st)
{
	char path[PROC_MAX], text[128];
	struct stat disk;
	int n;

	if (fstatat(fd, "", &disk, AT_EMPTY_PATH) < 0)
		return -errno;
	proc_path(path, fd, NULL);
	if (!S_ISREG(disk.st_mode) && !S_ISDIR(disk.st_mode)) {
		if (upper_placeholder(u, st))
			return -EPERM;
		return !S_ISLNK(disk.st_mode) && chmod(path, st->st_mode & 07777) < 0 ? -errno : 0;
	}
	n = snprintf(text, sizeof(text), "%u:%u:0%o:%s", st->st_uid, st->st_gid,
		     st->st_mode & 07777, type_name(st->st_mode));
	if (S_ISCHR(st->st_mode) || S_ISBLK(st->st_mode))
		n += snprintf(text + n, sizeof(text) - (size_t)n, "-%u-%u", major(st->st_rdev),
			      minor(st->st_rdev));
	/* Set the attribute first, because it decides: no wrong owner is visible in between. */
	if (st->st_uid || st->st_gid || (st->st_mode & 07777) != real_mode(st) ||
	    (st->st_mode & S_IFMT) != (disk.st_mode & S_IFMT)) {
		if (setxattr(path, OVERLAY_XATTR_OVERRIDE, text, (size_t)n, 0) < 0)
			return -errno;
		return chmod(path, real_mode(st)) < 0 ? -errno : 0;
	}
	if (chmod(path, real_mode(st)) < 0)
		return -errno;
	if (removexattr(path, OVERLAY_XATTR_OVERRIDE) < 0 && errno != ENODATA && errno != ENOTSUP)
		return -errno;
	return 0;
}

int upper_set_owner(const struct upper *u, int fd, const struct stat *st)
{
	char path[PROC_MAX];
	struct stat disk;

	if (u->unprivileged)
		return set_override(u, fd, st);
	if (fstatat(fd, "", &disk, AT_EMPTY_PATH) < 0)
		return -errno;
	if ((disk.st_uid != st->st_uid || disk.st_gid != st->st_gid) &&
	    fchownat(fd, "", st->st_uid, st->st_gid, AT_EMPTY_PATH) < 0)
		return -errno;
	if (S_ISLNK(disk.st_mode))
		return 0;
	/* chmod(2) comes after chown(2), which clears set-ID bits. */
	proc_path(path, fd, NULL);
	return chmod(path, st->st_mode & 07777) < 0 ? -errno : 0;
}

/*
 * The mode for creating a file: inaccessible to others until its owner is set. The umask may
 * remove bits; is_like() detects that.
 */
static mode_t first_mode(const struct upper *u, const struct stat *st)
{
	if (u->unprivileged)
		return real_mode(st);
	if (st->st_uid == geteuid() && st->st_gid == getegid())
		return st->st_mode & 07777;
	return S_ISDIR(st->st_mode) ? 0700 : 0600;
}

/* True if a new file already has its owner and mode. */
static bool is_like(const struct upper *u, const struct stat *disk, const struct stat *st)
{
	if ((disk->st_mode & S_IFMT) != (st->st_mode & S_IFMT) ||
	    (!S_ISLNK(st->st_mode) && (disk->st_mode & 07777) != (st->st_mode & 07777)))
		return false;
	if (u->unprivileged)
		return st->st_uid == 0 && st->st_gid == 0;
	return disk->st_uid == st->st_uid && disk->st_gid == st->st_gid;
}

/* Create the file as stored on disk; its owner may be set later. */
static int make_real(const struct upper *u, int dirfd, const char *name, const struct stat *st,
		     const char *target)
{
	_cleanup_close_ int fd = -1;
	mode_t mode = first_mode(u, st);

	if (S_ISDIR(st->st_mode))
		return mkdirat(dirfd, name, mode) < 0 ? -errno : 0;
	if (S_ISLNK(st->st_mode) && !upper_placeholder(u, st))
		return symlinkat(target, dirfd, name) < 0 ? -errno : 0;
	if (!S_ISREG(st->st_mode) && !upper_placeholder(u, st))
		return mknodat(dirfd, name, (st->st_mode & S_IFMT) | mode, st->st_rdev) < 0 ? -errno
											    : 0;
	fd = openat(dirfd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
	if (fd < 0)
		return -errno;
	return target ? file_write_all(fd, target, strlen(target)) : 0;
}

int upper_make(const struct upper *u, int dirfd, const char *name, const struct stat *st,
	       const char *target)
{
	_cleanup_close_ int fd = -1;
	struct stat disk;
	int r = make_real(u, dirfd, name, st, target);

	if (r == -EEXIST)
		return r;
	if (r == 0 && fstatat(dirfd, name, &disk, AT_SYMLINK_NOFOLLOW) < 0)
		r = -errno;
	if (r == 0 && !is_like(u, &disk, st)) {
		fd = openat(dirfd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
		r = fd < 0 ? -errno : upper_set_owner(u, fd, st);
	}
	if (r < 0)
		unlinkat(dirfd, name, S_ISDIR(st->st_mode) ? AT_REMOVEDIR : 0);
	return r;
}

int upper_create(const struct upper *u, int dirfd, const char *name, const struct stat *st,
		 struct stat *out)
{
	_cleanup_close_ int fd = openat(dirfd, name ? name : ".",
					(name ? O_CREAT | O_EXCL | O_NOFOLLOW : O_TMPFILE) |
						O_RDWR | O_CLOEXEC | O_NONBLOCK,
					first_mode(u, st));
	int r = 0;

	if (fd < 0)
		return -errno;
	if (fstat(fd, out) < 0)
		r = -errno;
	else if (!is_like(u, out, st))
		r = upper_set_owner(u, fd, st);
	if (r < 0) {
		if (name)
			unlinkat(dirfd, name, 0);
		return r;
	}
	out->st_mode = S_IFREG | (st->st_mode & 07777);
	out->st_uid = st->st_uid;
	out->st_gid = st->st_gid;
	return TAKE_FD(fd);
}

static bool has_prefix(const char *s, const char *prefix)
{
	return strncmp(s, prefix, strlen(prefix)) == 0;
}

int upper_mark_mountpoint(const struct upper *u, const char *path)
{
	_cleanup_close_ int fd = inroot_find(u->fd, path);
	char proc[PROC_MAX];

	if (fd < 0)
		return fd;
	proc_path(proc, fd, NULL);
	return setxattr(proc, XATTR_MOUNTPOINT, "y", 1, 0) < 0 ? -errno : 0;
}

bool upper_is_mountpoint(int dirfd, const char *name, const struct stat *st)
{
	return (S_ISDIR(st->st_mode) || (S_ISREG(st->st_mode) && !st->st_size)) &&
	       get_raw(dirfd, name, XATTR_MOUNTPOINT, NULL, 0) >= 0;
}

/* The attribute's name on disk; -EPERM for a private one. */
static int disk_name(const struct upper *u, const char *name, char out[static 300])
{
	const char *prefix = "";

	if (overlay_xattr_is_private(name))
		return -EPERM;
	if (u->unprivileged &&
	    (has_prefix(name, "security.") || has_prefix(name, "trusted.") || acl_is_name(name)))
		prefix = OVERLAY_XATTR_ESCAPE;
	if (snprintf(out, 300, "%s%s", prefix, name) > 255)
		return -ERANGE;
	return 0;
}

/* Get an access list that is stored in a private attribute, where no kernel has checked it. */
static ssize_t get_acl_override(int fd, const char *disk, void *value, size_t size)
{
	_cleanup_free_ char *list = NULL;
	ssize_t n = get_raw(fd, NULL, disk, NULL, 0);

	if (n < 0)
		return n;
	list = malloc((size_t)n + 1);
	if (!list)
		return -ENOMEM;
	n = get_raw(fd, NULL, disk, list, (size_t)n);
	if (n < 0)
		return n;
	if (!acl_is_valid(list, (size_t)n))
		return -ENODATA;
	if (size && (size_t)n > size)
		return -ERANGE;
	if (size)
		memcpy(value, list, (size_t)n);
	return n;
}

ssize_t upper_xattr_get(const struct upper *u, int fd, const char *name, void *value, size_t size)
{
	char disk[300];

	if (disk_name(u, name, disk) < 0)
		return -ENODATA;
	return u->unprivileged && acl_is_name(name) ? get_acl_override(fd, disk, value, size)
						    : get_raw(fd, NULL, disk, value, size);
}

int upper_xattr_list(const struct upper *u, int fd, struct buf *out)
{
	_cleanup_free_ char *names = NULL;
	char path[PROC_MAX];
	ssize_t n, i;

	proc_path(path, fd, NULL);
	names = malloc(XATTR_LIST_MAX);
	if (!names)
		return -ENOMEM;
	n = listxattr(path, names, XATTR_LIST_MAX);
	if (n < 0)
		return errno == ENOTSUP ? 0 : -errno;
	for (i = 0; i < n; i += (ssize_t)strlen(names + i) + 1) {
		const char *name = names + i;

		if (u->unprivileged && has_prefix(name, OVERLAY_XATTR_ESCAPE))
			name += strlen(OVERLAY_XATTR_ESCAPE);
		else if (overlay_xattr_is_private(name) ||
			 (u->unprivileged && !has_prefix(name, "user.")))
			continue;
		if (acl_is_name(name) && upper_xattr_get(u, fd, name, NULL, 0) == -ENODATA)
			continue;
		if (buf_append(out, name, strlen(name) + 1) < 0)
			return -ENOMEM;
	}
	return 0;
}

static int set_raw(const struct upper *u, int fd, const char *name, const void *value, size_t len,
		   int flags)
{
	char path[PROC_MAX], disk[300];
	int r = disk_name(u, name, disk);

	if (r < 0)
		return r;
	proc_path(path, fd, NULL);
	return setxattr(path, disk, value, len, flags) < 0 ? -errno : 0;
}

/* Do what the kernel does for an ACL on disk. */
static int set_acl_override(const struct upper *u, int fd, const void *value, size_t len)
{
	struct stat st;
	int r = upper_fstat(u, fd, &st);

	if (r == 0 && S_ISLNK(st.st_mode))
		return -ENOTSUP;
	if (r < 0)
		return r;
	if (acl_is_mode(value, len)) {
		r = upper_xattr_remove(u, fd, ACL_ACCESS);
		r = r == -ENODATA || r == -ENOTSUP ? 0 : r;
	} else {
		r = set_raw(u, fd, ACL_ACCESS, value, len, 0);
		/* A fifo cannot have user attributes, not even for root. */
		r = r == -EPERM ? -ENOTSUP : r;
	}
	st.st_mode = acl_mode(value, len, st.st_mode);
	return r < 0 ? r : set_override(u, fd, &st);
}

static int set_acl(const struct upper *u, int fd, const char *name, const void *value, size_t len)
{
	struct stat disk;

	if (!acl_is_valid(value, len))
		return -EINVAL;
	if (fstatat(fd, "", &disk, AT_EMPTY_PATH) < 0)
		return -errno;
	if (S_ISLNK(disk.st_mode))
		return -ENOTSUP;
	if (strcmp(name, ACL_DEFAULT) == 0 && !S_ISDIR(disk.st_mode))
		return -EACCES;
	if (u->unprivileged && strcmp(name, ACL_ACCESS) == 0)
		return set_acl_override(u, fd, value, len);
	return set_raw(u, fd, name, value, len, 0);
}

int upper_xattr_set(const struct upper *u, int fd, const char *name, const void *value, size_t len,
		    int flags)
{
	return acl_is_name(name) ? set_acl(u, fd, name, value, len)
				 : set_raw(u, fd, name, value, len, flags);
}

int upper_xattr_copy(const struct upper *u, int fd, const char *name, const void *value, size_t len,
		     mode_t mode)
{
	struct buf own _cleanup_buf_ = BUF_INIT;
	int r;

	if (overlay_xattr_is_private(name) || (acl_is_name(name) && !acl_is_valid(value, len)) ||
	    (strcmp(name, ACL_DEFAULT) == 0 && !S_ISDIR(mode)))
		return 0;
	if (buf_append(&own, value, len) < 0)
		return -ENOMEM;
	if (strcmp(name, ACL_ACCESS) == 0)
		acl_set_mode(own.data, own.len, mode);
	r = upper_xattr_set(u, fd, name, buf_str(&own), len, 0);
	if (r == -ENOTSUP || (r == -EPERM && !S_ISREG(mode) && !S_ISDIR(mode)))
		return 0;
	return r;
}

int upper_acl_follow(const struct upper *u, int fd, mode_t mode)
{
	_cleanup_free_ char *value = NULL;
	ssize_t n;

	if (!u->unprivileged)
		return 0;
	n = upper_xattr_get(u, fd, ACL_ACCESS, NULL, 0);
	if (n < 0)
		return n == -ENODATA || n == -ENOTSUP || n == -EPERM ? 0 : (int)n;
	value = malloc((size_t)n + 1);
	if (!value)
		return -ENOMEM;
	n = upper_xattr_get(u, fd, ACL_ACCESS, value, (size_t)n);
	if (n < 0)
		return (int)n;
	acl_set_mode(value, (size_t)n, mode);
	return set_raw(u, fd, ACL_ACCESS, value, (size_t)n, 0);
}

int upper_xattr_remove(const struct upper *u, int fd, const char *name)
{
	char path[PROC_MAX], disk[300];
	struct stat st;
	int r = disk_name(u, name, disk);

	if (r < 0)
		return r == -EPERM ? -ENODATA : r;
	proc_path(path, fd, NULL);
	if (removexattr(path, disk) == 0)
		return 0;
	r = -errno;
	/* Fifos and sockets cannot have user attributes: there is none to remove. */
	if (r == -EPERM && u->unprivileged && fstatat(fd, "", &st, AT_EMPTY_PATH) == 0 &&
	    !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode))
		r = -ENODATA;
	return r;
}
