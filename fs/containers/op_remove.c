/*
 * Removing names: unlink, rmdir.
 */
#include <errno.h>
#include <fcntl.h>
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
	r = copyup_dir(dir, "a name is removed");
	if (r == 0)
		r = unlink_prepare(n);
	if (r == 0)
		r = node_dir(live->nodes, dir, &location);
	if (r < 0)
		return r;
	if (below)
		r = upper_whiteout(&live->upper, location.fd, name);
	else
		r = unlinkat(location.fd, name, 0) < 0 ? -errno : 0;
	if (r == 0)
		unlink_done(n, dir, name);
	return r;
}

void op_unlink(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct node *dir = op_node(req, parent);
	int r = dir->live ? op_enter(dir, OP_CHANGE) : 0;

	if (!dir->live) {
		r = lockfile_remove(&op_containers(req)->lockfiles, name);
	} else if (r == 0) {
		r = remove_file(dir, name);
		op_leave(dir, OP_CHANGE);
	}
	op_reply(req, r);
}

/*
 * A directory that is shown empty may still hold whiteouts: it is moved to work/, and removed
 * there.
 */
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
	r = copyup_dir(dir, "a name is removed");
	if (r == 0)
		r = unlink_prepare(n);
	if (r == 0)
		r = node_dir(live->nodes, dir, &location);
	if (r < 0)
		return r;
	if (below == TREE_NONE)
		r = remove_upper_dir(live, location.fd, name);
	else
		r = upper_whiteout(&live->upper, location.fd, name);
	if (r == -EXDEV)
		r = whiteout_replace(live, below, location.fd, name);
	if (r == 0)
		unlink_done(n, dir, name);
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
