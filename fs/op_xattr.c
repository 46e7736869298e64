/*
 * Extended attributes.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "fs/copyup.h"
#include "fs/ct.h"
#include "fs/merge.h"
#include "fs/ops.h"
#include "fs/pause.h"
#include "store/layer.h"
#include "store/upper.h"
#include "fs/xattr_reply.h"

#define CAPABILITY "security.capability"

/*
 * Attributes have a name in one of three name spaces. Access lists live in a fourth one, system.*;
 * this tree has none, and says so.
 */
static int check_name(const char *name)
{
	static const char *const spaces[] = { "user.", "trusted.", "security." };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(spaces); i++)
		if (strncmp(name, spaces[i], strlen(spaces[i])) == 0)
			return name[strlen(spaces[i])] ? 0 : -EINVAL;
	return -ENOTSUP;
}

static ssize_t get_below(struct node *n, const char *name, void *value, size_t size)
{
	struct layer *l;
	const struct layer_entry *e = merge_entry(n->ct, n->lower, &l);
	uint32_t pos = 0;
	const char *key;
	const void *v;
	size_t len;

	if (upper_xattr_is_private(name))
		return -ENODATA;
	while (e && layer_xattr(l, e, &pos, &key, &v, &len) > 0) {
		if (strcmp(key, name) != 0)
			continue;
		if (size && len > size)
			return -ERANGE;
		if (size)
			memcpy(value, v, len);
		return (ssize_t)len;
	}
	return -ENODATA;
}

static int open_path(struct node *n)
{
	struct at at _cleanup_at_ = AT_INIT;
	int r = node_at(n->ct->nodes, n, &at);

	return r < 0 ? r : at_path_fd(&at);
}

static ssize_t get(struct node *n, const char *name, void *value, size_t size)
{
	_cleanup_close_ int fd = -1;

	if (!n->upper)
		return get_below(n, name, value, size);
	fd = open_path(n);
	return fd < 0 ? fd : upper_xattr_get(&n->ct->upper, fd, name, value, size);
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

	if (!n->ct)
		r = -ENODATA;
	else
		r = value ? op_enter(n, OP_READ) : -ENOMEM;
	if (r == 0) {
		r = get(n, name, value, size);
		if (r == -ENODATA && capability)
			n->plain = true;
		op_leave(n, OP_READ);
	}
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
	uint32_t pos = 0;
	const char *key;
	const void *v;
	size_t len;

	if (n->upper) {
		_cleanup_close_ int fd = open_path(n);

		return fd < 0 ? fd : upper_xattr_list(&n->ct->upper, fd, out);
	}
	e = merge_entry(n->ct, n->lower, &l);
	while (e && layer_xattr(l, e, &pos, &key, &v, &len) > 0)
		if (!upper_xattr_is_private(key) && buf_append(out, key, strlen(key) + 1) < 0)
			return -ENOMEM;
	return 0;
}

void op_listxattr(fuse_req_t req, fuse_ino_t ino, size_t size)
{
	struct node *n = op_node(req, ino);
	struct buf names _cleanup_buf_ = BUF_INIT;
	int r = 0;

	if (n->ct) {
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

/* value NULL: remove. */
static int change(struct node *n, const char *name, const char *value, size_t size, int flags)
{
	_cleanup_close_ int fd = -1;

	fd = open_path(n);
	if (fd < 0)
		return fd;
	if (!value)
		return upper_xattr_remove(&n->ct->upper, fd, name);
	if (strcmp(name, CAPABILITY) == 0)
		n->checked = n->plain = false;
	return upper_xattr_set(&n->ct->upper, fd, name, value, size, flags);
}

/* What will not be done needs no copy. */
static int check_below(struct node *n, const char *name, bool removed, int flags)
{
	bool there = get_below(n, name, NULL, 0) >= 0;

	if (!there && (removed || (flags & XATTR_REPLACE)))
		return -ENODATA;
	if (!removed && upper_xattr_is_private(name))
		return -EPERM;
	return there && (flags & XATTR_CREATE) ? -EEXIST : 0;
}

static int change_entered(struct node *n, const char *name, const char *value, size_t size,
			  int flags)
{
	int r = n->upper ? 0 : check_below(n, name, !value, flags);

	if (r == 0)
		r = copyup(n, UINT64_MAX);
	if (r < 0)
		return r;
	pthread_rwlock_wrlock(&n->ct->ns);
	r = change(n, name, value, size, flags);
	pthread_rwlock_unlock(&n->ct->ns);
	return r;
}

static void change_reply(fuse_req_t req, fuse_ino_t ino, const char *name, const char *value,
			 size_t size, int flags)
{
	struct node *n = op_node(req, ino);
	int r = check_name(name);

	if (r == 0)
		r = n->ct ? ct_enter(n->ct, true) : -EPERM;
	if (r == 0) {
		r = change_entered(n, name, value, size, flags);
		ct_leave(n->ct, true);
	}
	op_reply(req, r);
}

void op_setxattr(fuse_req_t req, fuse_ino_t ino, const char *name, const char *value, size_t size,
		 int flags)
{
	if (!pause_take(req, op_node(req, ino), name))
		change_reply(req, ino, name, value, size, flags);
}

void op_removexattr(fuse_req_t req, fuse_ino_t ino, const char *name)
{
	change_reply(req, ino, name, NULL, 0, 0);
}
