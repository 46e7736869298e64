/* A walk over the upper directory, sorted by name, writes an entry or a marker for each file. */
#include "store/container/layer_write.h"
#include "store/layer/acl.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/log.h"
#include "base/map.h"
#include "base/pattern.h"
#include "base/text.h"
#include "base/walk.h"
#include "store/container/upper.h"
#include "store/layer/layer.h"
#include "store/layer/tar_write.h"

#define COPY_SIZE (256u * 1024)
#define WHITEOUT ".wh."
#define OPAQUE ".wh..wh..opq"

struct writer {
	const struct upper *u;
	const struct sink *out;
	struct err *err;
	struct walk walk;
	struct map links; /* "dev:ino" -> path of the first name */
	char *block;
	size_t written; /* entries */
	const struct patterns *include, *exclude;
	size_t whole; /* length of the path of an included directory; 0: none */
	/*
	 * Entries of parent directories that are not included themselves: they are written if
	 * something in them is.
	 */
	struct buf waiting;
	struct waiting {
		size_t path_len,
			start; /* path length of the directory; position of its entry in waiting */
	} * around;
	size_t n_around;
	/* Names that a layer cannot represent: the first ones, and their number. */
	struct buf refused;
	size_t n_refused;
};

#define REFUSED_SHOWN 5

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int fail(struct writer *w, int r, const char *what)
{
	struct buf name _cleanup_buf_ = BUF_INIT;

	text_escape(&name, buf_str(&w->walk.path));
	return err_sys(w->err, -r, "/%.300s: %s", buf_str(&name), what);
}

bool layer_carries(const char *xattr)
{
	return strcmp(xattr, "security.capability") == 0 || strncmp(xattr, "user.", 5) == 0 ||
	       acl_is_name(xattr);
}

int layer_xattrs(const struct upper *u, int fd, bool (*carries)(const char *), struct buf *out)
{
	struct buf list _cleanup_buf_ = BUF_INIT;
	_cleanup_free_ char **names = NULL;
	size_t n = 0, i;
	const char *p;
	int r;

	r = upper_xattr_list(u, fd, &list);
	if (r == -ENOTSUP || (r == 0 && !list.len))
		return 0;
	if (r < 0)
		return r;
	names = calloc(list.len, sizeof(*names));
	if (!names)
		return -ENOMEM;
	for (p = buf_str(&list); p < buf_str(&list) + list.len; p += strlen(p) + 1)
		if (carries(p))
			names[n++] = (char *)p;
	qsort(names, n, sizeof(*names), by_name);
	for (i = 0; i < n; i++) {
		_cleanup_free_ char *value = NULL;
		ssize_t len = upper_xattr_get(u, fd, names[i], NULL, 0);

		if (len < 0)
			return (int)len;
		value = malloc((size_t)len + 1);
		if (!value)
			return -ENOMEM;
		len = upper_xattr_get(u, fd, names[i], value, (size_t)len);
		if (len < 0)
			return (int)len;
		if (tar_xattr(out, names[i], value, (size_t)len) < 0)
			return -ENOMEM;
	}
	return 0;
}

struct entry_xattr {
	const char *name;
	const void *value;
	size_t len;
};

static int by_xattr_name(const void *a, const void *b)
{
	return strcmp(((const struct entry_xattr *)a)->name, ((const struct entry_xattr *)b)->name);
}

int layer_entry_xattrs(const struct layer *l, const struct layer_entry *e,
		       bool (*carries)(const char *), struct buf *out)
{
	_cleanup_free_ struct entry_xattr *v = calloc(e->n_xattr + 1u, sizeof(*v));
	uint64_t pos = 0;
	size_t n = 0, i;

	if (!v)
		return -ENOMEM;
	while (layer_xattr(l, e, &pos, &v[n].name, &v[n].value, &v[n].len) > 0)
		if (carries(v[n].name))
			n++;
	qsort(v, n, sizeof(*v), by_xattr_name);
	for (i = 0; i < n; i++)
		if (tar_xattr(out, v[i].name, v[i].value, v[i].len) < 0)
			return -ENOMEM;
	return 0;
}

