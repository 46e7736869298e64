/*
 * The trees are compared directory by directory. Contents are compared last, in the order in
 * which they are stored in their layer.
 */
#include "store/container/diff.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "store/container/diff_private.h"
#include "store/container/layer_write.h"
#include "store/image/image.h"
#include "store/image/tree.h"
#include "store/layer/layer.h"

/* Cache for decoded spans while contents are compared. */
#define CACHE_BYTES (64u << 20)
#define BLOCK_SIZE (256u << 10)

/* Two nodes, one of which may be TREE_NONE. */
struct pair {
	uint32_t before, now;
};

struct pairs {
	struct pair *v;
	size_t n, cap;
};

struct compare {
	struct tree *before, *now;
	bool contents;	    /* compare contents instead of times */
	char *marks;	    /* for each node of now: 0, 'A', 'C' */
	struct pairs dirs;  /* directories to compare */
	struct pairs files; /* files whose contents must be compared */
	struct diff *out;
};

int diff_add(struct diff *d, char kind, char *path)
{
	if (!path)
		return -ENOMEM;
	if (d->n == d->cap) {
		size_t cap = d->cap ? d->cap * 2 : 64;
		struct diff_change *v = realloc(d->v, cap * sizeof(*v));

		if (!v) {
			free(path);
			return -ENOMEM;
		}
		d->v = v;
		d->cap = cap;
	}
	d->v[d->n].kind = kind;
	d->v[d->n++].path = path;
	return 0;
}

char *diff_path(const struct tree *t, uint32_t node)
{
	_cleanup_free_ char *path = tree_path(t, node);
	char *out = path ? malloc(strlen(path) + 2) : NULL;

	if (out) {
		out[0] = '/';
		memcpy(out + 1, path, strlen(path) + 1);
	}
	return out;
}

static int by_path(const void *a, const void *b)
{
	return strcmp(((const struct diff_change *)a)->path, ((const struct diff_change *)b)->path);
}

void diff_sort(struct diff *d)
{
	if (d->n)
		qsort(d->v, d->n, sizeof(*d->v), by_path);
}

void diff_fini(struct diff *d)
{
	while (d->n)
		free(d->v[--d->n].path);
	free(d->v);
	d->v = NULL;
	d->cap = 0;
}

/* Nanoseconds may have been lost (0): docker considers that equal. */
static bool same_time(struct timespec a, struct timespec b)
{
	return a.tv_sec == b.tv_sec && (a.tv_nsec == b.tv_nsec || !a.tv_nsec || !b.tv_nsec);
}

static bool same_owner(const struct stat *a, const struct stat *b)
{
	return a->st_mode == b->st_mode && a->st_uid == b->st_uid && a->st_gid == b->st_gid &&
	       a->st_rdev == b->st_rdev;
}

bool diff_stat(const struct stat *before, const struct stat *now)
{
	if (!same_owner(before, now))
		return true;
	return !S_ISDIR(now->st_mode) &&
	       (before->st_size != now->st_size || !same_time(before->st_mtim, now->st_mtim));
}

static int push(struct pairs *p, uint32_t before, uint32_t now)
{
	if (p->n == p->cap) {
		size_t cap = p->cap ? p->cap * 2 : 256;
		struct pair *v = realloc(p->v, cap * sizeof(*v));

		if (!v)
			return -ENOMEM;
		p->v = v;
		p->cap = cap;
	}
	p->v[p->n].before = before;
	p->v[p->n++].now = now;
	return 0;
}

/* The directories above a change are changed, except for the root. */
static void mark_above(struct compare *c, uint32_t dir)
{
	for (; dir != TREE_ROOT && !c->marks[dir]; dir = tree_parent(c->now, dir))
		c->marks[dir] = 'C';
}

static void mark(struct compare *c, uint32_t node, char kind)
{
	c->marks[node] = kind;
	if (node != TREE_ROOT)
		mark_above(c, tree_parent(c->now, node));
}

static bool every_xattr(const char *name)
{
	(void)name;
	return true;
}

/*
 * Compare two sorted lists: a layer may have many attributes. Either entry may be NULL: an
 * implicit directory, which has no attributes. 1 the same, 0, -ENOMEM.
 */
static int same_xattrs(const struct layer *la, const struct layer_entry *a, const struct layer *lb,
		       const struct layer_entry *b)
{
	struct buf before _cleanup_buf_ = BUF_INIT, now _cleanup_buf_ = BUF_INIT;

	if (a && layer_entry_xattrs(la, a, every_xattr, &before) < 0)
		return -ENOMEM;
	if (b && layer_entry_xattrs(lb, b, every_xattr, &now) < 0)
		return -ENOMEM;
	return before.len == now.len && (!now.len || memcmp(before.data, now.data, now.len) == 0);
}

