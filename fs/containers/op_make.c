/*
 * Making files: mknod, mkdir, symlink, create, link.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/remove_tree.h"
#include "fs/containers/ops.h"
#include "fs/core/caller.h"
#include "fs/core/fs.h"
#include "fs/live/copyup.h"
#include "fs/live/file.h"
#include "fs/live/live.h"
#include "fs/live/merge.h"
#include "store/container/upper.h"
#include "store/image/tree.h"
#include "store/layer/acl.h"

/*
 * Prepare dir for a new name: make its upper directory, and check that the name does not exist.
 * *whiteout: a whiteout has the name on disk.
 */
static int prepare(struct node *dir, const char *name, struct location *location, bool *whiteout)
{
	struct lookup_result f;
	struct stat st;
	int r = merge_lookup(dir, name, &f);

	if (r != -ENOENT)
		return r < 0 ? r : -EEXIST;
	if (dir->dead)
		return -ENOENT;
	r = copyup_dir(dir, "a name is added");
	if (r == 0)
		r = node_dir(dir->live->nodes, dir, location);
	if (r < 0)
		return r;
	*whiteout = fstatat(location->fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
	return 0;
}

/* A new file, and what it inherits from its directory. */
struct newborn {
	struct stat st;
	const char *target; /* of a symbolic link */
	mode_t umask;
	struct buf access,
		standard; /* access lists: its own, and the default for its entries; empty: none */
};

#define _cleanup_newborn_ __attribute__((cleanup(newborn_fini)))

static void newborn_fini(struct newborn *b)
{
	buf_fini(&b->access);
	buf_fini(&b->standard);
}

/* A default access list replaces the umask. */
static int inherit_list(struct node *dir, const struct location *location, struct newborn *b)
{
	const struct upper *u = &dir->live->upper;
	_cleanup_close_ int fd = -1;
	ssize_t n = -ENODATA;

	if (S_ISLNK(b->st.st_mode))
		return 0;
	if (!dir->lists_nothing) {
		fd = location_path_fd(location);
		n = fd < 0 ? fd : upper_xattr_get(u, fd, ACL_DEFAULT, NULL, 0);
		if (n == -ENODATA || n == -ENOTSUP)
			dir->lists_nothing = true;
	}
	if (dir->lists_nothing) {
		b->st.st_mode &= ~b->umask;
		return 0;
	}
	if (n < 0 || buf_reserve(&b->standard, (size_t)n) < 0)
		return n < 0 ? (int)n : -ENOMEM;
	n = upper_xattr_get(u, fd, ACL_DEFAULT, b->standard.data, (size_t)n);
	if (n < 0)
		return (int)n;
	b->standard.len = (size_t)n;
	if (!acl_is_valid(b->standard.data, b->standard.len))
		return -EIO;
	return acl_inherit(b->standard.data, b->standard.len, &b->st.st_mode, &b->access);
}

/* Set the access lists of a new file that nothing has seen yet. On failure it is removed. */
static int dress(const struct upper *u, int dirfd, const char *name, const struct newborn *b)
{
	_cleanup_close_ int fd = -1;
	int r = 0;

	if (!b->access.len && (!b->standard.len || !S_ISDIR(b->st.st_mode)))
		return 0;
	fd = openat(dirfd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (b->access.len)
		r = upper_xattr_set(u, fd, ACL_ACCESS, b->access.data, b->access.len, 0);
	/* As on other file systems, kinds that cannot have one go without. */
	if (r == -ENOTSUP && !S_ISREG(b->st.st_mode) && !S_ISDIR(b->st.st_mode))
		r = 0;
	if (r == 0 && b->standard.len && S_ISDIR(b->st.st_mode))
		r = upper_xattr_set(u, fd, ACL_DEFAULT, b->standard.data, b->standard.len, 0);
	if (r < 0)
		unlinkat(dirfd, name, S_ISDIR(b->st.st_mode) ? AT_REMOVEDIR : 0);
	return r;
}

static int make_dressed(const struct upper *u, int dirfd, const char *name, const struct newborn *b)
{
	int r = upper_make(u, dirfd, name, &b->st, b->target);

	return r < 0 ? r : dress(u, dirfd, name, b);
}

/*
 * In place of a whiteout: made in work/ and moved, so that the base tree's file never shows in
 * between.
 */
static int make_over(struct live *live, int dirfd, const char *name, const struct newborn *b)
{
	char temp[32];
	bool directory = S_ISDIR(b->st.st_mode);
	int r;

	upper_temp(temp);
	r = make_dressed(&live->upper, live->upper.work_fd, temp, b);
	if (r == 0 && directory) {
		_cleanup_close_ int fd = openat(live->upper.work_fd, temp,
						O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

		r = fd < 0 ? -errno : upper_opaque(&live->upper, fd);
	}
	if (r == 0)
		r = op_place(live, temp, dirfd, name, directory, true);
	if (r < 0)
		remove_tree(live->upper.work_fd, temp);
	return r;
}

/* The owner of a new file, and what it inherits from its directory, which is upper. */
static int inherit(fuse_req_t req, struct node *dir, const struct location *location,
		   struct newborn *b)
{
	const struct fuse_ctx *ctx = fuse_req_ctx(req);
	struct stat parent, *st = &b->st;
	int r = location_stat(&dir->live->upper, location, &parent);

	if (r < 0)
		return r;
	st->st_uid = ctx->uid;
	st->st_gid = ctx->gid;
	/* An ordinary user who mounted acts as the image's root. */
	if (geteuid() && ctx->uid == geteuid())
		st->st_uid = st->st_gid = 0;
	if (st->st_uid && st->st_uid == ctx->uid)
		caller_ids(dir->live->fs, req, &st->st_uid, &st->st_gid);
	if (parent.st_mode & S_ISGID) {
		st->st_gid = parent.st_gid;
		if (S_ISDIR(st->st_mode))
			st->st_mode |= S_ISGID;
	}
	return inherit_list(dir, location, b);
}

/* The upper directory for a new file, and what the file inherits. */
static int open_parent(fuse_req_t req, struct node *dir, struct location *location,
		       struct newborn *b)
{
	int r = dir->dead ? -ENOENT : copyup_dir(dir, "a name is added");

	if (r == 0)
		r = node_dir(dir->live->nodes, dir, location);
	return r < 0 ? r : inherit(req, dir, location, b);
}

/*
 * The common case: the base tree does not have the name, so no whiteout can have it. 1: the name
 * exists, or the base tree has it; make_slowly() handles that.
 */
static int make_quickly(fuse_req_t req, struct node *dir, const char *name, struct newborn *b)
{
	struct location location _cleanup_location_ = LOCATION_INIT;
	int r = merge_below(dir, name) != TREE_NONE;

	if (r == 0)
		r = open_parent(req, dir, &location, b);
	if (r == 0)
		r = make_dressed(&dir->live->upper, location.fd, name, b);
	return r == -EEXIST ? 1 : r;
}

/* The case where the name may be a whiteout. */
static int make_slowly(fuse_req_t req, struct node *dir, const char *name, struct newborn *b)
{
	struct location location _cleanup_location_ = LOCATION_INIT;
	bool whiteout = false;
	int r = prepare(dir, name, &location, &whiteout);

	if (r == 0)
		r = inherit(req, dir, &location, b);
	if (r < 0)
		return r;
	if (whiteout)
		return make_over(dir->live, location.fd, name, b);
	return make_dressed(&dir->live->upper, location.fd, name, b);
}

/* ns is held for writing. */
static int make(fuse_req_t req, struct node *dir, const char *name, const struct newborn *wanted,
		struct fuse_entry_param *e)
{
	struct newborn b _cleanup_newborn_ = *wanted, again _cleanup_newborn_ = *wanted;
	struct lookup_result f;
	int r = make_quickly(req, dir, name, &b);

	if (r > 0)
		r = make_slowly(req, dir, name, &again);
	if (r == 0)
		r = merge_lookup(dir, name, &f);
	return r < 0 ? r : op_entry(op_containers(req), dir, name, &f, e);
}

static int make_entered(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode,
			dev_t rdev, const char *target, struct fuse_entry_param *e)
{
	struct node *dir = op_node(req, parent);
	const struct newborn b = { .st = { .st_mode = mode, .st_rdev = rdev },
				   .target = target,
				   .umask = fuse_req_ctx(req)->umask };
	int r = op_name_check(name);

	if (r == 0)
		r = op_enter(dir, OP_CHANGE);
	if (r < 0)
		return r;
	r = make(req, dir, name, &b, e);
	op_leave(dir, OP_CHANGE);
	return r;
}

static void reply_entry(fuse_req_t req, int r, const struct fuse_entry_param *e)
{
	/* req is free after any reply, also a failed one. */
	struct nodes *nodes = &op_containers(req)->nodes;
	struct node *n = r < 0 ? NULL : op_node(req, e->ino);

	if (r < 0)
		op_reply(req, r);
	else if (fuse_reply_entry(req, e) < 0)
		node_forget(nodes, n, 1);
}

void op_mknod(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, dev_t rdev)
{
	struct fuse_entry_param e;
	int r = -EPERM;

	/* A character device 0:0 is a whiteout. */
	if (!S_ISCHR(mode) || rdev != makedev(0, 0))
		r = make_entered(req, parent, name, mode, rdev, NULL, &e);
	reply_entry(req, r, &e);
}

void op_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode)
{
	struct fuse_entry_param e;

	reply_entry(req, make_entered(req, parent, name, S_IFDIR | (mode & 07777), 0, NULL, &e),
		    &e);
}

void op_symlink(fuse_req_t req, const char *target, fuse_ino_t parent, const char *name)
{
	struct fuse_entry_param e;

	reply_entry(req, make_entered(req, parent, name, S_IFLNK | 0777, 0, target, &e), &e);
}

/* make_quickly() of a file that is opened, too; *fd stays -1 where that cannot do it. */
static int create_quickly(fuse_req_t req, struct node *dir, const char *name, struct newborn *b,
			  struct fuse_entry_param *e, int *fd)
{
	struct location location _cleanup_location_ = LOCATION_INIT;
	struct live *live = dir->live;
	struct lookup_result f = { .upper = true, .lower = TREE_NONE };
	struct node *n;
	int r;

	if (merge_below(dir, name) != TREE_NONE)
		return 0;
	r = open_parent(req, dir, &location, b);
	if (r < 0)
		return r;
	r = upper_create(&live->upper, location.fd, name, &b->st, &f.st);
	if (r < 0)
		return r == -EEXIST ? 0 : r;
	*fd = r;
	r = dress(&live->upper, location.fd, name, b);
	if (r < 0)
		return r;
	f.upper_ino = f.st.st_ino;
	r = ino_map_upper(&live->inos, f.upper_ino, &f.st.st_ino);
	if (r == 0)
		r = op_entry(op_containers(req), dir, name, &f, e);
	if (r < 0)
		return r;
	n = op_node(req, e->ino);
	n->plain = true;
	n->checked = !(b->st.st_mode & (S_ISUID | S_ISGID));
	return 0;
}

/* O_TMPFILE: a descriptor holds the file until link(2) gives it a name. */
static int create_nameless(fuse_req_t req, struct node *dir, struct newborn *b,
			   struct fuse_entry_param *e, int *fd)
{
	struct location location _cleanup_location_ = LOCATION_INIT;
	struct containers *c = op_containers(req);
	struct live *live = dir->live;
	struct lookup_result f = { .upper = true, .lower = TREE_NONE };
	_cleanup_close_ int file = -1, pin = -1;
	char path[40];
	int r = open_parent(req, dir, &location, b);

	if (r < 0)
		return r;
	file = upper_create(&live->upper, live->upper.work_fd, NULL, &b->st, &f.st);
	if (file < 0)
		return file;
	if (b->access.len)
		r = upper_xattr_set(&live->upper, file, ACL_ACCESS, b->access.data, b->access.len,
				    0);
	if (r < 0)
		return r;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", file);
	pin = open(path, O_PATH | O_CLOEXEC);
	if (pin < 0)
		return -errno;
	f.upper_ino = f.st.st_ino;
	r = ino_map_upper(&live->inos, f.upper_ino, &f.st.st_ino);
	if (r == 0)
		r = op_entry(c, dir, NULL, &f, e);
	if (r < 0)
		return r;
	node_pin(live->nodes, op_node(req, e->ino), TAKE_FD(pin));
	*fd = TAKE_FD(file);
	return 0;
}

/* A new file and a descriptor of it. name NULL: O_TMPFILE. */
static int create(fuse_req_t req, struct node *dir, const char *name, mode_t mode,
		  struct fuse_entry_param *e, int *fd)
{
	const struct newborn wanted = { .st = { .st_mode = S_IFREG | (mode & 07777) },
					.umask = fuse_req_ctx(req)->umask };
	struct newborn b _cleanup_newborn_ = wanted;
	int r = name ? op_name_check(name) : 0;

	if (r == 0)
		r = op_enter(dir, OP_CHANGE);
	if (r < 0)
		return r;
	r = name ? create_quickly(req, dir, name, &b, e, fd) : create_nameless(req, dir, &b, e, fd);
	if (r == 0 && *fd < 0) {
		r = make(req, dir, name, &wanted, e);
		if (r == 0)
			*fd = file_open_upper(op_node(req, e->ino), O_RDWR);
	}
	op_leave(dir, OP_CHANGE);
	return r;
}

/* In the directory of all containers. */
static void create_lockfile(fuse_req_t req, const char *name, struct fuse_file_info *fi)
{
	struct containers *c = op_containers(req);
	struct fuse_entry_param e;
	int r = lockfile_find(&c->lockfiles, c->fs, name, &c->table, &e);

	if (r < 0)
		op_reply(req, r);
	else
		fuse_reply_create(req, &e, fi);
}

void op_create(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode,
	       struct fuse_file_info *fi)
{
	struct containers *c = op_containers(req);
	struct fuse_entry_param e;
	struct file *f = NULL;
	struct node *n;
	bool nameless = (fi->flags & O_TMPFILE) == O_TMPFILE;
	int fd = -1, r;

	if (!op_node(req, parent)->live && !nameless) {
		create_lockfile(req, name, fi);
		return;
	}
	r = create(req, op_node(req, parent), nameless ? NULL : name, mode, &e, &fd);
	if (r < 0) {
		if (fd >= 0)
			close(fd);
		op_reply(req, r);
		return;
	}
	n = op_node(req, e.ino);
	r = fd < 0 ? fd : file_adopt(n, fi->flags, fd, &f);
	if (r < 0) {
		op_reply(req, r);
		node_forget(&c->nodes, n, 1);
		return;
	}
	r = op_use(c, f, fi);
	if (r < 0) {
		op_reply(req, r);
		node_forget(&c->nodes, n, 1);
		return;
	}
	if (fuse_reply_create(req, &e, fi) < 0) {
		op_unuse(c, f);
		node_forget(&c->nodes, n, 1);
	}
}

/* ns is held for writing, n is upper. */
static int link_node(struct node *n, struct node *dir, const char *name, struct lookup_result *f)
{
	struct location from _cleanup_location_ = LOCATION_INIT,
			     to _cleanup_location_ = LOCATION_INIT;
	struct live *live = dir->live;
	bool whiteout;
	char temp[32];
	int r;

	if (n->dead)
		return -ENOENT;
	r = prepare(dir, name, &to, &whiteout);
	if (r == 0)
		r = node_locate(live->nodes, n, &from);
	if (r < 0)
		return r;
	if (whiteout) {
		upper_temp(temp);
		r = location_link(&from, live->upper.work_fd, temp);
		if (r == 0) {
			r = op_place(live, temp, to.fd, name, false, true);
			if (r < 0)
				unlinkat(live->upper.work_fd, temp, 0);
		}
	} else {
		r = location_link(&from, to.fd, name);
	}
	return r < 0 ? r : merge_lookup(dir, name, f);
}

void op_link(fuse_req_t req, fuse_ino_t ino, fuse_ino_t parent, const char *name)
{
	struct node *n = op_node(req, ino), *dir = op_node(req, parent);
	struct fuse_entry_param e;
	struct lookup_result f;
	int r = op_name_check(name);

	/* Containers behave as separate file systems, although the kernel sees one. */
	if (r == 0 && n->live != dir->live)
		r = -EXDEV;
	if (r == 0 && !dir->live)
		r = -EPERM;
	if (r == 0)
		r = op_begin(dir, OP_CHANGE);
	if (r < 0) {
		op_reply(req, r);
		return;
	}
	r = copyup(n, UINT64_MAX, "it gets another hard link");
	if (r == 0) {
		pthread_rwlock_wrlock(&dir->live->ns);
		r = link_node(n, dir, name, &f);
		if (r == 0)
			r = op_entry(op_containers(req), dir, name, &f, &e);
		pthread_rwlock_unlock(&dir->live->ns);
	}
	op_end(dir, OP_CHANGE);
	reply_entry(req, r, &e);
}
