/*
 * Reading a merged tree.
 */
#include "store/image/tree.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/text.h"
#include "store/image/tree_private.h"
#include "store/oci/manifest.h"

/* The entry of a raw view for a whiteout that the index stores as a flag only. */
static const struct layer_entry marker_entry = { .type = ENTRY_WHITEOUT, .mode = 0600 };

const struct layer_entry *tree_entry(const struct tree *t, uint32_t node, struct layer **l,
				     uint32_t *index)
{
	const struct tree_entry *n;

	if (node >= t->n_nodes)
		return NULL;
	n = &t->nodes[node];
	if (n->layer == NO_LAYER)
		return NULL;
	if (l)
		*l = t->layers[n->layer];
	if (index)
		*index = n->entry;
	if (n->marker)
		return &marker_entry;
	return layer_entry(t->layers[n->layer], n->entry);
}

bool tree_is_removed(const struct tree *t)
{
	uint32_t i;

	for (i = 0; i < t->n_layers; i++)
		if (layer_is_removed(t->layers[i]))
			return true;
	return false;
}

uint32_t tree_size(const struct tree *t)
{
	return t->n_nodes;
}

const uint32_t *tree_children(const struct tree *t, uint32_t dir, uint32_t *n)
{
	if (dir >= t->n_nodes) {
		*n = 0;
		return NULL;
	}
	*n = t->nodes[dir].n_children;
	return t->nodes[dir].children;
}

int tree_compare(const char *a, size_t a_len, const char *b, size_t b_len)
{
	int c = memcmp(a, b, MIN(a_len, b_len));

	return c ? c : (a_len > b_len) - (a_len < b_len);
}

