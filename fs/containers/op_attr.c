/*
 * Attributes.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/beneath.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "fs/containers/ops.h"
#include "fs/core/caller.h"
#include "fs/core/fs.h"
#include "fs/live/copyup.h"
#include "fs/live/file.h"
#include "fs/live/live.h"
#include "fs/live/merge.h"
#include "fs/live/placeholder.h"
#include "store/container/upper.h"
#include "store/disk/store.h"
#include "store/layer/layer.h"

static int get_attributes(struct containers *c, struct node *n, struct stat *st)
{
	int r;

	if (lockfile_is(n)) {
		lockfile_stat(c->fs, n, st);
		return 0;
	}
	if (!n->live) {
		live_table_stat(&c->table, st);
		return 0;
	}
	/* A container's root is shown without locking the container: see op_lookup(). */
	if (n == n->live->root) {
		r = gate_visit(&n->live->gate);
		if (r < 0)
			return r;
		r = upper_fstat(&n->live->upper, n->live->upper.fd, st);
		gate_leave(&n->live->gate, false);
		st->st_ino = n->ino;
		st->st_nlink = 1;
	} else {
		r = op_enter(n, OP_READ);
		if (r < 0)
			return r;
		r = merge_stat(n, st);
		op_leave(n, OP_READ);
	}
	if (r == 0)
		op_show(c, st);
	return r;
}

static void reply_attr(fuse_req_t req, int r, const struct stat *st)
{
	if (r < 0)
		op_reply(req, r);
	else
		fuse_reply_attr(req, st, FS_FOREVER);
}

void op_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct stat st;
	int r;

	(void)fi;
	memset(&st, 0, sizeof(st));
	r = get_attributes(op_containers(req), op_node(req, ino), &st);
	reply_attr(req, r, &st);
}

static int birth(struct node *n, struct timespec *born, bool *has_born)
{
	struct location location _cleanup_location_ = LOCATION_INIT;
	struct statx sx;
	int r = node_locate(n->live->nodes, n, &location);

	if (r < 0)
		return r;
	if (statx(location.fd, location.name ? location.name : "",
		  AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW, STATX_BTIME, &sx) < 0)
		return -errno;
	*has_born = sx.stx_mask & STATX_BTIME;
	born->tv_sec = sx.stx_btime.tv_sec;
	born->tv_nsec = sx.stx_btime.tv_nsec;
	return 0;
}

int op_statx(void *containers, uint64_t ino, struct stat *st, struct timespec *born, bool *has_born)
{
	struct containers *c = containers;
	struct node *n = ino == FUSE_ROOT_ID ? &c->root : (struct node *)(uintptr_t)ino;
	int r = get_attributes(c, n, st);

	if (r < 0 || !n->live)
		return r;
	*born = n->live->born;
	*has_born = born->tv_sec != 0;
	if (!n->upper || n == n->live->root)
		return 0;
	r = op_enter(n, OP_READ);
	if (r < 0)
		return r;
	r = birth(n, born, has_born);
	op_leave(n, OP_READ);
	return r;
}

/*
 * Root's form: the disk has the image's owners, and the kernel does all, dropping of set-id bits
 * included.
 */
static int set_owner_directly(const struct location *location, mode_t type, const struct stat *attr,
			      int to_set)
{
	uid_t uid = to_set & FUSE_SET_ATTR_UID ? attr->st_uid : (uid_t)-1;
	gid_t gid = to_set & FUSE_SET_ATTR_GID ? attr->st_gid : (gid_t)-1;
	char path[40];

	if ((to_set & (FUSE_SET_ATTR_UID | FUSE_SET_ATTR_GID)) &&
	    fchownat(location->fd, location->name ? location->name : "", uid, gid,
		     location->name ? AT_SYMLINK_NOFOLLOW : AT_EMPTY_PATH) < 0)
		return -errno;
	if (!(to_set & FUSE_SET_ATTR_MODE) || S_ISLNK(type))
		return 0;
	if (location->name)
		return beneath_chmod(location->fd, location->name, attr->st_mode & 07777);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", location->fd);
	return chmod(path, attr->st_mode & 07777) < 0 ? -errno : 0;
}

