/*
 * The upper directory is walked in parallel with the base's tree: only files in the upper
 * directory can differ.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/text.h"
#include "base/walk.h"
#include "store/container/container.h"
#include "store/container/diff_private.h"
#include "store/container/layer_write.h"
#include "store/container/upper.h"
#include "store/image/image.h"
#include "store/image/tree.h"
#include "store/layer/layer.h"

/* A directory of the walk. */
struct level {
	uint32_t node; /* the base's node; TREE_NONE: nothing of the base is visible here */
	bool covered;  /* the base is hidden: the directory or a parent is opaque */
	bool listed;   /* as A or C */
	char kind;     /* 'A' or 'C', for entries in it */
};

struct upper_diff {
	const struct tree *tree;
	struct upper u;
	struct walk walk;
	struct level *stack;
	size_t cap;
	struct diff *out;
	struct err *err;
};

static int fail(const struct upper_diff *d, int r)
{
	struct buf name _cleanup_buf_ = BUF_INIT;

	text_escape(&name, buf_str(&d->walk.path));
	return err_sys(d->err, -r, "/%.300s: cannot read", buf_str(&name));
}

/* "/" and the first len bytes of the walk's path. NULL: out of memory. */
static char *path_to(const struct upper_diff *d, size_t len)
{
	char *out = malloc(len + 2);

	if (out) {
		out[0] = '/';
		if (len)
			memcpy(out + 1, d->walk.path.data, len);
		out[len + 1] = '\0';
	}
	return out;
}

/* The directories above a change are changed, except for the root. */
static int list_above(struct upper_diff *d, size_t depth, size_t len)
{
	for (; depth > 1 && !d->stack[depth - 1].listed; depth--) {
		d->stack[depth - 1].listed = true;
		if (diff_add(d->out, d->stack[depth - 1].kind, path_to(d, len)) < 0)
			return -ENOMEM;
		while (len && d->walk.path.data[len - 1] != '/')
			len--;
		len -= len > 0;
	}
	return 0;
}

/* Add a change of the current name. */
static int list(struct upper_diff *d, char kind)
{
	if (diff_add(d->out, kind, path_to(d, d->walk.path.len)) < 0 ||
	    list_above(d, d->walk.depth, walk_dir_len(&d->walk)) < 0)
		return err_nomem(d->err);
	return 0;
}

/*
 * Add deletions for the base's entries in the current directory that its opaque upper directory
 * lacks.
 */
static int list_covered(struct upper_diff *d, uint32_t node)
{
	const uint32_t *children;
	uint32_t n, i;

	children = tree_children(d->tree, node, &n);
	for (i = 0; i < n; i++) {
		struct stat st;

		if (fstatat(d->walk.fd, tree_name(d->tree, children[i]), &st,
			    AT_SYMLINK_NOFOLLOW) == 0)
			continue;
		if (errno != ENOENT)
			return fail(d, -errno);
		if (diff_add(d->out, 'D', diff_path(d->tree, children[i])) < 0 ||
		    list_above(d, d->walk.depth, d->walk.path.len) < 0)
			return err_nomem(d->err);
	}
	return 0;
}

/* Compare the attributes that belong in a layer, as sorted lists: 1 different, 0, -errno. */
static int differs_in_xattrs(const struct upper_diff *d, int fd, uint32_t node)
{
	struct buf before _cleanup_buf_ = BUF_INIT, now _cleanup_buf_ = BUF_INIT;
	struct layer *l = NULL;
	const struct layer_entry *e = tree_entry(d->tree, node, &l, NULL);
	int r = layer_xattrs(&d->u, fd, layer_carries, &now);

	if (r == 0 && e)
		r = layer_entry_xattrs(l, e, layer_carries, &before);
	if (r < 0)
		return r;
	return before.len != now.len || (now.len && memcmp(before.data, now.data, now.len) != 0);
}

/* Compare a file in the upper directory with the base's: 1 different, 0, -errno. */
static int differs(const struct upper_diff *d, int fd, const struct stat *now, uint32_t node)
{
	struct stat before;

	tree_stat(d->tree, node, &before);
	return diff_stat(&before, now) ? 1 : differs_in_xattrs(d, fd, node);
}

