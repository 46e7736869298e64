/*
 * Applying a layer to a tree. A layer's entries are in breadth-first order, so one pass visits
 * each directory before its contents. node_of[] maps a directory of the layer to a node of the
 * tree.
 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/map.h"
#include "base/text.h"
#include "store/image/tree_private.h"
#include "store/layer/link_walk.h"

#define NODES_MAX (64u << 20)
/* A directory that is this many times larger than the additions to it is not copied for them. */
#define MERGE_RATIO 16

/* A change of a directory that is not yet merged into its children. */
struct pending_child {
	uint32_t node; /* a dead node: the name is removed */
	uint32_t next; /* next one of the same directory, or PENDING_NONE */
};

#define PENDING_NONE UINT32_MAX

/*
 * Several directories of a layer may lead to the same one of the tree through symbolic links.
 * Small changes are queued, so that a directory's children are copied only once.
 */
struct apply {
	struct tree *t;
	struct layer *l;
	uint16_t layer;	   /* its number */
	uint32_t n;	   /* its entries */
	uint32_t *node_of; /* entry -> node, for directories and hard-link groups; TREE_NONE */
	uint32_t *link; /* ENTRY_LINK entry -> its target node, resolved before names are hidden */
	struct pending_child *queued;
	uint32_t n_queued, cap_queued;
	/*
	 * directory -> its last queued change + 1; directory and name -> the last node of that
	 * name + 1
	 */
	struct map pending;
	struct link_walk walk; /* resolves paths in it */
	struct err *err;
};

static int new_node(struct tree *t, uint32_t parent, const char *name, size_t len, uint32_t *out)
{
	struct tree_entry *n;

	if (t->n_nodes == t->cap_nodes) {
		uint32_t cap = t->cap_nodes ? t->cap_nodes * 2 : 1024;

		if (cap > NODES_MAX)
			return -E2BIG;
		n = realloc(t->nodes, cap * sizeof(*n));
		if (!n)
			return -ENOMEM;
		t->nodes = n;
		t->cap_nodes = cap;
	}
	n = &t->nodes[t->n_nodes];
	memset(n, 0, sizeof(*n));
	n->name = name;
	n->name_len = (uint16_t)len;
	n->parent = parent;
	n->layer = NO_LAYER;
	n->inode = t->n_nodes;
	*out = t->n_nodes++;
	return 0;
}

int tree_apply_root(struct tree *t)
{
	uint32_t root;

	return new_node(t, TREE_ROOT, "", 0, &root);
}

static uint32_t last_queued(const struct apply *a, uint32_t dir)
{
	/* NULL, not found, becomes PENDING_NONE. */
	return (uint32_t)(uintptr_t)map_getn(&a->pending, (const char *)&dir, sizeof(dir)) - 1u;
}

/* Queue an added or removed child of dir for merge_pending(). */
static int queue_child(struct apply *a, uint32_t dir, uint32_t node)
{
	struct pending_child *v = a->queued;

	if (a->n_queued == a->cap_queued) {
		uint32_t cap = a->cap_queued ? a->cap_queued * 2 : 256;

		v = realloc(v, cap * sizeof(*v));
		if (!v)
			return -ENOMEM;
		a->queued = v;
		a->cap_queued = cap;
	}
	v[a->n_queued] = (struct pending_child){ node, last_queued(a, dir) };
	return map_putn(&a->pending, (const char *)&dir, sizeof(dir),
			(void *)(uintptr_t)(++a->n_queued));
}

struct child_key {
	char bytes[sizeof(uint32_t) + NAME_MAX];
	size_t len;
};

static int make_key(uint32_t dir, const char *name, size_t len, struct child_key *key)
{
	if (len > NAME_MAX)
		return -ENAMETOOLONG;
	memcpy(key->bytes, &dir, sizeof(dir));
	memcpy(key->bytes + sizeof(dir), name, len);
	key->len = sizeof(dir) + len;
	return 0;
}