static int add_xattrs(struct writer *w, int fd, struct tar_entry *e)
{
	return layer_xattrs(w->u, fd, layer_carries, &e->xattrs);
}

/* Write a marker file to the directory whose path has dir_len bytes. */
static int write_marker(struct writer *w, const struct sink *out, size_t dir_len,
			const char *prefix, const char *name)
{
	struct buf path _cleanup_buf_ = BUF_INIT;
	struct tar_entry e = { .st.st_mode = S_IFREG | 0600 };

	if (buf_append(&path, w->walk.path.data, dir_len) < 0 ||
	    (dir_len && buf_putc(&path, '/') < 0) || buf_puts(&path, prefix) < 0 ||
	    buf_puts(&path, name) < 0)
		return err_nomem(w->err);
	e.path = buf_str(&path);
	/* Deferred entries are counted when they are written. */
	w->written += out == w->out;
	return tar_header(out, &e, w->err);
}

/* Write the opaque marker after the entry of a directory, if it is opaque. */
static int write_opaque(struct writer *w, const struct sink *out, int dir, size_t path_len)
{
	int r = upper_is_opaque(w->u, dir);

	if (r < 0)
		return fail(w, r, "cannot read whether it is opaque");
	return r ? write_marker(w, out, path_len, OPAQUE, "") : 0;
}

/* Write the deferred entries of the parent directories. */
static int flush_waiting(struct writer *w)
{
	int r = 0;

	if (w->waiting.len)
		r = sink_write(w->out, w->waiting.data, w->waiting.len, w->err);
	w->written += w->n_around;
	w->n_around = 0;
	buf_clear(&w->waiting);
	return r;
}

static int to_waiting(void *ctx, const void *data, size_t len, struct err *err)
{
	return buf_append(ctx, data, len) < 0 ? err_nomem(err) : 0;
}

/* Defer the entry of the current directory and its opaque marker. */
static int wait_with(struct writer *w, const struct tar_entry *e, int dir)
{
	const struct sink sink = { to_waiting, &w->waiting };
	struct waiting *more = realloc(w->around, (w->n_around + 1) * sizeof(*more));
	int r;

	if (!more)
		return err_nomem(w->err);
	w->around = more;
	more[w->n_around].path_len = w->walk.path.len;
	more[w->n_around++].start = w->waiting.len;
	r = tar_header(&sink, e, w->err);
	return r < 0 ? r : write_opaque(w, &sink, dir, w->walk.path.len);
}

/* Drop deferred entries of directories that the walk has left. */
static void drop_left(struct writer *w, size_t dir_len)
{
	while (w->n_around && w->around[w->n_around - 1].path_len > dir_len)
		w->waiting.len = w->around[--w->n_around].start;
	if (w->whole > dir_len)
		w->whole = 0;
}

/* True if the current name is included; a directory includes everything below it. */
static bool is_included(struct writer *w)
{
	return w->whole || !w->include || !w->include->n ||
	       patterns_match(w->include, buf_str(&w->walk.path));
}

static bool is_excluded(const struct writer *w)
{
	return w->exclude && patterns_match(w->exclude, buf_str(&w->walk.path));
}

static int put_entry(struct writer *w, const struct tar_entry *e)
{
	int r = flush_waiting(w);

	if (r < 0)
		return r;
	w->written++;
	return tar_header(w->out, e, w->err);
}

static int put_data(struct writer *w, int fd, uint64_t size)
{
	uint64_t left = size;
	int r;

	while (left) {
		ssize_t n = read(fd, w->block, MIN(left, (uint64_t)COPY_SIZE));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return fail(w, -errno, "cannot read");
		if (n == 0)
			return fail(w, -EIO, "became shorter while it was read");
		r = sink_write(w->out, w->block, (size_t)n, w->err);
		if (r < 0)
			return r;
		left -= (uint64_t)n;
	}
	return tar_pad(w->out, size, w->err);
}