/* Enter the directory fd, which is taken. */
static int push(struct upper_diff *d, int fd, uint32_t node, bool listed, char kind)
{
	int opaque = upper_is_opaque(&d->u, fd), r;
	bool covered;

	if (opaque >= 0 && d->walk.depth == d->cap) {
		size_t cap = d->cap ? d->cap * 2 : 16;
		struct level *stack = realloc(d->stack, cap * sizeof(*stack));

		if (stack) {
			d->stack = stack;
			d->cap = cap;
		} else {
			opaque = -ENOMEM;
		}
	}
	if (opaque < 0) {
		close(fd);
		return fail(d, opaque);
	}
	covered = opaque || (d->walk.depth && d->stack[d->walk.depth - 1].covered);
	d->stack[d->walk.depth] =
		(struct level){ .node = node, .covered = covered, .listed = listed, .kind = kind };
	r = walk_enter(&d->walk, fd);
	if (r < 0)
		return fail(d, r);
	return covered && node != TREE_NONE ? list_covered(d, node) : 0;
}

static int enter(struct upper_diff *d, const char *name, uint32_t node, bool listed, char kind)
{
	int fd = openat(d->walk.fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return fail(d, -errno);
	if (node != TREE_NONE && !tree_is_dir(d->tree, node))
		node = TREE_NONE;
	return push(d, fd, node, listed, kind);
}

static int see(struct upper_diff *d, const char *name)
{
	const struct level *dir = &d->stack[d->walk.depth - 1];
	uint32_t node = TREE_NONE;
	_cleanup_close_ int fd = -1;
	struct stat st;
	bool whiteout, mountpoint;
	char kind = 0;
	int r;

	if (dir->node != TREE_NONE)
		node = tree_lookup(d->tree, dir->node, name, strlen(name));
	r = upper_lookup(&d->u, d->walk.fd, name, &st, &whiteout);
	if (r < 0)
		return fail(d, r);
	if (whiteout)
		return node != TREE_NONE ? list(d, 'D') : 0;
	if (node == TREE_NONE) {
		kind = 'A';
	} else {
		fd = openat(d->walk.fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
		r = fd < 0 ? -errno : differs(d, fd, &st, node);
		if (r < 0)
			return fail(d, r);
		kind = r ? 'C' : 0;
	}
	mountpoint = kind == 'A' && upper_is_mountpoint(d->walk.fd, name, &st);
	r = kind && !mountpoint ? list(d, kind) : 0;
	if (r == 0 && S_ISDIR(st.st_mode))
		r = enter(d, name, node, kind && !mountpoint, kind ? kind : 'C');
	return r;
}

static int walk_all(struct upper_diff *d)
{
	struct stat now;
	const char *name;
	int fd, r;

	fd = openat(d->u.fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return fail(d, -errno);
	r = upper_fstat(&d->u, fd, &now);
	if (r == 0)
		r = differs(d, fd, &now, TREE_ROOT);
	if (r > 0)
		r = diff_add(d->out, 'C', path_to(d, 0));
	if (r < 0) {
		close(fd);
		return fail(d, r);
	}
	r = push(d, fd, TREE_ROOT, true, 'C');
	while (r == 0) {
		r = walk_next(&d->walk, &name);
		if (r <= 0)
			return r < 0 ? fail(d, r) : 0;
		r = see(d, name);
	}
	return r;
}

static int diff_with(struct upper_diff *d, const struct container *c)
{
	_cleanup_close_ int upper =
		openat(c->fd, "upper", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	int r;

	if (upper < 0)
		return err_sys(d->err, errno, "upper");
	d->u = (struct upper){ upper, -1, c->unprivileged };
	r = walk_all(d);
	if (r == 0)
		diff_sort(d->out);
	return r;
}

int diff_container(struct store *s, const struct container *c, struct diff *out, struct err *err)
{
	_cleanup_image_ struct image *base = NULL;
	struct upper_diff d = { .walk = WALK_INIT, .out = out, .err = err };
	struct tree *tree = NULL;
	struct layers *ls;
	int r;

	r = image_open(s, NULL, &c->manifest, &base, err);
	if (r < 0)
		return err_wrap(err, r, "container %s: its image", c->name);
	ls = layers_new(s, 0);
	if (!ls)
		return err_nomem(err);
	r = tree_open(ls, &base->manifest, &tree, err);
	d.tree = tree;
	if (r == 0)
		r = diff_with(&d, c);
	walk_fini(&d.walk);
	free(d.stack);
	tree_free(tree);
	layers_free(ls);
	return r < 0 ? err_wrap(err, r, "container %s", c->name) : 0;
}