/* queue_child() for a node that find_child() must find. */
static int queue_child_name(struct apply *a, uint32_t dir, uint32_t node)
{
	const struct tree_entry *n = &a->t->nodes[node];
	struct child_key key;
	int r = make_key(dir, n->name, n->name_len, &key);

	if (r == 0)
		r = map_putn(&a->pending, key.bytes, key.len, (void *)(uintptr_t)(node + 1u));
	return r < 0 ? r : queue_child(a, dir, node);
}

/* tree_lookup() that includes queued children. */
static uint32_t find_child(const struct apply *a, uint32_t dir, const char *name, size_t len)
{
	const struct tree *t = a->t;
	uint32_t child = tree_lookup(t, dir, name, len);
	struct child_key key;

	if ((child == TREE_NONE || t->nodes[child].dead) && make_key(dir, name, len, &key) == 0)
		child = (uint32_t)(uintptr_t)map_getn(&a->pending, key.bytes, key.len) - 1u;
	return child == TREE_NONE || t->nodes[child].dead ? TREE_NONE : child;
}

static int by_name(const void *pa, const void *pb, void *arg)
{
	const struct tree *t = arg;
	const struct tree_entry *x = &t->nodes[*(const uint32_t *)pa];
	const struct tree_entry *y = &t->nodes[*(const uint32_t *)pb];

	return tree_compare(x->name, x->name_len, y->name, y->name_len);
}

/* Merge the queued children of dir into its sorted children. */
static int merge_pending(struct apply *a, uint32_t dir)
{
	struct tree *t = a->t;
	struct tree_entry *d = &t->nodes[dir];
	uint32_t last = last_queued(a, dir), n_new = 0, n = 0, i = 0, k = 0, at;
	_cleanup_free_ uint32_t *added = NULL, *children = NULL;

	if (last == PENDING_NONE)
		return 0;
	for (at = last; at != PENDING_NONE; at = a->queued[at].next)
		n_new += !t->nodes[a->queued[at].node].dead;
	added = malloc((n_new + 1u) * sizeof(*added));
	children = malloc(((size_t)d->n_children + n_new + 1) * sizeof(*children));
	if (!added || !children)
		return -ENOMEM;
	for (at = last; at != PENDING_NONE; at = a->queued[at].next)
		if (!t->nodes[a->queued[at].node].dead)
			added[k++] = a->queued[at].node;
	qsort_r(added, n_new, sizeof(*added), by_name, t);
	t->copied += d->n_children + n_new;
	for (k = 0; i < d->n_children || k < n_new;) {
		if (i < d->n_children && t->nodes[d->children[i]].dead)
			i++;
		else if (k == n_new ||
			 (i < d->n_children && by_name(&d->children[i], &added[k], t) < 0))
			children[n++] = d->children[i++];
		else
			children[n++] = added[k++];
	}
	free(d->children);
	d->children = TAKE_PTR(children);
	d->n_children = n;
	map_deln(&a->pending, (const char *)&dir, sizeof(dir));
	return 0;
}

static int settle(struct apply *a)
{
	uint32_t i;
	int r = 0;

	for (i = 0; i < a->n_queued && r == 0; i++)
		r = merge_pending(a, a->t->nodes[a->queued[i].node].parent);
	return r;
}

/* Store a name that is not in an index. NULL: out of memory. */
static const char *keep_string(struct tree *t, const char *s, size_t len)
{
	struct tree_string *k = malloc(sizeof(*k) + len + 1);

	if (!k)
		return NULL;
	memcpy(k->text, s, len);
	k->text[len] = '\0';
	k->next = t->strings;
	t->strings = k;
	return k->text;
}

static uint32_t walk_parent(void *ctx, uint32_t node)
{
	const struct apply *a = ctx;

	return a->t->nodes[node].parent;
}

static int walk_lookup(void *ctx, uint32_t dir, const char *name, size_t len, uint32_t *node,
		       struct err *err)
{
	const struct apply *a = ctx;

