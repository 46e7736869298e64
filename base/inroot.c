/*
 * openat2(2) resolves existing paths. To create missing parts, the path is resolved part by part,
 * because no system call creates the target of a dangling link.
 */
#include "base/inroot.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/beneath.h"
#include "base/buf.h"
#include "base/cleanup.h"

#define LINKS_MAX 40
#define RACE_TRIES 1000

static int open_in(int rootfd, const char *path, int flags, uint64_t resolve)
{
	struct open_how how = { .flags = (uint64_t)(flags | O_CLOEXEC),
				.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS | resolve };
	int tries = 0;
	long fd;

	/* EAGAIN: a directory was renamed during the lookup. */
	do
		fd = syscall(SYS_openat2, rootfd, *path ? path : ".", &how, sizeof(how));
	while (fd < 0 && errno == EAGAIN && ++tries < RACE_TRIES);
	return fd < 0 ? -errno : (int)fd;
}

int inroot_find(int rootfd, const char *path)
{
	return open_in(rootfd, path, O_PATH | O_NOFOLLOW, RESOLVE_NO_SYMLINKS);
}

int inroot_open(int rootfd, const char *path)
{
	_cleanup_close_ int fd = open_in(rootfd, path, O_PATH, 0);
	char proc[32];
	struct stat st;
	int out;

	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	/* It is a regular file, so opening it has no side effects. */
	snprintf(proc, sizeof(proc), "/proc/self/fd/%d", fd);
	out = open(proc, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	return out < 0 ? -errno : out;
}

/* State of a resolution: the resolved part and the rest. */
struct resolution {
	int rootfd;
	struct buf done; /* "/a/b", without links; "" is the root */
	struct buf rest;
	unsigned links;
	bool make;
	enum inroot_kind kind;
	struct inroot_created *created;
};

/* Open the parent directory of done; name is its last part. */
static int open_parent(const struct resolution *p, const char **name)
{
	const char *slash = strrchr(buf_str(&p->done), '/');
	_cleanup_free_ char *dir = strndup(buf_str(&p->done), (size_t)(slash - buf_str(&p->done)));

	*name = slash + 1;
	return dir ? open_in(p->rootfd, dir, O_RDONLY | O_DIRECTORY, RESOLVE_NO_SYMLINKS) : -ENOMEM;
}

static void set_mtime(int fd, const struct timespec *t)
{
	const struct timespec times[2] = { { .tv_nsec = UTIME_OMIT }, *t };

	futimens(fd, times);
}

static int record(struct inroot_created *m, const char *path, bool dir, int parent,
		  const struct timespec *before)
{
	struct inroot_created_one *v;

	if (!m)
		return 0;
	v = realloc(m->v, (m->n + 1) * sizeof(*v));
	if (!v)
		return -ENOMEM;
	m->v = v;
	v += m->n;
	v->before = *before;
	v->dir = dir;
	v->path = strdup(path);
	if (!v->path)
		return -ENOMEM;
	m->n++;
	set_mtime(parent, before);
	return 0;
}

static int make_last(const struct resolution *p, bool dir)
{
	_cleanup_close_ int parent = -1, fd = -1;
	const char *name;
	struct stat st;
	int r;

	parent = open_parent(p, &name);
	if (parent < 0)
		return parent;
	if (fstat(parent, &st) < 0)
		return -errno;
	if (dir) {
		if (mkdirat(parent, name, 0755) < 0)
			return -errno;
		r = beneath_chmod(parent, name, 0755);
		if (r < 0)
			return r;
	} else {
		fd = openat(parent, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
			    0644);
		if (fd < 0)
			return -errno;
		fchmod(fd, 0644);
	}
	return record(p->created, buf_str(&p->done), dir, parent, &st.st_mtim);
}

/* Put the link's target in front of the rest of the path. */
static int follow(struct resolution *p, int fd, size_t before)
{
	char to[PATH_MAX];
	ssize_t n = readlinkat(fd, "", to, sizeof(to) - 1);
	_cleanup_free_ char *tail = NULL;

	if (n < 0)
		return -errno;
	to[n] = '\0';
	if (++p->links > LINKS_MAX)
		return -ELOOP;
	tail = strdup(buf_str(&p->rest));
	if (!tail)
		return -ENOMEM;
	p->done.len = to[0] == '/' ? 0 : before;
	if (p->done.data)
		p->done.data[p->done.len] = '\0';
	buf_clear(&p->rest);
	return buf_printf(&p->rest, "%s%s%s", to, *tail ? "/" : "", tail);
}

/* Handle the part that was just appended to done. last: no part follows. */
static int step(struct resolution *p, size_t before, bool last)
{
	bool dir = !last || p->kind == INROOT_DIR;
	_cleanup_close_ int fd =
		open_in(p->rootfd, buf_str(&p->done), O_PATH | O_NOFOLLOW, RESOLVE_NO_SYMLINKS);
	struct stat st;

	if (fd == -ENOENT && !p->make)
		return 0;
	if (fd == -ENOENT)
		return make_last(p, dir);
	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (S_ISLNK(st.st_mode))
		return follow(p, fd, before);
	if (!p->make || (dir ? S_ISDIR(st.st_mode) : S_ISREG(st.st_mode)))
		return 0;
	return dir ? -ENOTDIR : S_ISDIR(st.st_mode) ? -EISDIR : -EINVAL;
}

static void go_up(struct buf *done)
{
	while (done->len && done->data[--done->len] != '/')
		;
	if (done->data)
		done->data[done->len] = '\0';
}

static int walk(struct resolution *p)
{
	int r = 0;

	while (r == 0) {
		const char *rest = buf_str(&p->rest);
		size_t skip = strspn(rest, "/"), n = strcspn(rest + skip, "/");
		size_t before = p->done.len, used = skip + n;
		bool last = !rest[used + strspn(rest + used, "/")];
		_cleanup_free_ char *name = strndup(rest + skip, n);

		if (n == 0)
			return 0;
		if (!name)
			return -ENOMEM;
		memmove(p->rest.data, p->rest.data + used, p->rest.len - used + 1);
		p->rest.len -= used;
		if (last)
			buf_clear(&p->rest);
		if (strcmp(name, "..") == 0)
			go_up(&p->done);
		else if (strcmp(name, ".") != 0)
			r = buf_printf(&p->done, "/%s", name) < 0 ? -ENOMEM : step(p, before, last);
		if (p->done.len > PATH_MAX)
			return -ENAMETOOLONG;
	}
	return r;
}

static int resolve(struct resolution *p, const char *path, char **out)
{
	int r = strlen(path) > PATH_MAX ? -ENAMETOOLONG : buf_puts(&p->rest, path);

	if (r == 0)
		r = walk(p);
	if (r == 0 && p->done.len == 0)
		r = p->make && p->kind == INROOT_FILE ? -EISDIR : buf_putc(&p->done, '/');
	if (r == 0)
		*out = buf_take(&p->done);
	buf_fini(&p->done);
	buf_fini(&p->rest);
	return r;
}

int inroot_create(int rootfd, const char *path, enum inroot_kind kind,
		  struct inroot_created *created, char **out)
{
	struct resolution p = { .rootfd = rootfd, .make = true, .kind = kind, .created = created };

	return resolve(&p, path, out);
}

int inroot_resolve(int rootfd, const char *path, char **out)
{
	struct resolution p = { .rootfd = rootfd };

	return resolve(&p, path, out);
}

static bool same(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

static void undo_one(int rootfd, const struct inroot_created_one *one)
{
	struct resolution p = { .rootfd = rootfd };
	_cleanup_close_ int parent = -1;
	const char *name;
	struct stat st, dir;

	if (buf_puts(&p.done, one->path) < 0)
		return;
	parent = open_parent(&p, &name);
	if (parent >= 0 && fstat(parent, &dir) == 0 &&
	    fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    (one->dir ? S_ISDIR(st.st_mode) : S_ISREG(st.st_mode) && st.st_size == 0) &&
	    unlinkat(parent, name, one->dir ? AT_REMOVEDIR : 0) == 0 &&
	    same(&dir.st_mtim, &one->before))
		set_mtime(parent, &one->before);
	buf_fini(&p.done);
}

void inroot_undo(int rootfd, struct inroot_created *m)
{
	while (m->n) {
		undo_one(rootfd, &m->v[--m->n]);
		free(m->v[m->n].path);
	}
	free(m->v);
	m->v = NULL;
}