/*
 * The set-group-ID bit of a chown(2) by a caller that is no member. The kernel keeps it because the
 * daemon has CAP_FSETID.
 */
static int drop_setgid(fuse_req_t req, const struct upper *u, const struct location *location)
{
	_cleanup_close_ int fd = -1;
	struct stat st;
	int r = fuse_req_ctx(req)->uid ? location_stat(u, location, &st) : 1;

	if (r)
		return MIN(r, 0);
	if (S_ISDIR(st.st_mode) || (st.st_mode & (S_ISGID | S_IXGRP)) != S_ISGID ||
	    caller_in_group(req, st.st_gid))
		return 0;
	fd = location_path_fd(location);
	st.st_mode &= ~(mode_t)S_ISGID;
	return fd < 0 ? fd : upper_set_owner(u, fd, &st);
}

/* The unprivileged form: owner and mode are in an attribute. */
static int set_owner_override(struct node *n, const struct location *location,
			      const struct stat *attr, int to_set)
{
	_cleanup_close_ int fd = location_path_fd(location);
	const struct upper *u = &n->live->upper;
	struct stat st;
	int r = fd < 0 ? fd : location_stat(u, location, &st);

	if (r < 0)
		return r;
	if ((to_set & FUSE_SET_ATTR_MODE) && !S_ISLNK(st.st_mode))
		st.st_mode = (st.st_mode & S_IFMT) | (attr->st_mode & 07777);
	if (to_set & FUSE_SET_ATTR_UID)
		st.st_uid = attr->st_uid;
	if (to_set & FUSE_SET_ATTR_GID)
		st.st_gid = attr->st_gid;
	if ((to_set & (FUSE_SET_ATTR_UID | FUSE_SET_ATTR_GID)) && !S_ISDIR(st.st_mode)) {
		/* chown(2) takes these away, root's too. */
		if (!(to_set & FUSE_SET_ATTR_MODE)) {
			st.st_mode &= ~(mode_t)S_ISUID;
			if (st.st_mode & S_IXGRP)
				st.st_mode &= ~(mode_t)S_ISGID;
		}
		/* Most files have none. */
		IGNORE(upper_xattr_remove(u, fd, "security.capability"));
	}
	r = upper_set_owner(u, fd, &st);
	if (r == -EPERM && upper_placeholder(u, &st))
		return placeholder_become(n, &st);
	if (r == 0 && (to_set & FUSE_SET_ATTR_MODE))
		r = upper_acl_follow(u, fd, st.st_mode);
	/* A symlink has no attribute that was written; its st_ctime becomes now all the same. */
	if (r == 0 && S_ISLNK(st.st_mode) &&
	    fchownat(fd, "", (uid_t)-1, (gid_t)-1, AT_EMPTY_PATH) < 0)
		r = -errno;
	return r;
}

/*
 * Translate the IDs of a request to the image's. If the file is already shown with the requested
 * owner, its owner in the image is kept: restoring what stat(2) says (cp -a, rsync) changes
 * nothing.
 */
static int image_ids(fuse_req_t req, struct node *n, struct stat *attr)
{
	const struct stat asked = *attr;
	struct stat st, shown;
	int r;

	caller_ids(n->live->fs, req, &attr->st_uid, &attr->st_gid);
	if (!n->live->upper.unprivileged)
		return 0;
	r = merge_stat(n, &st);
	if (r < 0)
		return r;
	shown = st;
	op_show(op_containers(req), &shown);
	if (asked.st_uid == shown.st_uid)
		attr->st_uid = st.st_uid;
	if (asked.st_gid == shown.st_gid)
		attr->st_gid = st.st_gid;
	return 0;
}