	(void)err;
	if (!tree_is_dir(a->t, dir))
		return -ENOTDIR;
	*node = find_child(a, dir, name, len);
	return *node == TREE_NONE ? -ENOENT : 0;
}

static int walk_make(void *ctx, uint32_t dir, const char *name, size_t len, uint32_t *node,
		     struct err *err)
{
	struct apply *a = ctx;
	const char *kept;
	int r;

	(void)err;
	if (len > NAME_MAX)
		return -ENAMETOOLONG;
	kept = keep_string(a->t, name, len);
	if (!kept)
		return -ENOMEM;
	r = new_node(a->t, dir, kept, len, node);
	return r < 0 ? r : queue_child_name(a, dir, *node);
}

static const char *walk_target(void *ctx, uint32_t node)
{
	const struct apply *a = ctx;
	struct layer *l;
	const struct layer_entry *e = tree_entry(a->t, node, &l, NULL);

	return e && e->type == ENTRY_SYMLINK ? layer_target(l, e) : NULL;
}

/* Hide everything below a node. Files with other hard links remain there. */
static void hide_subtree(struct tree *t, uint32_t node)
{
	t->nodes[node].dead = true;
}

static void hide_children(struct apply *a, uint32_t dir)
{
	struct tree_entry *d = &a->t->nodes[dir];
	uint32_t i;

	for (i = 0; i < d->n_children; i++)
		hide_subtree(a->t, d->children[i]);
	d->n_children = 0;
	for (i = last_queued(a, dir); i != PENDING_NONE; i = a->queued[i].next)
		hide_subtree(a->t, a->queued[i].node);
	map_deln(&a->pending, (const char *)&dir, sizeof(dir));
}

/* Resolve hard links to lower files before this layer hides anything. */
static int find_links(struct apply *a)
{
	uint32_t i;

	for (i = 0; i < a->n; i++) {
		const struct layer_entry *e = layer_entry(a->l, i);
		const char *target;
		uint32_t node;
		int r;

		if (e->type != ENTRY_LINK)
			continue;
		target = layer_target(a->l, e);
		r = link_walk(&a->walk, TREE_ROOT, target, strlen(target), 0, &node, NULL);
		if (r == -ENOMEM)
			return err_nomem(a->err);
		if (r == -E2BIG)
			return err_set(a->err, E2BIG, "too many paths through symbolic links");
		if (r < 0 || tree_is_dir(a->t, node)) {
			struct buf what _cleanup_buf_ = BUF_INIT;

			text_escape(&what, target);
			return err_set(a->err, EINVAL, "a hard link to \"%.300s\", which %s",
				       buf_str(&what),
				       r < 0 ? "is not in any lower layer" : "is a directory");
		}
		a->link[i] = a->t->nodes[node].inode;
	}
	return 0;
}

/*
 * Set the inode of an entry: its own node, the first of its group, or the target in a lower
 * layer.
 */
static void set_inode(struct apply *a, uint32_t entry, uint32_t node)
{
	const struct layer_entry *e = layer_entry(a->l, entry);
	struct tree_entry *n = &a->t->nodes[node];

	n->layer = a->layer;
	n->entry = entry;
	if (e->type == ENTRY_LINK) {
		const struct tree_entry *other = &a->t->nodes[a->link[entry]];

		n->layer = other->layer;
		n->entry = other->entry;
		n->inode = a->link[entry];
	} else if (e->type != ENTRY_DIR && e->nlink > 1 && e->inode < a->n) {
		if (a->node_of[e->inode] == TREE_NONE)
			a->node_of[e->inode] = node;
		n->inode = a->node_of[e->inode];
		n->entry = a->t->nodes[n->inode].entry;
	}
}

