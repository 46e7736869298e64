/*
 * Open files: reads and writes without passthrough (fs/live/passthrough.h).
 *
 * The kernel's writeback cache is not used: a write is in the file of the upper directory when
 * write(2) returns. So killing the daemon loses nothing, and a frozen container is consistent.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "fs/containers/ops.h"
#include "fs/core/session.h"
#include "fs/live/copyup.h"
#include "fs/live/file.h"
#include "fs/live/live.h"
#include "fs/live/merge.h"
#include "store/container/upper.h"
#include "store/layer/layer.h"

static struct file *op_file(const struct fuse_file_info *fi)
{
	return (struct file *)(uintptr_t)fi->fh;
}

/* A file from below that is read again may get a copy in advance, for passthrough. */
static void use_prepared(struct containers *c, struct file *f)
{
	int fd;

	if (!passthrough_is_on(&c->passthrough) || f->fd >= 0 || (f->flags & O_ACCMODE) != O_RDONLY)
		return;
	fd = copyup_prepare(f->node);
	if (fd >= 0)
		f->fd = fd;
}

/*
 * Passthrough writes send no request, so the copy-up comes at open. The file is the one that
 * readers have already.
 */
static int own_backing(struct node *n)
{
	int r;

	if (n->upper)
		return 0;
	r = op_begin(n, OP_CHANGE);
	if (r < 0)
		return r;
	r = copyup_file(n, UINT64_MAX, "opened for writing, with passthrough");
	op_end(n, OP_CHANGE);
	return r;
}

int op_use(struct containers *c, struct file *f, struct fuse_file_info *fi)
{
	bool keep_pages = true, direct = false;
	int backing = 0, r;

	passthrough_open(&c->passthrough, f, &backing, &keep_pages, &direct);
	fi->fh = (uint64_t)(uintptr_t)f;
	/* All changes come through this kernel, so its pages are valid, also after a copy-up. */
	fi->keep_cache = keep_pages;
	fi->direct_io = direct;
	if (!f->passthrough)
		return 0;
	r = (f->flags & O_ACCMODE) == O_RDONLY ? 0 : own_backing(f->node);
	if (r == 0)
		session_reply_backing(fi, backing);
	else
		op_unuse(c, f);
	return r;
}

void op_unuse(struct containers *c, struct file *f)
{
	passthrough_close(&c->passthrough, f);
	file_close(f);
}

void op_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct containers *c = op_containers(req);
	struct node *n = op_node(req, ino);
	enum op_need need = fi->flags & O_TRUNC ? OP_CHANGE : OP_READ;
	struct file *f = NULL;
	int r;

	if (lockfile_is(n)) {
		fuse_reply_open(req, fi);
		return;
	}
	r = n->live ? op_begin(n, need) : -EISDIR;
	if (r == 0) {
		r = file_open(n, fi->flags, &f);
		if (r == 0)
			use_prepared(c, f);
		if (r == 0 && need == OP_CHANGE && f->fd >= 0)
			r = op_drop_privileges(req, n, f->fd, false);
		op_end(n, need);
	}
	if (r < 0) {
		if (f)
			file_close(f);
		op_reply(req, r);
		return;
	}
	r = op_use(c, f, fi);
	if (r < 0)
		op_reply(req, r);
	else if (fuse_reply_open(req, fi) < 0)
		op_unuse(c, f);
}

void op_release(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct containers *c = op_containers(req);
	bool mapped;

	if (!fi->fh) {
		op_reply(req, 0);
		return;
	}
	/* Writes through a mapping changed times that the kernel caches. */
	mapped = op_file(fi)->passthrough && (op_file(fi)->flags & O_ACCMODE) == O_RDWR;
	op_unuse(c, op_file(fi));
	if (mapped)
		fuse_lowlevel_notify_inval_inode(session_fuse(c->session), ino, -1, 0);
	op_reply(req, 0);
}

static ssize_t read_below(struct node *n, char *buf, size_t size, off_t off)
{
	struct layer *l;
	const struct layer_entry *e = merge_entry(n->live, n->lower, &l);

	return e ? layer_pread(l, e, buf, size, (uint64_t)off) : -EIO;
}

static ssize_t read_upper(int fd, char *buf, size_t size, off_t off)
{
	size_t done = 0;

	while (done < size) {
		ssize_t n = pread(fd, buf + done, size - done, off + (off_t)done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		done += (size_t)n;
	}
	return (ssize_t)done;
}

void op_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off, struct fuse_file_info *fi)
{
	struct node *n = op_node(req, ino);
	_cleanup_free_ char *buf = malloc(size);
	ssize_t r = buf ? op_begin(n, OP_READ) : -ENOMEM;

	if (r == 0) {
		int fd = file_upper(op_file(fi), 0);

		if (fd >= 0)
			r = read_upper(fd, buf, size, off);
		else
			r = fd == -ENODATA ? read_below(n, buf, size, off) : fd;
		if (fd < 0 && r > 0)
			__atomic_fetch_add(&n->bytes_read, (uint64_t)r, __ATOMIC_RELAXED);
		op_end(n, OP_READ);
	}
	if (r < 0)
		op_reply(req, (int)r);
	else
		fuse_reply_buf(req, buf, (size_t)r);
}

