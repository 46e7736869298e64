/*
 * Rename, with the rules of overlayfs: files are copied up first, a directory that is also in the
 * base tree cannot be moved (EXDEV), and what the base tree has under the old name stays hidden.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/remove_tree.h"
#include "fs/containers/ops.h"
#include "fs/live/copyup.h"
#include "fs/live/live.h"
#include "fs/live/merge.h"
#include "fs/live/unlink.h"
#include "fs/live/whiteout.h"
#include "store/container/upper.h"
#include "store/image/tree.h"

/* One of the two names. */
struct side {
	struct node *dir, *node;
	const char *name;
	struct lookup_result found;
	bool there;
	bool below; /* the base tree has the name, hidden or not */
	struct location location;
};

static int find_side(struct side *s)
{
	int r = merge_lookup(s->dir, s->name, &s->found);

	if (r < 0 && r != -ENOENT)
		return r;
	s->there = r == 0;
	s->below = merge_below(s->dir, s->name) != TREE_NONE;
	s->node = s->there ? node_child(s->dir->live->nodes, s->dir, s->name) : NULL;
	return 0;
}

static bool is_dir(const struct side *s)
{
	return S_ISDIR(s->found.st.st_mode);
}

/* May this side be moved? */
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

/* A directory must not show what the base tree has under its new name. */
static int make_opaque(const struct side *s, const struct side *goes_to)
{
	_cleanup_close_ int fd = -1;

	if (!is_dir(s) || !goes_to->below)
		return 0;
	fd = openat(s->location.fd, s->name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? -errno : upper_opaque(&s->dir->live->upper, fd);
}

static int rename_sides(const struct side *from, const struct side *to, unsigned flags)
{
	return renameat2(from->location.fd, from->name, to->location.fd, to->name, flags) < 0
		       ? -errno
		       : 0;
}

/* Remove what an exchange brought to the old name, where no whiteout is needed. */
static int clear_old(const struct side *from)
{
	int work = from->dir->live->upper.work_fd;
	char temp[32];

	upper_temp(temp);
	if (renameat(from->location.fd, from->name, work, temp) < 0)
		return -errno;
	remove_tree(work, temp);
	return 0;
}

/* On disk. At the new name may be a whiteout, or a directory of whiteouts. */
static int move(const struct side *from, const struct side *to)
{
	int r = rename_sides(from, to, from->below ? RENAME_WHITEOUT : 0);

	if (r != -ENOTDIR && r != -ENOTEMPTY && r != -EEXIST && r != -EISDIR &&
	    (r != -EINVAL || !from->below))
		return r;
	if (from->below)
		return whiteout_move(from->dir->live, merge_below(from->dir, from->name),
				     from->location.fd, from->name, to->location.fd, to->name);
	r = rename_sides(from, to, RENAME_EXCHANGE);
	if (r < 0)
		return r;
	r = clear_old(from);
	if (r < 0)
		rename_sides(from, to, RENAME_EXCHANGE);
	return r;
}

/*
 * Allocate the new names in the table of nodes, so that nothing can fail after the disk has
 * changed.
 */
static int reserve_names(const struct side *from, const struct side *to, bool exchange)
{
	struct nodes *t = from->dir->live->nodes;
	int r = from->node ? node_add_name(t, from->node, to->dir, to->name) : 0;

	if (r == 0 && exchange && to->node)
		r = node_add_name(t, to->node, from->dir, from->name);
	return r;
}

/* Undo reserve_names(). Names that another node has stay unchanged. */
static void release_names(const struct side *from, const struct side *to)
{
	struct nodes *t = from->dir->live->nodes;

	if (from->node)
		node_drop_name(t, from->node, to->dir, to->name);
	if (to->node)
		node_drop_name(t, to->node, from->dir, from->name);
}

/* Move the names in the table of nodes. */
static void note_moved(const struct side *from, const struct side *to, bool exchange)
{
	struct nodes *t = from->dir->live->nodes;

	node_take_name(t, from->node, to->dir, to->name);
	node_take_name(t, exchange ? to->node : NULL, from->dir, from->name);
	if (!exchange)
		unlink_done(to->node, to->dir, to->name);
}

/* ns is held for writing. */
static int rename_locked(struct side *from, struct side *to, unsigned flags)
{
	struct live *live = from->dir->live;
	int r = find_side(from);

	if (r == 0)
		r = find_side(to);
	if (r == 0)
		r = check(from, to, flags);
	if (r < 0)
		return r;
	if (to->there && from->found.st.st_ino == to->found.st.st_ino)
		return 0;
	r = copyup_dir(from->dir, "a name is moved");
	if (r == 0)
		r = copyup_dir(to->dir, "a name is moved");
	if (r == 0)
		r = node_dir(live->nodes, from->dir, &from->location);
	if (r == 0)
		r = node_dir(live->nodes, to->dir, &to->location);
	if (r == 0)
		r = make_opaque(from, to);
	if (r == 0 && (flags & RENAME_EXCHANGE))
		r = make_opaque(to, from);
	else if (r == 0)
		r = unlink_prepare(to->node);
	if (r < 0)
		return r;
	r = reserve_names(from, to, flags & RENAME_EXCHANGE);
	if (r == 0 && (flags & RENAME_EXCHANGE))
		r = rename_sides(from, to, RENAME_EXCHANGE);
	else if (r == 0)
		r = move(from, to);
	if (r == 0) {
		note_moved(from, to, flags & RENAME_EXCHANGE);
		return 0;
	}
	release_names(from, to);
	if (to->node && !(flags & RENAME_EXCHANGE))
		node_unpin(live->nodes, to->node);
	return r;
}

/* Files are copied up before the lock is taken; EAGAIN: the name has got another file since. */
static int rename_entered(struct side *from, struct side *to, unsigned flags)
{
	struct live *live = from->dir->live;
	unsigned tries;
	int r = -EAGAIN;

	for (tries = 0; r == -EAGAIN && tries < 8; tries++) {
		struct node *a = node_child(live->nodes, from->dir, from->name);
		struct node *b = node_child(live->nodes, to->dir, to->name);

		r = 0;
		if (a && !S_ISDIR(a->type))
			r = copyup_file(a, UINT64_MAX, "it is renamed");
		if (r == 0 && b && (flags & RENAME_EXCHANGE) && !S_ISDIR(b->type))
			r = copyup_file(b, UINT64_MAX, "it is renamed");
		if (r < 0)
			break;
		pthread_rwlock_wrlock(&live->ns);
		r = rename_locked(from, to, flags);
		location_end(&from->location);
		location_end(&to->location);
		pthread_rwlock_unlock(&live->ns);
	}
	return r == -EAGAIN ? -EIO : r;
}

void op_rename(fuse_req_t req, fuse_ino_t parent, const char *name, fuse_ino_t new_parent,
	       const char *new_name, unsigned flags)
{
	struct side from = { .dir = op_node(req, parent), .name = name, .location = LOCATION_INIT };
	struct side to = { .dir = op_node(req, new_parent),
			   .name = new_name,
			   .location = LOCATION_INIT };
	int r = op_name_check(new_name);

	if (r == 0 && (flags & ~(unsigned)(RENAME_NOREPLACE | RENAME_EXCHANGE)))
		r = -EINVAL;
	if (r == 0 && (!from.dir->live || !to.dir->live))
		r = -EPERM;
	if (r == 0 && from.dir->live != to.dir->live)
		r = -EXDEV;
	if (r == 0)
		r = op_begin(from.dir, OP_CHANGE);
	if (r == 0) {
		r = rename_entered(&from, &to, flags);
		op_end(from.dir, OP_CHANGE);
	}
	op_reply(req, r);
}
