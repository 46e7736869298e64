/*
 * Renaming, as overlayfs does it: files are copied up first, a directory with
 * something from below stays where it is (EXDEV), and what the base tree has
 * under the old name stays hidden.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "fs/copyup.h"
#include "fs/ct.h"
#include "fs/merge.h"
#include "fs/ops.h"
#include "store/upper.h"

/* One of the two names. */
struct side {
	struct node *dir, *node;
	const char *name;
	struct found found;
	bool there;
	bool below; /* the base tree has the name, shown or not */
	struct at at;
};

static int find_side(struct side *s)
{
	int r = merge_lookup(s->dir, s->name, &s->found);

	if (r < 0 && r != -ENOENT)
		return r;
	s->there = r == 0;
	s->below = merge_below(s->dir, s->name) != TREE_NONE;
	s->node = s->there ? node_child(s->dir->ct->nodes, s->dir, s->name) : NULL;
	return 0;
}

static bool is_dir(const struct side *s)
{
	return S_ISDIR(s->found.st.st_mode);
}

/* May what stands on this side go to another place? */
static int check_moves(const struct side *s)
{
	if (is_dir(s))
		return s->found.upper && s->found.lower == TREE_NONE ? 0 : -EXDEV;
	return s->found.upper ? 0 : -EAGAIN;
}

static int check_replaced(const struct side *from, const struct side *to)
{
	int r;

	if (is_dir(from) != is_dir(to))
		return is_dir(from) ? -ENOTDIR : -EISDIR;
	if (!is_dir(to))
		return 0;
	if (!to->node)
		return -ENOENT;
	r = merge_is_empty(to->node);
	return r < 0 ? r : r ? 0 : -ENOTEMPTY;
}

static int check(struct side *from, struct side *to, unsigned flags)
{
	int r;

	if (!from->there || from->dir->dead || to->dir->dead)
		return -ENOENT;
	if ((flags & RENAME_NOREPLACE) && to->there)
		return -EEXIST;
	if ((flags & RENAME_EXCHANGE) && !to->there)
		return -ENOENT;
	r = check_moves(from);
	if (r == 0 && (flags & RENAME_EXCHANGE))
		r = check_moves(to);
	else if (r == 0 && to->there)
		r = check_replaced(from, to);
	return r;
}

