/*
 * Extended attributes.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "fs/containers/freeze.h"
#include "fs/containers/ops.h"
#include "fs/core/caller.h"
#include "fs/core/fs.h"
#include "fs/core/session.h"
#include "fs/core/xattr_reply.h"
#include "fs/live/copyup.h"
#include "fs/live/live.h"
#include "fs/live/merge.h"
#include "store/container/upper.h"
#include "store/image/tree.h"
#include "store/layer/acl.h"
#include "store/layer/layer.h"
#include "store/layer/overlay_xattr.h"

#define CAPABILITY "security.capability"

/*
 * Names are in one of three namespaces; of the fourth one, system.*, only access lists are
 * supported.
 */
static int check_name(const char *name)
{
	static const char *const spaces[] = { "user.", "trusted.", "security." };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(spaces); i++)
		if (strncmp(name, spaces[i], strlen(spaces[i])) == 0)
			return name[strlen(spaces[i])] ? 0 : -EINVAL;
	return acl_is_name(name) ? 0 : -ENOTSUP;
}

static ssize_t get_below(struct node *n, const char *name, void *value, size_t size)
{
	struct buf shown _cleanup_buf_ = BUF_INIT;
	struct stat st;
	struct layer *l;
	const struct layer_entry *e = merge_entry(n->live, n->lower, &l);
	uint64_t pos = 0;
	const char *key;
	const void *v;
	size_t len;

	while (e && layer_xattr(l, e, &pos, &key, &v, &len) > 0) {
		if (strcmp(key, name) != 0 || !xattr_is_shown(name, v, len, S_ISDIR(n->type)))
			continue;
		if (size && len > size)
			return -ERANGE;
		tree_stat(n->live->tree, n->lower, &st);
		if (xattr_shown(name, v, len, st.st_mode, &shown) < 0)
			return -ENOMEM;
		if (size)
			memcpy(value, buf_str(&shown), len);
		return (ssize_t)len;
	}
	return -ENODATA;
}

static int open_path(struct node *n)
{
	struct location location _cleanup_location_ = LOCATION_INIT;
	int r = node_locate(n->live->nodes, n, &location);

	return r < 0 ? r : location_path_fd(&location);
}

static ssize_t get(struct node *n, const char *name, void *value, size_t size)
{
	_cleanup_close_ int fd = -1;

	if (!n->upper)
		return get_below(n, name, value, size);
	fd = open_path(n);
	return fd < 0 ? fd : upper_xattr_get(&n->live->upper, fd, name, value, size);
}

/* Translate the IDs in an access list as owners are translated. */
static void show_ids(void *arg, uid_t *uid, gid_t *gid)
{
	struct stat st = { .st_uid = *uid, .st_gid = *gid };

	if (!fs_is_own(arg))
		return;
	*uid = st.st_uid ? st.st_uid : geteuid();
	*gid = st.st_gid ? st.st_gid : getegid();
}

static void take_ids(void *arg, uid_t *uid, gid_t *gid)
{
	fuse_req_t req = arg;

	caller_ids(op_containers(req)->fs, req, uid, gid);
}

void op_getxattr(fuse_req_t req, fuse_ino_t ino, const char *name, size_t size)
{
	struct node *n = op_node(req, ino);
	bool capability = strcmp(name, CAPABILITY) == 0;
	_cleanup_free_ char *value = NULL;
	ssize_t r = check_name(name);

	if (r < 0 || (capability && n->plain)) {
		op_reply(req, r < 0 ? (int)r : -ENODATA);
		return;
	}
	value = malloc(size + 1);

	if (!n->live)
		r = -ENODATA;
	else
		r = value ? op_enter(n, OP_READ) : -ENOMEM;
	if (r == 0) {
		r = get(n, name, value, size);
		if (r == -ENODATA && capability)
			n->plain = true;
		op_leave(n, OP_READ);
	}
	if (r > 0 && size && acl_is_name(name))
		acl_map(value, (size_t)r, show_ids, op_containers(req)->fs);
	if (r < 0)
		op_reply(req, (int)r);
	else if (size)
		fuse_reply_buf(req, value, (size_t)r);
	else
		fuse_reply_xattr(req, (size_t)r);
}

static int list(struct node *n, struct buf *out)
{
	struct layer *l;
	const struct layer_entry *e;
	uint64_t pos = 0;
	const char *key;
	const void *v;
	size_t len;

	if (n->upper) {
		_cleanup_close_ int fd = open_path(n);

		return fd < 0 ? fd : upper_xattr_list(&n->live->upper, fd, out);
	}
	e = merge_entry(n->live, n->lower, &l);
	while (e && layer_xattr(l, e, &pos, &key, &v, &len) > 0)
		if (xattr_is_shown(key, v, len, S_ISDIR(n->type)) &&
		    buf_append(out, key, strlen(key) + 1) < 0)
			return -ENOMEM;
	return 0;
}