/* Merge a directory of the layer into one of the tree. */
static void merge_attributes(struct apply *a, uint32_t entry, const struct layer_entry *e,
			     uint32_t node)
{
	struct tree_entry *n = &a->t->nodes[node];

	if (e->flags & ENTRY_OPAQUE)
		hide_children(a, node);
	if (!(e->flags & ENTRY_IMPLICIT) || n->layer == NO_LAYER || e->flags & ENTRY_WHITED) {
		n->layer = a->layer;
		n->entry = entry;
	}
}

/*
 * Apply an entry to the existing node of the same name (TREE_NONE: none).
 * out     the node with that name afterwards; TREE_NONE: none
 */
static int apply_one(struct apply *a, uint32_t entry, uint32_t dir, uint32_t old, uint32_t *out)
{
	const struct layer_entry *e = layer_entry(a->l, entry);
	struct tree *t = a->t;
	int r;

	if (e->type == ENTRY_WHITEOUT) {
		if (old != TREE_NONE)
			hide_subtree(t, old);
		*out = TREE_NONE;
		return 0;
	}
	if (e->type == ENTRY_DIR && old != TREE_NONE) {
		struct layer *l;
		const struct layer_entry *lower = tree_entry(t, old, &l, NULL);

		if (tree_is_dir(t, old)) {
			merge_attributes(a, entry, e, old);
			a->node_of[entry] = *out = old;
			return 0;
		}
		/* An implicit directory: its path goes through the existing symbolic link. */
		if (e->flags & ENTRY_IMPLICIT && !(e->flags & ENTRY_WHITED) && lower &&
		    lower->type == ENTRY_SYMLINK) {
			*out = old;
			return 0;
		}
	}
	if (old != TREE_NONE)
		hide_subtree(t, old);
	r = new_node(t, dir, layer_name(a->l, e), e->name_len, out);
	if (r < 0)
		return r;
	if (e->type == ENTRY_DIR)
		a->node_of[entry] = *out;
	set_inode(a, entry, *out);
	return 0;
}

/* Queue a few children of a large directory instead of merging them. */
static int merge_few(struct apply *a, uint32_t first, uint32_t count, uint32_t dir)
{
	uint32_t k, old, now;
	int r = 0;

	for (k = first; k < first + count && r == 0; k++) {
		const struct layer_entry *e = layer_entry(a->l, k);

		old = find_child(a, dir, layer_name(a->l, e), e->name_len);
		r = apply_one(a, k, dir, old, &now);
		if (r == 0 && now != old)
			r = queue_child_name(a, dir, now != TREE_NONE ? now : old);
	}
	return r;
}

/* Merge the sorted children of a layer's directory into those of the tree's. */
static int merge_children(struct apply *a, uint32_t first, uint32_t count, uint32_t dir)
{
	struct tree *t = a->t;
	_cleanup_free_ uint32_t *merged = NULL;
	uint32_t have, i = 0, k = 0, n = 0;
	int r;

	if (t->nodes[dir].n_children / MERGE_RATIO > count)
		return merge_few(a, first, count, dir);
	r = merge_pending(a, dir);
	if (r < 0)
		return r;
	have = t->nodes[dir].n_children;
	merged = malloc(((size_t)have + count + 1) * sizeof(*merged));
	if (!merged)
		return -ENOMEM;
	t->copied += have + count;
	while (i < have || k < count) {
		uint32_t old = i < have ? t->nodes[dir].children[i] : TREE_NONE;
		const struct layer_entry *e = k < count ? layer_entry(a->l, first + k) : NULL;
		int c = 0;

		if (old == TREE_NONE)
			c = 1;
		else if (!e)
			c = -1;
		else
			c = tree_compare(t->nodes[old].name, t->nodes[old].name_len,
					 layer_name(a->l, e), e->name_len);
		if (c < 0) {
			merged[n++] = old;
			i++;
			continue;
		}
		r = apply_one(a, first + k, dir, c == 0 ? old : TREE_NONE, &merged[n]);
		if (r < 0)
			return r;
		if (merged[n] != TREE_NONE)
			n++;
		i += c == 0;
		k++;
	}
	free(t->nodes[dir].children);
	t->nodes[dir].children = TAKE_PTR(merged);
	t->nodes[dir].n_children = n;
	return 0;
}