static int set_owner(fuse_req_t req, struct node *n, struct stat *attr, int to_set)
{
	struct location location _cleanup_location_ = LOCATION_INIT;
	int r = 0;

	if (to_set & (FUSE_SET_ATTR_UID | FUSE_SET_ATTR_GID))
		r = image_ids(req, n, attr);
	if (r == 0)
		r = node_locate(n->live->nodes, n, &location);
	if (r < 0)
		return r;
	if ((to_set & FUSE_SET_ATTR_MODE) && (attr->st_mode & (S_ISUID | S_ISGID)))
		n->checked = false;
	if (n->live->upper.unprivileged)
		return set_owner_override(n, &location, attr, to_set);
	if (!(to_set & FUSE_SET_ATTR_MODE))
		r = drop_setgid(req, &n->live->upper, &location);
	return r < 0 ? r : set_owner_directly(&location, n->type, attr, to_set);
}

/* chown(2) without IDs by another user drops no set-id bits; a write by that user does. */
static int may_set_nothing(fuse_req_t req, struct node *n)
{
	const struct upper *u = &n->live->upper;
	uid_t uid = fuse_req_ctx(req)->uid;
	struct stat st;
	int r;

	if (S_ISDIR(n->type) || S_ISLNK(n->type) || u->unprivileged || uid == 0)
		return 0;
	pthread_rwlock_rdlock(&n->live->ns);
	r = merge_stat(n, &st);
	pthread_rwlock_unlock(&n->live->ns);
	if (r < 0 || uid == st.st_uid || op_without_set_id(req, u, &st) == st.st_mode)
		return r;
	return passthrough_has_writers(&op_containers(req)->passthrough, n) ? 0 : -EPERM;
}

/*
 * A SETATTR of nothing comes from chown(2) without IDs. It is also what the kernel sends before a
 * caller without CAP_FSETID writes to a file with set-id bits.
 */
static int set_nothing(fuse_req_t req, struct node *n)
{
	struct location location _cleanup_location_ = LOCATION_INIT;
	_cleanup_close_ int fd = -1;
	int r = node_locate(n->live->nodes, n, &location);

	if (r < 0)
		return r;
	fd = location_path_fd(&location);
	if (fd < 0)
		return fd;
	if (S_ISREG(n->type))
		r = op_drop_privileges(req, n, fd, true);
	else if (!n->live->upper.unprivileged)
		r = drop_setgid(req, &n->live->upper, &location);
	/* st_ctime is now, in any case. */
	if (r == 0 && fchownat(fd, "", (uid_t)-1, (gid_t)-1, AT_EMPTY_PATH) < 0)
		r = -errno;
	return r;
}

static int set_times(struct node *n, const struct stat *attr, int to_set)
{
	struct location location _cleanup_location_ = LOCATION_INIT;
	struct timespec times[2] = { { .tv_nsec = UTIME_OMIT }, { .tv_nsec = UTIME_OMIT } };
	int r = node_locate(n->live->nodes, n, &location);

	if (r < 0)
		return r;
	if (to_set & FUSE_SET_ATTR_ATIME_NOW)
		times[0].tv_nsec = UTIME_NOW;
	else if (to_set & FUSE_SET_ATTR_ATIME)
		times[0] = attr->st_atim;
	if (to_set & FUSE_SET_ATTR_MTIME_NOW)
		times[1].tv_nsec = UTIME_NOW;
	else if (to_set & FUSE_SET_ATTR_MTIME)
		times[1] = attr->st_mtim;
	r = location.name ? utimensat(location.fd, location.name, times, AT_SYMLINK_NOFOLLOW)
			  : utimensat(location.fd, "", times, AT_EMPTY_PATH);
	return r < 0 ? -errno : 0;
}

/* ns is not held: an open descriptor does not need it. */
static int set_size(fuse_req_t req, struct node *n, off_t size, struct fuse_file_info *fi)
{
	_cleanup_close_ int own = -1;
	int fd, r;

	if (fi) {
		fd = file_upper((struct file *)(uintptr_t)fi->fh, 1);
	} else {
		pthread_rwlock_rdlock(&n->live->ns);
		fd = own = file_open_upper(n, O_RDWR);
		pthread_rwlock_unlock(&n->live->ns);
	}
	if (fd < 0)
		return fd;
	r = op_drop_privileges(req, n, fd, false);
	return r < 0 ? r : ftruncate(fd, size) < 0 ? -errno : 0;
}

