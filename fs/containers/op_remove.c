/*
 * Removing names: unlink, rmdir.
 */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/remove_tree.h"
#include "fs/containers/lockfile.h"
#include "fs/containers/ops.h"
#include "fs/live/copyup.h"
#include "fs/live/links.h"
#include "fs/live/live.h"
#include "fs/live/merge.h"
#include "store/container/upper.h"

int op_hold(struct node *n)
{
	struct location location _cleanup_location_ = LOCATION_INIT;
	int fd, r;

	if (!n || !n->upper || n->pinned)
		return 0;
	r = node_locate(n->live->nodes, n, &location);
	if (r < 0)
		return r;
	fd = location_path_fd(&location);
	if (fd < 0)
		return fd;
	location_end(&location);
	node_pin(n->live->nodes, n, fd);
	return 0;
}

/* Names that no look-up has come across. */
static bool has_more_names(struct node *n)
{
	struct stat st;

	if (!n->upper)
		return links_count(n->live, n->lower) > 0;
	return merge_stat(n, &st) == 0 && st.st_nlink > 0;
}

void op_dropped(struct node *n, struct node *dir, const char *name)
{
	struct nodes *t;

	if (!n)
		return;
	t = n->live->nodes;
	if (node_drop_name(t, n, dir, name)) {
		node_unpin(t, n);
		return;
	}
	if (S_ISDIR(n->type) || !has_more_names(n))
		node_die(t, n);
}

/* ns is held for writing. */
static int remove_file(struct node *dir, const char *name)
{
	struct location location _cleanup_location_ = LOCATION_INIT;
	struct live *live = dir->live;
	struct node *n = node_child(live->nodes, dir, name);
	bool below = merge_below(dir, name) != TREE_NONE;
	struct lookup_result f;
	int r = merge_lookup(dir, name, &f);

	if (r < 0)
		return r;
	if (S_ISDIR(f.st.st_mode))
		return -EISDIR;
	r = copyup_dir(dir);
	if (r == 0)
		r = op_hold(n);
	if (r == 0)
		r = node_dir(live->nodes, dir, &location);
	if (r < 0)
		return r;
	if (below)
		r = upper_whiteout(&live->upper, location.fd, name);
	else
		r = unlinkat(location.fd, name, 0) < 0 ? -errno : 0;
	if (r == 0)
		op_dropped(n, dir, name);
	return r;
}

void op_unlink(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct node *dir = op_node(req, parent);
	int r = dir->live ? op_enter(dir, OP_CHANGE) : 0;

	if (!dir->live) {
		r = lockfile_remove(op_containers(req), name);
	} else if (r == 0) {
		r = remove_file(dir, name);
		op_leave(dir, OP_CHANGE);
	}
	op_reply(req, r);
}

/* An upper directory that shows nothing may hold whiteouts still: it goes to work/ with them. */
static int remove_upper_dir(struct live *live, int fd, const char *name)
{
	char temp[32];

	if (unlinkat(fd, name, AT_REMOVEDIR) == 0)
		return 0;
	if (errno != ENOTEMPTY && errno != EEXIST)
		return -errno;
	upper_temp(temp);
	if (renameat(fd, name, live->upper.work_fd, temp) < 0)
		return errno == EXDEV ? remove_tree(fd, name) : -errno;
	remove_tree(live->upper.work_fd, temp);
	return 0;
}

static int remove_directory(struct node *dir, const char *name)
{
	struct location location _cleanup_location_ = LOCATION_INIT;
	struct live *live = dir->live;
	struct node *n = node_child(live->nodes, dir, name);
	uint32_t below = merge_below(dir, name);
	int r;

	if (!n)
		return -ENOENT;
	if (!S_ISDIR(n->type))
		return -ENOTDIR;
	r = merge_is_empty(n);
	if (r <= 0)
		return r < 0 ? r : -ENOTEMPTY;
	r = copyup_dir(dir);
	if (r == 0)
		r = op_hold(n);
	if (r == 0)
		r = node_dir(live->nodes, dir, &location);
	if (r < 0)
		return r;
	if (below == TREE_NONE)
		r = remove_upper_dir(live, location.fd, name);
	else
		r = upper_whiteout(&live->upper, location.fd, name);
	if (r == -EXDEV)
		r = op_hide_in_place(live, below, location.fd, name);
	if (r == 0)
		op_dropped(n, dir, name);
	else
		node_unpin(live->nodes, n);
	return r;
}

void op_rmdir(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct node *dir = op_node(req, parent);
	int r = op_enter(dir, OP_CHANGE);

	if (r == 0) {
		r = remove_directory(dir, name);
		op_leave(dir, OP_CHANGE);
	}
	op_reply(req, r);
}
