/*
 * What the operations of the containers tree share.
 */
#include "fs/containers/ops.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "fs/core/caller.h"
#include "fs/core/fs.h"
#include "fs/live/live.h"
#include "fs/live/merge.h"
#include "store/container/upper.h"
#include "store/image/tree.h"

int op_begin(struct node *n, enum op_need need)
{
	/* A lock file, or the directory of all containers. */
	if (!n->live)
		return -EPERM;
	if (need == OP_CHANGE && n->live->fs->opt.ro)
		return -EROFS;
	return gate_enter(&n->live->gate, need == OP_CHANGE);
}

void op_end(struct node *n, enum op_need need)
{
	gate_leave(&n->live->gate, need == OP_CHANGE);
}

int op_enter(struct node *n, enum op_need need)
{
	int r = op_begin(n, need);

	if (r < 0)
		return r;
	if (need == OP_CHANGE)
		pthread_rwlock_wrlock(&n->live->ns);
	else
		pthread_rwlock_rdlock(&n->live->ns);
	return 0;
}

void op_leave(struct node *n, enum op_need need)
{
	pthread_rwlock_unlock(&n->live->ns);
	op_end(n, need);
}

int op_name_check(const char *name)
{
	return strlen(name) > NAME_MAX ? -ENAMETOOLONG : 0;
}

void op_show(const struct containers *c, struct stat *st)
{
	if (fs_is_own(c->fs)) {
		st->st_uid = st->st_uid ? st->st_uid : geteuid();
		st->st_gid = st->st_gid ? st->st_gid : getegid();
	}
	fs_show_owner(c->fs, st);
}

int op_entry(struct containers *c, struct node *dir, const char *name,
	     const struct lookup_result *f, struct fuse_entry_param *out)
{
	struct node template = {
		.ino = f->st.st_ino,
		.live = dir->live,
		.lower = f->lower,
		.type = f->st.st_mode & S_IFMT,
		.upper = f->upper,
		.upper_ino = f->upper_ino,
	};
	struct node *n = node_take(&c->nodes, &template, name ? dir : NULL, name);

	if (!n)
		return -ENOMEM;
	memset(out, 0, sizeof(*out));
	out->ino = (fuse_ino_t)(uintptr_t)n;
	out->attr = f->st;
	out->attr_timeout = out->entry_timeout = FS_FOREVER;
	op_show(c, &out->attr);
	return 0;
}

int op_place(struct live *live, const char *temp, int dirfd, const char *name, bool directory,
	     bool whiteout)
{
	int work = live->upper.work_fd;

	if (!directory || !whiteout)
		return renameat(work, temp, dirfd, name) < 0 ? -errno : 0;
	/*
	 * A directory cannot replace a device, so they are exchanged; the base tree's file stays
	 * hidden.
	 */
	if (renameat2(work, temp, dirfd, name, RENAME_EXCHANGE) < 0)
		return -errno;
	unlinkat(work, temp, 0);
	return 0;
}

mode_t op_without_set_id(fuse_req_t req, const struct upper *u, const struct stat *st)
{
	mode_t mode = st->st_mode & ~(mode_t)S_ISUID;

	if (!(mode & S_ISGID))
		return mode;
	if ((mode & S_IXGRP) ||
	    (!u->unprivileged && fuse_req_ctx(req)->uid != 0 && !caller_in_group(req, st->st_gid)))
		mode &= ~(mode_t)S_ISGID;
	return mode;
}

int op_drop_privileges(fuse_req_t req, struct node *n, int fd, bool asked)
{
	const struct upper *u = &n->live->upper;
	struct stat st;
	mode_t mode;
	int r;

	if (n->checked)
		return 0;
	r = upper_xattr_remove(u, fd, "security.capability");
	if (r < 0 && r != -ENODATA && r != -ENOTSUP)
		return r;
	r = upper_fstat(u, fd, &st);
	if (r < 0)
		return r;
	if (!(st.st_mode & (S_ISUID | S_ISGID))) {
		n->checked = true;
		return 0;
	}
	if (!asked && fuse_req_ctx(req)->uid == 0)
		return 0;
	mode = op_without_set_id(req, u, &st);
	if (mode == st.st_mode)
		return 0;
	st.st_mode = mode;
	return upper_set_owner(u, fd, &st);
}