#define OWNER (FUSE_SET_ATTR_MODE | FUSE_SET_ATTR_UID | FUSE_SET_ATTR_GID)
#define TIMES                                                                  \
	(FUSE_SET_ATTR_ATIME | FUSE_SET_ATTR_MTIME | FUSE_SET_ATTR_ATIME_NOW | \
	 FUSE_SET_ATTR_MTIME_NOW)

static int set_attributes(fuse_req_t req, struct node *n, struct stat *attr, int to_set,
			  struct fuse_file_info *fi, struct stat *out)
{
	int r = to_set ? 0 : may_set_nothing(req, n);

	if (r == 0)
		r = copyup(n, to_set & FUSE_SET_ATTR_SIZE ? (uint64_t)attr->st_size : UINT64_MAX,
			   to_set & FUSE_SET_ATTR_SIZE ? "its size changes"
						       : "its attributes change");
	if (r == 0 && (to_set & FUSE_SET_ATTR_SIZE))
		r = set_size(req, n, attr->st_size, fi);
	if (r < 0)
		return r;
	pthread_rwlock_wrlock(&n->live->ns);
	if (to_set & OWNER)
		r = set_owner(req, n, attr, to_set);
	if (r == 0 && (to_set & TIMES))
		r = set_times(n, attr, to_set);
	if (!to_set)
		r = set_nothing(req, n);
	if (r == 0)
		r = merge_stat(n, out);
	pthread_rwlock_unlock(&n->live->ns);
	return r;
}

void op_setattr(fuse_req_t req, fuse_ino_t ino, struct stat *attr, int to_set,
		struct fuse_file_info *fi)
{
	struct node *n = op_node(req, ino);
	struct stat st;
	int r = op_begin(n, OP_CHANGE);

	memset(&st, 0, sizeof(st));
	if (r == 0) {
		r = set_attributes(req, n, attr, to_set, fi, &st);
		op_end(n, OP_CHANGE);
		op_show(op_containers(req), &st);
	}
	reply_attr(req, r, &st);
}

/*
 * The kernel asks only in a mount without permission checks. Its owner may do what root may:
 * execute a file that has any execute bit.
 */
void op_access(fuse_req_t req, fuse_ino_t ino, int mask)
{
	struct node *n = op_node(req, ino);
	struct stat st;
	int r = 0;

	if ((mask & X_OK) && n->live && S_ISREG(n->type)) {
		r = op_enter(n, OP_READ);
		if (r == 0) {
			r = merge_stat(n, &st);
			op_leave(n, OP_READ);
		}
		if (r == 0 && !(st.st_mode & 0111))
			r = -EACCES;
	}
	op_reply(req, r);
}

static int read_link(struct node *n, struct buf *out)
{
	struct location location _cleanup_location_ = LOCATION_INIT;
	struct layer *l;
	const struct layer_entry *e;
	int r;

	if (!n->upper) {
		e = merge_entry(n->live, n->lower, &l);
		return e ? buf_puts(out, layer_target(l, e)) : -EIO;
	}
	r = node_locate(n->live->nodes, n, &location);
	return r < 0 ? r
		     : upper_readlink(&n->live->upper, location.fd,
				      location.name ? location.name : "", out);
}

void op_readlink(fuse_req_t req, fuse_ino_t ino)
{
	struct node *n = op_node(req, ino);
	struct buf target _cleanup_buf_ = BUF_INIT;
	int r = op_enter(n, OP_READ);

	if (r == 0) {
		r = read_link(n, &target);
		op_leave(n, OP_READ);
	}
	if (r < 0)
		op_reply(req, r);
	else
		fuse_reply_readlink(req, buf_str(&target));
}

void op_statfs(fuse_req_t req, fuse_ino_t ino)
{
	struct containers *c = op_containers(req);
	struct statvfs sv;

	(void)ino;
	if (fstatvfs(c->fs->store->imagefs_fd, &sv) < 0) {
		op_reply(req, -errno);
		return;
	}
	sv.f_namemax = NAME_MAX;
	fuse_reply_statfs(req, &sv);
}