/*
 * True for an implicit directory that only contains whiteouts: a missing parent is not created
 * for it.
 */
static bool only_hides(const struct apply *a, const struct layer_entry *e)
{
	uint32_t k;

	for (k = e->first; k < e->first + e->count; k++)
		if (layer_entry(a->l, k)->type != ENTRY_WHITEOUT)
			return false;
	return true;
}

/*
 * Find the node for the contents of a layer's directory. If an implicit directory meets a
 * symbolic link, it is the link's target; the same applies to directories below it without a
 * node.
 * errors  -ENOENT it only hides names, and there are none
 */
static int find_node(struct apply *a, uint32_t entry, uint32_t *dir)
{
	const struct layer_entry *e = layer_entry(a->l, entry);
	uint32_t parent, link;
	int r;

	*dir = a->node_of[entry];
	if (*dir != TREE_NONE)
		return 0;
	parent = a->node_of[e->parent];
	if (parent == TREE_NONE)
		return -ENOTDIR;
	link = find_child(a, parent, layer_name(a->l, e), e->name_len);
	if (link == TREE_NONE)
		return -ENOTDIR;
	r = link_walk(&a->walk, parent, layer_name(a->l, e), e->name_len,
		      LINK_WALK_FOLLOW | (only_hides(a, e) ? 0 : LINK_WALK_MAKE), dir, NULL);
	if (r == 0 && !tree_is_dir(a->t, *dir))
		r = -ENOTDIR;
	if (r < 0)
		return r;
	a->node_of[entry] = *dir;
	if (e->flags & ENTRY_OPAQUE)
		hide_children(a, *dir);
	return 0;
}

static int apply_dirs(struct apply *a)
{
	uint32_t i;
	int r;

	a->node_of[0] = TREE_ROOT;
	merge_attributes(a, 0, layer_entry(a->l, 0), TREE_ROOT);
	for (i = 0; i < a->n; i++) {
		const struct layer_entry *e = layer_entry(a->l, i);
		uint32_t dir;

		if (e->type != ENTRY_DIR || (!e->count && !(e->flags & ENTRY_OPAQUE)))
			continue;
		if (e->count && (e->first <= i || e->first > a->n || e->count > a->n - e->first))
			return err_set(a->err, EBADMSG, "its index is damaged");
		r = find_node(a, i, &dir);
		if (r == -ENOENT)
			continue;
		if (r == 0)
			r = merge_children(a, e->first, e->count, dir);
		if (r == -ENOMEM)
			return err_nomem(a->err);
		if (r == -E2BIG)
			return err_set(a->err, E2BIG,
				       "too many entries, or paths through symbolic links");
		if (r < 0) {
			struct buf what _cleanup_buf_ = BUF_INIT;

			text_escape(&what, layer_name(a->l, e));
			return err_set(a->err, -r,
				       "entries below \"%s\", which is a symbolic link that leads "
				       "to no directory",
				       buf_str(&what));
		}
	}
	return settle(a) < 0 ? err_nomem(a->err) : 0;
}

static int apply_layer(struct tree *t, uint32_t i, int (*what)(struct apply *), struct err *err)
{
	struct apply a = { .t = t, .l = t->layers[i], .layer = (uint16_t)i, .err = err };
	uint32_t k;
	int r;

	a.walk = (struct link_walk){ .ctx = &a,
				     .parent = walk_parent,
				     .lookup = walk_lookup,
				     .make = walk_make,
				     .target = walk_target };
	a.n = (uint32_t)(layer_header(a.l)->section[SECTION_ENTRIES].size /
			 sizeof(struct layer_entry));
	a.node_of = malloc(a.n * sizeof(*a.node_of));
	a.link = calloc(a.n, sizeof(*a.link));
	if (!a.node_of || !a.link) {
		r = err_nomem(err);
	} else {
		for (k = 0; k < a.n; k++)
			a.node_of[k] = TREE_NONE;
		r = what(&a);
	}
	free(a.node_of);
	free(a.link);
	free(a.queued);
	map_fini(&a.pending, NULL);
	return r;
}