/* True for the same entry of the same layer, in any compression. */
static bool same_entry(const struct layer *la, uint32_t a, const struct layer *lb, uint32_t b)
{
	return a == b &&
	       (la == lb || strcmp(layer_header(la)->diff_id, layer_header(lb)->diff_id) == 0);
}

/* Compare a node that is in both trees, without directory contents. */
static int compare_node(struct compare *c, uint32_t before, uint32_t now)
{
	const struct layer_entry *a, *b;
	struct layer *la = NULL, *lb = NULL;
	uint32_t ia = 0, ib = 0;
	struct stat sa, sb;
	bool differ;
	int same;

	a = tree_entry(c->before, before, &la, &ia);
	b = tree_entry(c->now, now, &lb, &ib);
	if ((!a && !b) || (a && b && same_entry(la, ia, lb, ib)))
		return 0;
	tree_stat(c->before, before, &sa);
	tree_stat(c->now, now, &sb);
	if (!c->contents) {
		differ = diff_stat(&sa, &sb);
	} else {
		differ = !same_owner(&sa, &sb) ||
			 (S_ISREG(sb.st_mode) && sa.st_size != sb.st_size) ||
			 (S_ISLNK(sb.st_mode) &&
			  strcmp(layer_target(la, a), layer_target(lb, b)) != 0);
	}
	same = differ ? 0 : same_xattrs(la, a, lb, b);
	if (same < 0)
		return same;
	if (!same)
		mark(c, now, 'C');
	else if (c->contents && S_ISREG(sb.st_mode) && sb.st_size)
		return push(&c->files, before, now);
	return 0;
}

/* Mark everything below an added directory; the directory itself is marked. */
static int add_below(struct compare *c, uint32_t dir)
{
	const uint32_t *children;
	uint32_t n, i;
	int r = 0;

	children = tree_children(c->now, dir, &n);
	for (i = 0; i < n && r == 0; i++) {
		c->marks[children[i]] = 'A';
		if (tree_is_dir(c->now, children[i]))
			r = push(&c->dirs, TREE_NONE, children[i]);
	}
	return r;
}

static int compare_child(struct compare *c, uint32_t before, uint32_t now)
{
	bool was_dir = tree_is_dir(c->before, before);
	int r = compare_node(c, before, now);

	if (r == 0 && tree_is_dir(c->now, now))
		r = push(&c->dirs, was_dir ? before : TREE_NONE, now);
	return r;
}

static int compare_dir(struct compare *c, uint32_t before, uint32_t now)
{
	const uint32_t *a, *b;
	uint32_t na, nb, i = 0, k = 0;
	int r = 0;

	a = tree_children(c->before, before, &na);
	b = tree_children(c->now, now, &nb);
	while (r == 0 && (i < na || k < nb)) {
		int d = i == na ? 1
				: (k == nb ? -1
					   : strcmp(tree_name(c->before, a[i]),
						    tree_name(c->now, b[k])));

		if (d < 0) {
			r = diff_add(c->out, 'D', diff_path(c->before, a[i]));
			mark_above(c, now);
		} else if (d > 0) {
			mark(c, b[k], 'A');
			if (tree_is_dir(c->now, b[k]))
				r = push(&c->dirs, TREE_NONE, b[k]);
		} else {
			r = compare_child(c, a[i], b[k]);
		}
		i += d <= 0;
		k += d >= 0;
	}
	return r;
}

/* Two files to compare, and the position of the second one's contents in its layer. */
struct location {
	uint32_t layer, first; /* extents are in the order of the stream */
	struct pair nodes;
};

static int by_location(const void *pa, const void *pb)
{
	const struct location *a = pa, *b = pb;

	if (a->layer != b->layer)
		return a->layer < b->layer ? -1 : 1;
	return (a->first > b->first) - (a->first < b->first);
}

static bool same_inode(const struct tree *t, uint32_t a, uint32_t b)
{
	struct layer *la, *lb;
	const struct layer_entry *ea = tree_entry(t, a, &la, NULL);
	const struct layer_entry *eb = tree_entry(t, b, &lb, NULL);

	return la == lb && ea->inode == eb->inode;
}

static int read_failed(const struct compare *c, uint32_t node, ssize_t n, struct err *err)
{
	_cleanup_free_ char *path = tree_path(c->now, node);

	return err_sys(err, n < 0 ? (int)-n : EIO, "/%.300s: cannot read", path ? path : "");
}

