/*
 * Renaming, as overlayfs does it: files are copied up first, a directory with
 * something from below stays where it is (EXDEV), and what the base tree has
 * under the old name stays hidden.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/remove_tree.h"
#include "fs/containers/ops.h"
#include "fs/live/copyup.h"
#include "fs/live/live.h"
#include "fs/live/merge.h"
#include "store/container/upper.h"
#include "store/image/tree.h"

/* One of the two names. */
struct side {
	struct node *dir, *node;
	const char *name;
	struct lookup_result found;
	bool there;
	bool below; /* the base tree has the name, shown or not */
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
	fd = openat(s->location.fd, s->name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? -errno : upper_opaque(&s->dir->live->upper, fd);
}

static int rename_sides(const struct side *from, const struct side *to, unsigned flags)
{
	return renameat2(from->location.fd, from->name, to->location.fd, to->name, flags) < 0
		       ? -errno
		       : 0;
}

/* What came to the old name by an exchange goes; nothing needs a whiteout. */
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

/*
 * --- where no rename leaves a whiteout ---
 *
 * overlayfs has none that does. The whiteout is made first, in work/, where a full disk or a quota shows before
 * anything has changed; what moves and what it replaces change places, so that this can be taken back; and the
 * whiteout goes over what came to the old name. A daemon that is killed before the last step leaves the whiteout
 * in work/ under a name that says for which node of the base tree it is and what it may replace, and whoever
 * opens the container next puts it there. Until then, to a command that reads the upper directory by itself, and
 * for good where a directory was replaced (on overlayfs those may have other inode numbers tomorrow), the old name
 * has what the new one had, or what the base tree has. Nothing that was written is lost by that. A file system that
 * has no exchange either cannot take back that something was replaced: there the same is left by the last step's failing.
 */
#define LEFT_PREFIX '-'

/* ino: of what will stand at the old name in between; 0: nothing, or a directory. */
static void left_name(char out[static 96], uint32_t lower, uint64_t ino)
{
	char temp[32];

	upper_temp(temp);
	snprintf(out, 96, "%c%u-%llu%s", LEFT_PREFIX, lower, (unsigned long long)ino, temp);
}

static int parse_left_name(const char *name, uint32_t *lower, uint64_t *ino)
{
	unsigned long long i;
	unsigned n;
	char end;

	if (sscanf(name, "-%u-%llu%c", &n, &i, &end) != 3 || end != '#')
		return -EINVAL;
	*lower = n;
	*ino = i;
	return 0;
}

int op_rename_finish(struct live *live, const char *name)
{
	_cleanup_close_ int fd = -1;
	bool whiteout = false;
	uint32_t lower;
	uint64_t ino;
	struct stat st;

	if (*name != LEFT_PREFIX || parse_left_name(name, &lower, &ino) < 0 || lower == TREE_ROOT ||
	    lower >= tree_size(live->tree) ||
	    upper_lookup(&live->upper, live->upper.work_fd, name, &st, &whiteout) < 0 || !whiteout)
		return 0;
	fd = copyup_find(live, tree_parent(live->tree, lower));
	if (fd < 0)
		return fd == -ENOENT || fd == -ENOTDIR ? 0 : fd;
	if (fstatat(fd, tree_name(live->tree, lower), &st, AT_SYMLINK_NOFOLLOW) == 0) {
		if (S_ISDIR(st.st_mode) || st.st_ino != ino)
			return 0;
	} else if (errno != ENOENT) {
		return -errno;
	}
	return upper_whiteout_put(&live->upper, name, fd, tree_name(live->tree, lower));
}

static int move_in_steps(const struct side *from, const struct side *to)
{
	const struct upper *u = &from->dir->live->upper;
	struct stat old = { .st_mode = S_IFDIR };
	unsigned flags = RENAME_EXCHANGE;
	bool for_good = false;
	char left[96];
	int r;

	if (fstatat(to->location.fd, to->name, &old, AT_SYMLINK_NOFOLLOW) < 0) {
		if (errno != ENOENT)
			return -errno;
		flags = 0;
	}
	left_name(left, merge_below(from->dir, from->name), S_ISDIR(old.st_mode) ? 0 : old.st_ino);
	r = upper_whiteout_make(u, left);
	if (r < 0)
		return r;
	r = rename_sides(from, to, flags);
	if (r == -EINVAL && flags) {
		r = rename_sides(from, to, 0);
		for_good = r == 0;
	}
	if (r == 0) {
		r = upper_whiteout_put(u, left, from->location.fd, from->name);
		if (r < 0 && for_good) {
			log_warn("container %s: %s: the old name stays: %s", from->dir->live->name,
				 from->name, strerror(-r));
			return 0;
		}
		if (r < 0)
			rename_sides(to, from, flags);
	}
	if (r < 0)
		unlinkat(u->work_fd, left, 0);
	return r;
}

int op_hide_in_place(struct live *live, uint32_t lower, int dirfd, const char *name)
{
	const struct upper *u = &live->upper;
	_cleanup_close_ int fd = -1;
	char left[96];
	int r;

	fd = openat(dirfd, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	left_name(left, lower, 0);
	r = upper_whiteout_make(u, left);
	if (r < 0)
		return r;
	/* First: what is hidden by whiteouts in it stays hidden without them. */
	r = upper_opaque(u, fd);
	if (r == 0)
		r = remove_tree(dirfd, name);
	if (r < 0) {
		unlinkat(u->work_fd, left, 0);
		return r;
	}
	r = upper_whiteout_put(u, left, dirfd, name);
	if (r < 0)
		log_warn("container %s: %s: it shows again: %s", live->name, name, strerror(-r));
	return 0;
}

/* On disk: over whatever stands at the new name there, a whiteout or a directory of whiteouts too. */
static int move(const struct side *from, const struct side *to)
{
	int r = rename_sides(from, to, from->below ? RENAME_WHITEOUT : 0);

	if (r != -ENOTDIR && r != -ENOTEMPTY && r != -EEXIST && r != -EISDIR &&
	    (r != -EINVAL || !from->below))
		return r;
	if (from->below)
		return move_in_steps(from, to);
	r = rename_sides(from, to, RENAME_EXCHANGE);
	if (r < 0)
		return r;
	r = clear_old(from);
	if (r < 0)
		rename_sides(from, to, RENAME_EXCHANGE);
	return r;
}

/* In the table of nodes: what is at which name now. */
static void note_moved(const struct side *from, const struct side *to, bool exchange)
{
	struct nodes *t = from->dir->live->nodes;

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
	r = copyup_dir(from->dir);
	if (r == 0)
		r = copyup_dir(to->dir);
	if (r == 0)
		r = node_dir(live->nodes, from->dir, &from->location);
	if (r == 0)
		r = node_dir(live->nodes, to->dir, &to->location);
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
		node_unpin(live->nodes, to->node);
	return r;
}

/* Files are copied up before the lock is taken; EAGAIN: another one stands there now. */
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
			r = copyup_file(a, UINT64_MAX);
		if (r == 0 && b && (flags & RENAME_EXCHANGE) && !S_ISDIR(b->type))
			r = copyup_file(b, UINT64_MAX);
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
		r = live_enter(from.dir->live, true);
	if (r == 0) {
		r = rename_entered(&from, &to, flags);
		live_leave(from.dir->live, true);
	}
	op_reply(req, r);
}