/* A directory that comes to a place with something below it must not show that. */
static int make_opaque(const struct side *s, const struct side *goes_to)
{
	_cleanup_close_ int fd = -1;

	if (!is_dir(s) || !goes_to->below)
		return 0;
	fd = openat(s->at.fd, s->name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? -errno : upper_opaque(&s->dir->ct->upper, fd);
}

static int rename_sides(const struct side *from, const struct side *to, unsigned flags)
{
	return renameat2(from->at.fd, from->name, to->at.fd, to->name, flags) < 0 ? -errno : 0;
}

/* What came to the old name by an exchange goes, for a whiteout where one is needed. */
static int clear_old(const struct side *from)
{
	const struct upper *u = &from->dir->ct->upper;
	struct stat st;
	char temp[32];

	if (fstatat(from->at.fd, from->name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	if (from->below)
		return S_ISCHR(st.st_mode) ? 0 : upper_whiteout(u, from->at.fd, from->name);
	upper_temp(temp);
	if (renameat(from->at.fd, from->name, u->work_fd, temp) < 0)
		return -errno;
	file_remove_tree(u->work_fd, temp);
	return 0;
}

/* On disk: over whatever stands at the new name there, a whiteout or a directory of whiteouts too. */
static int move(const struct side *from, const struct side *to)
{
	int r = rename_sides(from, to, from->below ? RENAME_WHITEOUT : 0);

	if (r == -EINVAL && from->below) {
		/* A file system that cannot do both at once. */
		r = rename_sides(from, to, 0);
		if (r == 0)
			return upper_whiteout(&from->dir->ct->upper, from->at.fd, from->name);
	}
	if (r != -ENOTDIR && r != -ENOTEMPTY && r != -EEXIST && r != -EISDIR)
		return r;
	r = rename_sides(from, to, RENAME_EXCHANGE);
	return r < 0 ? r : clear_old(from);
}

/* In the table of nodes: what is at which name now. */
static void note_moved(const struct side *from, const struct side *to, bool exchange)
{
	struct nodes *t = from->dir->ct->nodes;

	if (to->node && exchange)
		node_drop_name(t, to->node, to->dir, to->name);
	else
		op_dropped(to->node, to->dir, to->name);
	if (from->node) {
		node_add_name(t, from->node, to->dir, to->name);
		node_drop_name(t, from->node, from->dir, from->name);
	}
	if (to->node && exchange)
		node_add_name(t, to->node, from->dir, from->name);
}

/* ns is held for writing. */
static int rename_locked(struct side *from, struct side *to, unsigned flags)
{
	struct ct *ct = from->dir->ct;
	int r = find_side(from);

	if (r == 0)
		r = find_side(to);
	if (r == 0)
		r = check(from, to, flags);
	if (r < 0)
		return r;
	if (to->there && from->found.st.st_ino == to->found.st.st_ino)
		return 0;
	r = copyup_dir(from->dir);
	if (r == 0)
		r = copyup_dir(to->dir);
	if (r == 0)
		r = node_dir(ct->nodes, from->dir, &from->at);
	if (r == 0)
		r = node_dir(ct->nodes, to->dir, &to->at);
	if (r == 0)
		r = make_opaque(from, to);
	if (r == 0 && (flags & RENAME_EXCHANGE))
		r = make_opaque(to, from);
	else if (r == 0)
		r = op_hold(to->node);
	if (r < 0)
		return r;
	if (flags & RENAME_EXCHANGE)
		r = rename_sides(from, to, RENAME_EXCHANGE);
	else
		r = move(from, to);
	if (r == 0)
		note_moved(from, to, flags & RENAME_EXCHANGE);
	else if (to->node && !(flags & RENAME_EXCHANGE))
		node_unpin(ct->nodes, to->node);
	return r;
}

/* Files are copied up before the lock is taken; EAGAIN: another one stands there now. */
static int rename_entered(struct side *from, struct side *to, unsigned flags)
{
	struct ct *ct = from->dir->ct;
	unsigned tries;
	int r = -EAGAIN;

	for (tries = 0; r == -EAGAIN && tries < 8; tries++) {
		struct node *a = node_child(ct->nodes, from->dir, from->name);
		struct node *b = node_child(ct->nodes, to->dir, to->name);

		r = 0;
		if (a && !S_ISDIR(a->type))
			r = copyup_file(a, UINT64_MAX);
		if (r == 0 && b && (flags & RENAME_EXCHANGE) && !S_ISDIR(b->type))
			r = copyup_file(b, UINT64_MAX);
		if (r < 0)
			break;
		pthread_rwlock_wrlock(&ct->ns);
		r = rename_locked(from, to, flags);
		node_at_end(&from->at);
		node_at_end(&to->at);
		pthread_rwlock_unlock(&ct->ns);
	}
	return r == -EAGAIN ? -EIO : r;
}

void op_rename(fuse_req_t req, fuse_ino_t parent, const char *name, fuse_ino_t new_parent,
	       const char *new_name, unsigned flags)
{
	struct side from = { .dir = op_node(req, parent), .name = name, .at = AT_INIT };
	struct side to = { .dir = op_node(req, new_parent), .name = new_name, .at = AT_INIT };
	int r = op_name_check(new_name);

	if (r == 0 && (flags & ~(unsigned)(RENAME_NOREPLACE | RENAME_EXCHANGE)))
		r = -EINVAL;
	if (r == 0 && (!from.dir->ct || !to.dir->ct))
		r = -EPERM;
	if (r == 0 && from.dir->ct != to.dir->ct)
		r = -EXDEV;
	if (r == 0)
		r = ct_enter(from.dir->ct, true);
	if (r == 0) {
		r = rename_entered(&from, &to, flags);
		ct_leave(from.dir->ct, true);
	}
	op_reply(req, r);
}