/* Compare contents: 1 equal, 0 different, -errno. */
static int same_bytes(const struct compare *c, const struct pair *p, char *buf, struct err *err)
{
	const struct layer_entry *a, *b;
	struct layer *la, *lb;
	uint64_t off = 0;

	a = tree_entry(c->before, p->before, &la, NULL);
	b = tree_entry(c->now, p->now, &lb, NULL);
	while (off < b->size) {
		ssize_t na = layer_pread(la, a, buf, BLOCK_SIZE, off), nb;

		if (na <= 0)
			return read_failed(c, p->now, na, err);
		nb = layer_pread(lb, b, buf + BLOCK_SIZE, (size_t)na, off);
		if (nb <= 0)
			return read_failed(c, p->now, nb, err);
		if (na != nb || memcmp(buf, buf + BLOCK_SIZE, (size_t)na) != 0)
			return 0;
		off += (uint64_t)na;
	}
	return 1;
}

static int compare_files(struct compare *c, struct err *err)
{
	_cleanup_free_ struct location *locations = calloc(c->files.n + 1, sizeof(*locations));
	_cleanup_free_ char *buf = malloc((size_t)2 * BLOCK_SIZE);
	int same = 1;
	size_t i;

	if (!locations || !buf)
		return err_nomem(err);
	for (i = 0; i < c->files.n; i++) {
		struct location *p = &locations[i];
		const struct layer_entry *e;
		struct layer *l;

		p->nodes = c->files.v[i];
		e = tree_entry(c->now, p->nodes.now, &l, NULL);
		p->layer = layer_id(l);
		p->first = e->first;
	}
	qsort(locations, c->files.n, sizeof(*locations), by_location);
	for (i = 0; i < c->files.n; i++) {
		const struct location *p = &locations[i];

		/* Hard-linked pairs are compared once. */
		if (!i || !same_inode(c->now, p->nodes.now, p[-1].nodes.now) ||
		    !same_inode(c->before, p->nodes.before, p[-1].nodes.before))
			same = same_bytes(c, &p->nodes, buf, err);
		if (same < 0)
			return same;
		if (same == 0)
			mark(c, p->nodes.now, 'C');
	}
	return 0;
}

static int list(struct compare *c, struct err *err)
{
	uint32_t i, n = tree_size(c->now);

	for (i = 0; i < n; i++)
		if (c->marks[i] && diff_add(c->out, c->marks[i], diff_path(c->now, i)) < 0)
			return err_nomem(err);
	diff_sort(c->out);
	return 0;
}

static int compare_trees(struct compare *c, struct err *err)
{
	size_t i;
	int r;

	c->marks = calloc(tree_size(c->now), 1);
	if (!c->marks)
		return err_nomem(err);
	r = compare_node(c, TREE_ROOT, TREE_ROOT);
	if (r == 0)
		r = push(&c->dirs, TREE_ROOT, TREE_ROOT);
	for (i = 0; r == 0 && i < c->dirs.n; i++) {
		struct pair p = c->dirs.v[i];

		r = p.before == TREE_NONE ? add_below(c, p.now) : compare_dir(c, p.before, p.now);
	}
	if (r < 0)
		return err_nomem(err);
	r = compare_files(c, err);
	return r < 0 ? r : list(c, err);
}

static int diff_trees(struct store *s, const struct image *before, const struct image *now,
		      bool contents, struct diff *out, struct err *err)
{
	struct compare c = { .contents = contents, .out = out };
	struct layers *ls = layers_new(s, contents ? CACHE_BYTES : 0);
	int r;

	if (!ls)
		return err_nomem(err);
	r = tree_open(ls, &before->manifest, &c.before, err);
	if (r == 0)
		r = tree_open(ls, &now->manifest, &c.now, err);
	if (r == 0)
		r = compare_trees(&c, err);
	free(c.marks);
	free(c.dirs.v);
	free(c.files.v);
	tree_free(c.now);
	tree_free(c.before);
	layers_free(ls);
	return r;
}

int diff_image(struct store *s, const struct image *i, struct diff *out, struct err *err)
{
	struct image below = *i;

	if (below.manifest.n_layers)
		below.manifest.n_layers--;
	return diff_trees(s, &below, i, false, out, err);
}

int diff_images(struct store *s, const struct image *before, const struct image *now,
		struct diff *out, struct err *err)
{
	return diff_trees(s, before, now, true, out, err);
}