static ssize_t write_upper(int fd, const char *data, size_t size, off_t off)
{
	size_t done = 0;

	while (done < size) {
		ssize_t n = pwrite(fd, data + done, size - done, off + (off_t)done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return done ? (ssize_t)done : -errno;
		done += (size_t)n;
	}
	return (ssize_t)done;
}

void op_write(fuse_req_t req, fuse_ino_t ino, const char *data, size_t size, off_t off,
	      struct fuse_file_info *fi)
{
	struct node *n = op_node(req, ino);
	ssize_t r = op_begin(n, OP_CHANGE);

	if (r == 0) {
		int fd = file_upper(op_file(fi), 1);

		r = fd < 0 ? fd : op_drop_privileges(req, n, fd, false);
		if (r == 0)
			r = write_upper(fd, data, size, off);
		op_end(n, OP_CHANGE);
	}
	if (r < 0)
		op_reply(req, (int)r);
	else
		fuse_reply_write(req, (size_t)r);
}

void op_fsync(fuse_req_t req, fuse_ino_t ino, int datasync, struct fuse_file_info *fi)
{
	struct node *n = op_node(req, ino);
	int r = op_begin(n, OP_READ), fd;

	if (r == 0) {
		fd = file_upper(op_file(fi), 0);
		session_wait_begin();
		if (fd >= 0)
			r = (datasync ? fdatasync(fd) : fsync(fd)) < 0 ? -errno : 0;
		session_wait_end();
		if (fd < 0)
			r = fd == -ENODATA ? 0 : fd;
		op_end(n, OP_READ);
	}
	op_reply(req, r);
}

void op_fallocate(fuse_req_t req, fuse_ino_t ino, int mode, off_t off, off_t len,
		  struct fuse_file_info *fi)
{
	struct node *n = op_node(req, ino);
	int r = op_begin(n, OP_CHANGE), fd;

	if (r == 0) {
		fd = file_upper(op_file(fi), 1);
		r = fd < 0 ? fd : op_drop_privileges(req, n, fd, false);
		if (r == 0)
			r = fallocate(fd, mode, off, len) < 0 ? -errno : 0;
		op_end(n, OP_CHANGE);
	}
	op_reply(req, r);
}

static int64_t seek_below(struct node *n, off_t off, int whence)
{
	struct layer *l;
	const struct layer_entry *e = merge_entry(n->live, n->lower, &l);

	return !e || off < 0 ? -ENXIO : layer_seek(l, e, (uint64_t)off, whence);
}

/* Writes through a mapping may be in the kernel's pages only: make it write them back. */
static void fetch_mapped(struct containers *c, fuse_ino_t ino, const struct file *f)
{
	if (f->passthrough || !passthrough_has_writers(&c->passthrough, f->node))
		return;
	session_wait_begin();
	fuse_lowlevel_notify_inval_inode(session_fuse(c->session), ino, 0, 0);
	session_wait_end();
}

void op_lseek(fuse_req_t req, fuse_ino_t ino, off_t off, int whence, struct fuse_file_info *fi)
{
	struct node *n = op_node(req, ino);
	int64_t r = whence == SEEK_DATA || whence == SEEK_HOLE ? 0 : -EINVAL;

	if (r == 0 && !n->live)
		r = -ENXIO;
	if (r == 0) {
		fetch_mapped(op_containers(req), ino, op_file(fi));
		r = op_begin(n, OP_READ);
	}
	if (r == 0) {
		int fd = file_upper(op_file(fi), 0);

		if (fd >= 0) {
			r = lseek(fd, off, whence);
			r = r < 0 ? -errno : r;
		} else {
			r = fd == -ENODATA ? seek_below(n, off, whence) : fd;
		}
		op_end(n, OP_READ);
	}
	if (r < 0)
		op_reply(req, (int)r);
	else
		fuse_reply_lseek(req, r);
}

void op_copy_file_range(fuse_req_t req, fuse_ino_t in, off_t in_off, struct fuse_file_info *in_fi,
			fuse_ino_t out, off_t out_off, struct fuse_file_info *out_fi, size_t len,
			int flags)
{
	struct node *from = op_node(req, in), *to = op_node(req, out);
	ssize_t r = from->live == to->live ? op_begin(to, OP_CHANGE) : -EXDEV;

	if (r == 0) {
		int src = file_upper(op_file(in_fi), 0), dst;

		/*
		 * A file from below has no descriptor: after EXDEV the kernel copies by read and
		 * write.
		 */
		dst = src < 0 ? -EXDEV : file_upper(op_file(out_fi), 1);
		r = dst < 0 ? dst : op_drop_privileges(req, to, dst, false);
		if (r == 0) {
			r = copy_file_range(src, &in_off, dst, &out_off, len, (unsigned)flags);
			r = r < 0 ? -errno : r;
		}
		op_end(to, OP_CHANGE);
	}
	if (r < 0)
		op_reply(req, (int)r);
	else
		fuse_reply_write(req, (size_t)r);
}