/*
 * Set *first to the path under which this inode was written before, or NULL. Inodes with several
 * links are recorded.
 */
static int seen_before(struct writer *w, int dirfd, const char *name, const char **first)
{
	struct stat real;
	char key[64];
	char *copy;

	*first = NULL;
	if (fstatat(dirfd, name, &real, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	if (real.st_nlink < 2)
		return 0;
	snprintf(key, sizeof(key), "%llx:%llx", (unsigned long long)real.st_dev,
		 (unsigned long long)real.st_ino);
	*first = map_get(&w->links, key);
	if (*first)
		return 0;
	copy = strdup(buf_str(&w->walk.path));
	if (!copy || map_put(&w->links, key, copy) < 0) {
		free(copy);
		return -ENOMEM;
	}
	return 0;
}

/* Write anything except a directory. fd was opened with O_PATH. */
static int put_file(struct writer *w, int dirfd, const char *name, int fd, struct tar_entry *e)
{
	struct buf target _cleanup_buf_ = BUF_INIT;
	_cleanup_close_ int data = -1;
	const char *first;
	int r;

	if (S_ISSOCK(e->st.st_mode)) {
		log_warn("/%s: skipped: a layer cannot contain a socket", e->path);
		return 0;
	}
	r = seen_before(w, dirfd, name, &first);
	if (r < 0)
		return fail(w, r, "cannot read");
	if (first) {
		e->hardlink = true;
		e->target = first;
		return put_entry(w, e);
	}
	if (S_ISLNK(e->st.st_mode)) {
		r = upper_readlink(w->u, dirfd, name, &target);
		if (r < 0)
			return fail(w, r, "cannot read the link");
		e->target = buf_str(&target);
	}
	r = add_xattrs(w, fd, e);
	if (r < 0)
		return fail(w, r, "cannot read its extended attributes");
	if (!S_ISREG(e->st.st_mode))
		return put_entry(w, e);
	data = openat(dirfd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (data < 0)
		return fail(w, -errno, "cannot open");
	r = put_entry(w, e);
	return r < 0 ? r : put_data(w, data, (uint64_t)e->st.st_size);
}

static int put_dir(struct writer *w, int dirfd, const char *name, int fd, struct tar_entry *e,
		   bool included)
{
	int dir = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), r;

	if (dir < 0)
		return fail(w, -errno, "cannot open");
	r = add_xattrs(w, fd, e);
	if (r < 0)
		r = fail(w, r, "cannot read its extended attributes");
	if (r == 0)
		r = included ? put_entry(w, e) : wait_with(w, e, dir);
	if (r == 0 && included)
		r = write_opaque(w, w->out, dir, w->walk.path.len);
	if (r < 0) {
		close(dir);
		return r;
	}
	if (included && !w->whole)
		w->whole = w->walk.path.len;
	r = walk_enter(&w->walk, dir);
	return r < 0 ? fail(w, r, "cannot read the directory") : 0;
}

/* True if a part of the path would be read as a whiteout. */
static bool is_whiteout_name(const char *path)
{
	return strncmp(path, WHITEOUT, strlen(WHITEOUT)) == 0 || strstr(path, "/" WHITEOUT);
}

/* Record the name and continue, so that all of them are reported. */
static int refuse_name(struct writer *w)
{
	if (w->n_refused++ >= REFUSED_SHOWN)
		return 0;
	if ((w->n_refused > 1 && buf_puts(&w->refused, ", ") < 0) ||
	    buf_putc(&w->refused, '/') < 0 || text_escape(&w->refused, buf_str(&w->walk.path)) < 0)
		return err_nomem(w->err);
	return 0;
}

static int check_refused(const struct writer *w)
{
	struct buf more _cleanup_buf_ = BUF_INIT;

	if (!w->n_refused)
		return 0;
	if (w->n_refused > REFUSED_SHOWN &&
	    buf_printf(&more, " and %zu more", w->n_refused - REFUSED_SHOWN) < 0)
		return err_nomem(w->err);
	return err_set(
		w->err, EINVAL,
		"%.600s%s: in a layer a name that begins with .wh. removes a file; --exclude "
		"leaves it out",
		buf_str(&w->refused), buf_str(&more));
}

static int put_one(struct writer *w, int dirfd, const char *name)
{
	size_t dir_len = walk_dir_len(&w->walk);
	_cleanup_close_ int fd = -1;
	struct tar_entry e = { 0 };
	bool whiteout, included;
	int r;

	drop_left(w, dir_len);
	if (is_excluded(w))
		return 0;
	included = is_included(w);

	r = upper_lookup(w->u, dirfd, name, &e.st, &whiteout);
	if (r < 0)
		return fail(w, r, "cannot read");
	if (!included && (whiteout || !S_ISDIR(e.st.st_mode)))
		return 0;
	if (included && is_whiteout_name(buf_str(&w->walk.path)))
		return refuse_name(w);
	if (whiteout) {
		r = flush_waiting(w);
		return r < 0 ? r : write_marker(w, w->out, dir_len, WHITEOUT, name);
	}
	if (upper_is_mountpoint(dirfd, name, &e.st)) {
		if (!S_ISDIR(e.st.st_mode))
			return 0;
		/* The directory counts only if something else is in it. */
		included = false;
	}
	fd = openat(dirfd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return fail(w, -errno, "cannot open");
	e.path = buf_str(&w->walk.path);
	r = S_ISDIR(e.st.st_mode) ? put_dir(w, dirfd, name, fd, &e, included)
				  : put_file(w, dirfd, name, fd, &e);
	buf_fini(&e.xattrs);
	return r;
}

/* Write the root only if it differs from the lower layers', ignoring its mtime. */
static int put_root(struct writer *w, const struct layer_root *base)
{
	struct tar_entry e = { .path = "." };
	int r = upper_fstat(w->u, w->u->fd, &e.st);

	if (r == 0)
		r = add_xattrs(w, w->u->fd, &e);
	if (r < 0)
		r = fail(w, r, "cannot read");
	else if (e.st.st_mode != base->st.st_mode || e.st.st_uid != base->st.st_uid ||
		 e.st.st_gid != base->st.st_gid || e.xattrs.len != base->xattrs.len ||
		 (e.xattrs.len && memcmp(e.xattrs.data, base->xattrs.data, e.xattrs.len) != 0))
		r = put_entry(w, &e);
	buf_fini(&e.xattrs);
	if (r < 0)
		return r;
	return write_opaque(w, w->out, w->u->fd, 0);
}

static int write_all(struct writer *w, const struct layer_root *base)
{
	int fd = openat(w->u->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), r;
	const char *name;

	if (fd < 0)
		return fail(w, -errno, "cannot open");
	r = w->include && w->include->n ? 0 : put_root(w, base);
	if (r < 0) {
		close(fd);
		return r;
	}
	r = walk_enter(&w->walk, fd);
	if (r < 0)
		return fail(w, r, "cannot read the directory");
	while ((r = walk_next(&w->walk, &name)) > 0) {
		r = put_one(w, w->walk.fd, name);
		if (r < 0)
			return r;
	}
	return r < 0 ? fail(w, r, "cannot continue from here") : check_refused(w);
}

int layer_write(const struct upper *u, const struct layer_root *base,
		const struct patterns *include, const struct patterns *exclude,
		const struct sink *out, bool *empty, struct err *err)
{
	struct writer w = { .u = u,
			    .out = out,
			    .err = err,
			    .walk = WALK_INIT,
			    .include = include,
			    .exclude = exclude };
	int r;

	w.block = malloc(COPY_SIZE);
	r = w.block ? write_all(&w, base) : err_nomem(err);
	if (r == 0 && w.written)
		r = tar_end(out, err);
	*empty = w.written == 0;
	walk_fini(&w.walk);
	free(w.block);
	free(w.around);
	buf_fini(&w.waiting);
	buf_fini(&w.refused);
	map_fini(&w.links, free);
	return r;
}