uint32_t tree_lookup(const struct tree *t, uint32_t dir, const char *name, size_t len)
{
	uint32_t lo = 0, hi;
	const uint32_t *children = tree_children(t, dir, &hi);

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;
		const struct tree_entry *n = &t->nodes[children[mid]];
		int c = tree_compare(n->name, n->name_len, name, len);

		if (c == 0)
			return children[mid];
		if (c < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return TREE_NONE;
}

uint32_t tree_walk(const struct tree *t, const char *path)
{
	uint32_t node = TREE_ROOT;

	for (;;) {
		size_t n;

		path += strspn(path, "/");
		n = strcspn(path, "/");
		if (!n || node == TREE_NONE)
			return node;
		node = tree_lookup(t, node, path, n);
		path += n;
	}
}

uint32_t tree_parent(const struct tree *t, uint32_t node)
{
	return node < t->n_nodes ? t->nodes[node].parent : TREE_ROOT;
}

const char *tree_name(const struct tree *t, uint32_t node)
{
	return node < t->n_nodes ? t->nodes[node].name : "";
}

bool tree_is_dir(const struct tree *t, uint32_t node)
{
	const struct layer_entry *e = tree_entry(t, node, NULL, NULL);

	return !e || e->type == ENTRY_DIR;
}

void tree_stat(const struct tree *t, uint32_t node, struct stat *st)
{
	struct layer *l = NULL;
	const struct layer_entry *e = tree_entry(t, node, &l, NULL);
	const struct tree_entry *n = &t->nodes[node < t->n_nodes ? node : 0];

	if (e) {
		layer_stat(l, e, st);
	} else {
		memset(st, 0, sizeof(*st));
		st->st_mode = S_IFDIR | 0755;
		st->st_blksize = 4096;
	}
	st->st_ino = 1 + (ino_t)n->inode;
	st->st_nlink = t->nodes[n->inode].nlink;
	if (S_ISDIR(st->st_mode))
		st->st_size = 4096;
}

bool tree_natural_nlink(const struct tree *t, uint32_t node)
{
	const struct layer_entry *e = tree_entry(t, node, NULL, NULL);

	return e && e->type != ENTRY_DIR && t->nodes[t->nodes[node].inode].nlink == e->nlink;
}

int tree_chain(const struct tree *t, uint32_t node, uint32_t **out, size_t *n)
{
	uint32_t *chain, i;
	size_t depth = 0;

	for (i = node; i != TREE_ROOT; i = tree_parent(t, i))
		depth++;
	chain = malloc((depth + 1) * sizeof(*chain));
	if (!chain)
		return -ENOMEM;
	*out = chain;
	*n = depth;
	for (i = node; i != TREE_ROOT; i = tree_parent(t, i))
		*chain++ = i;
	return 0;
}

char *tree_path(const struct tree *t, uint32_t node)
{
	size_t len = 0;
	uint32_t i;
	char *out, *p;

	if (node >= t->n_nodes)
		return NULL;
	for (i = node; i != TREE_ROOT; i = t->nodes[i].parent)
		len += t->nodes[i].name_len + 1u;
	out = malloc(len + 1);
	if (!out)
		return NULL;
	p = out + len;
	*p = '\0';
	for (i = node; i != TREE_ROOT; i = t->nodes[i].parent) {
		p -= t->nodes[i].name_len;
		memcpy(p, t->nodes[i].name, t->nodes[i].name_len);
		if (p > out)
			*--p = '/';
	}
	/* The loop reserved a slash that the first component does not need. */
	if (len)
		memmove(out, out + 1, len);
	return out;
}

void tree_free(struct tree *t)
{
	uint32_t i;

	if (!t)
		return;
	for (i = 0; i < t->n_nodes; i++)
		free(t->nodes[i].children);
	free(t->nodes);
	for (i = 0; i < t->n_layers; i++)
		layer_unref(t->layers[i]);
	free(t->layers);
	while (t->strings) {
		struct tree_string *s = t->strings;

		t->strings = s->next;
		free(s);
	}
	free(t);
}

/*
 * Count the visible names of each inode. All names of an inode have the same inode field. A
 * directory counts itself, its "." and the ".." of each subdirectory.
 */
static void count_links(struct tree *t)
{
	uint32_t i;

	for (i = 0; i < t->n_nodes; i++)
		t->nodes[i].nlink = tree_is_dir(t, i) ? 1 : 0;
	for (i = 0; i < t->n_nodes; i++) {
		struct tree_entry *n = &t->nodes[i];

		/* Parents precede their children, so a dead parent is already marked. */
		if (i != TREE_ROOT && t->nodes[n->parent].dead)
			n->dead = true;
		if (n->dead)
			continue;
		t->nodes[n->inode].nlink++;
		if (i != TREE_ROOT && tree_is_dir(t, i))
			t->nodes[n->parent].nlink++;
	}
}

static int tree_new(size_t n, struct tree **out, struct err *err)
{
	struct tree *t = calloc(1, sizeof(*t));

	if (!t)
		return err_nomem(err);
	t->layers = calloc(n ? n : 1, sizeof(*t->layers));
	if (!t->layers) {
		free(t);
		return err_nomem(err);
	}
	*out = t;
	return 0;
}

static int add_layer(struct tree *t, struct layers *ls, const struct digest *blob, struct err *err)
{
	int r = layers_get(ls, blob, &t->layers[t->n_layers], err);

	if (r == 0)
		t->n_layers++;
	return r;
}

/* Return a finished tree, or free it after an error. */
static int give(struct tree *t, int r, struct tree **out, struct err *err)
{
	if (r < 0) {
		tree_free(t);
		return r == -ENOMEM ? err_nomem(err) : r;
	}
	count_links(t);
	*out = t;
	return 0;
}

int tree_open(struct layers *ls, const struct manifest *m, struct tree **out, struct err *err)
{
	struct tree *t;
	size_t i;
	int r = tree_new(m->n_layers, &t, err);

	if (r < 0)
		return r;
	for (i = 0; i < m->n_layers && r == 0; i++)
		r = add_layer(t, ls, &m->layers[i].digest, err);
	if (r == 0)
		r = tree_apply_root(t);
	for (i = 0; i < m->n_layers && r == 0; i++) {
		r = tree_apply(t, (uint32_t)i, err);
		if (r < 0)
			err_wrap(err, r, "layer %s", m->layers[i].digest.str);
	}
	return give(t, r, out, err);
}

int tree_open_layer(struct layers *ls, const struct digest *blob, struct tree **out,
		    struct err *err)
{
	struct tree *t;
	int r = tree_new(1, &t, err);

	if (r < 0)
		return r;
	r = add_layer(t, ls, blob, err);
	if (r == 0)
		r = tree_apply_raw(t, err);
	return give(t, r, out, err);
}