static int apply_merged(struct apply *a)
{
	int r = layer_header(a->l)->n_links ? find_links(a) : 0;

	return r < 0 ? r : apply_dirs(a);
}

int tree_apply(struct tree *t, uint32_t i, struct err *err)
{
	return apply_layer(t, i, apply_merged, err);
}

/* Add a child named .wh.NAME. */
static int add_marker(struct apply *a, uint32_t dir, const char *name, uint32_t entry)
{
	struct buf text _cleanup_buf_ = BUF_INIT;
	const char *kept;
	uint32_t node;
	int r;

	if (buf_printf(&text, ".wh.%s", name) < 0)
		return -ENOMEM;
	kept = keep_string(a->t, buf_str(&text), text.len);
	if (!kept)
		return -ENOMEM;
	r = new_node(a->t, dir, kept, text.len, &node);
	if (r < 0)
		return r;
	a->t->nodes[node].layer = a->layer;
	a->t->nodes[node].entry = entry;
	a->t->nodes[node].marker = entry == LAYER_NONE;
	return queue_child(a, dir, node);
}

static int add_raw(struct apply *a, uint32_t i, uint32_t dir)
{
	const struct layer_entry *e = layer_entry(a->l, i);
	uint32_t node;
	int r = 0;

	if (e->type == ENTRY_WHITEOUT)
		return add_marker(a, dir, layer_name(a->l, e), i);
	if (e->flags & ENTRY_WHITED)
		r = add_marker(a, dir, layer_name(a->l, e), LAYER_NONE);
	if (r == 0)
		r = new_node(a->t, dir, layer_name(a->l, e), e->name_len, &node);
	if (r < 0)
		return r;
	if (e->type == ENTRY_DIR)
		a->node_of[i] = node;
	a->t->nodes[node].layer = a->layer;
	a->t->nodes[node].entry = i;
	if (e->type != ENTRY_LINK)
		set_inode(a, i, node);
	if (e->type == ENTRY_DIR && e->flags & ENTRY_OPAQUE && !(e->flags & ENTRY_WHITED))
		r = add_marker(a, node, ".wh..opq", LAYER_NONE);
	return r < 0 ? r : queue_child(a, dir, node);
}

static int raw_error(const struct apply *a, int r)
{
	return r == -E2BIG ? err_set(a->err, E2BIG, "too many entries") : err_nomem(a->err);
}

static int apply_raw(struct apply *a)
{
	uint32_t i, k;
	int r = 0;

	a->t->nodes[TREE_ROOT].layer = a->layer;
	a->t->nodes[TREE_ROOT].entry = 0;
	a->node_of[0] = TREE_ROOT;
	if (layer_entry(a->l, 0)->flags & ENTRY_OPAQUE)
		r = add_marker(a, TREE_ROOT, ".wh..opq", LAYER_NONE);
	if (r < 0)
		return raw_error(a, r);
	for (i = 0; i < a->n; i++) {
		const struct layer_entry *e = layer_entry(a->l, i);

		if (e->type != ENTRY_DIR || !e->count)
			continue;
		if (e->first <= i || e->first > a->n || e->count > a->n - e->first)
			return err_set(a->err, EBADMSG, "its index is damaged");
		for (k = e->first; k < e->first + e->count; k++) {
			r = add_raw(a, k, a->node_of[i]);
			if (r < 0)
				return raw_error(a, r);
		}
	}
	return settle(a) < 0 ? err_nomem(a->err) : 0;
}

int tree_apply_raw(struct tree *t, struct err *err)
{
	int r = tree_apply_root(t);

	return r < 0 ? err_nomem(err) : apply_layer(t, 0, apply_raw, err);
}