void op_listxattr(fuse_req_t req, fuse_ino_t ino, size_t size)
{
	struct node *n = op_node(req, ino);
	struct buf names _cleanup_buf_ = BUF_INIT;
	int r = 0;

	if (n->live) {
		r = op_enter(n, OP_READ);
		if (r == 0) {
			r = list(n, &names);
			op_leave(n, OP_READ);
		}
	}
	if (r < 0)
		op_reply(req, r);
	else
		xattr_reply_list(req, &names, size);
}

/*
 * An access list changes the mode, so the kernel must ask for it again. As chmod(2) does, a caller
 * who is no member of the file's group drops the set-group-ID bit.
 */
static int changed_mode(fuse_req_t req, struct node *n, int fd)
{
	const struct upper *u = &n->live->upper;
	struct session *s = op_containers(req)->session;
	struct stat st;
	int r = upper_fstat(u, fd, &st);

	if (r == 0 && !u->unprivileged && (st.st_mode & S_ISGID) && fuse_req_ctx(req)->uid != 0 &&
	    !caller_in_group(req, st.st_gid)) {
		st.st_mode &= ~(mode_t)S_ISGID;
		r = upper_set_owner(u, fd, &st);
	}
	fuse_lowlevel_notify_inval_inode(session_fuse(s), (fuse_ino_t)(uintptr_t)n, -1, 0);
	return r;
}

static int change_acl(fuse_req_t req, struct node *n, int fd, const char *name, const char *value,
		      size_t size)
{
	_cleanup_free_ char *list = value ? malloc(size + 1) : NULL;
	int r;

	n->lists_nothing = false;
	if (!value) {
		r = upper_xattr_remove(&n->live->upper, fd, name);
		return r == -ENODATA ? 0 : r;
	}
	if (!list)
		return -ENOMEM;
	if (!acl_is_valid(value, size))
		return -EINVAL;
	memcpy(list, value, size);
	if (n->live->upper.unprivileged)
		acl_map(list, size, take_ids, req);
	r = upper_xattr_set(&n->live->upper, fd, name, list, size, 0);
	return r < 0 || strcmp(name, ACL_ACCESS) != 0 ? r : changed_mode(req, n, fd);
}

/* value NULL: remove. */
static int change(fuse_req_t req, struct node *n, const char *name, const char *value, size_t size,
		  int flags)
{
	_cleanup_close_ int fd = -1;

	fd = open_path(n);
	if (fd < 0)
		return fd;
	if (acl_is_name(name))
		return change_acl(req, n, fd, name, value, size);
	if (!value)
		return upper_xattr_remove(&n->live->upper, fd, name);
	if (strcmp(name, CAPABILITY) == 0)
		n->checked = n->plain = false;
	return upper_xattr_set(&n->live->upper, fd, name, value, size, flags);
}

/* A request that will fail needs no copy-up. */
static int check_below(struct node *n, const char *name, bool removed, int flags)
{
	bool there = get_below(n, name, NULL, 0) >= 0;

	if (acl_is_name(name))
		return 0;
	if (!there && (removed || (flags & XATTR_REPLACE)))
		return -ENODATA;
	if (!removed && overlay_xattr_is_private(name))
		return -EPERM;
	return there && (flags & XATTR_CREATE) ? -EEXIST : 0;
}

static int change_entered(fuse_req_t req, struct node *n, const char *name, const char *value,
			  size_t size, int flags)
{
	int r = n->upper ? 0 : check_below(n, name, !value, flags);

	if (r == 0)
		r = copyup(n, UINT64_MAX, "an extended attribute changes");
	if (r < 0)
		return r;
	pthread_rwlock_wrlock(&n->live->ns);
	r = change(req, n, name, value, size, flags);
	pthread_rwlock_unlock(&n->live->ns);
	return r;
}

static void change_reply(fuse_req_t req, fuse_ino_t ino, const char *name, const char *value,
			 size_t size, int flags)
{
	struct node *n = op_node(req, ino);
	int r = check_name(name);

	if (r == 0)
		r = op_begin(n, OP_CHANGE);
	if (r == 0) {
		r = change_entered(req, n, name, value, size, flags);
		op_end(n, OP_CHANGE);
	}
	op_reply(req, r);
}

void op_setxattr(fuse_req_t req, fuse_ino_t ino, const char *name, const char *value, size_t size,
		 int flags)
{
	if (!freeze_take(req, op_node(req, ino), name))
		change_reply(req, ino, name, value, size, flags);
}

void op_removexattr(fuse_req_t req, fuse_ino_t ino, const char *name)
{
	change_reply(req, ino, name, NULL, 0, 0);
}
