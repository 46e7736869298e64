/*
 * A simultaneous walk over the base tree and the upper directory, depth first and sorted, with an
 * explicit stack and a single descriptor, for the current upper directory. base/walk does not fit:
 * the names of both have to come in one order, and a directory of the tree alone has no descriptor.
 */
#include "store/layer/acl.h"
#include "store/transfer/export_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/file.h"
#include "base/log.h"
#include "base/map.h"
#include "base/text.h"
#include "store/container/layer_write.h"
#include "store/container/upper.h"
#include "store/image/tree.h"
#include "store/layer/layer.h"
#include "store/layer/overlay_xattr.h"
#include "store/layer/tar_write.h"

#define COPY_SIZE (256u * 1024)
/*
 * Minimum total of holes in a file that is written as sparse, and the maximum of its data ranges.
 */
#define HOLE_MIN 4096u
#define PIECES_MAX 65536u

/* A name in a directory. */
struct item {
	const char *name; /* from the tree or from level.names */
	uint32_t lower;	  /* node; TREE_NONE: not in the tree */
	bool upper;
};

/* A directory of the walk. */
struct level {
	bool upper; /* exists in the upper directory: walk.fd is this directory or one below it */
	dev_t dev;
	ino_t ino;
	char **names; /* of the upper directory */
	size_t n_names;
	struct item *items;
	size_t n, i;
	size_t path_len; /* length of walk.path up to this directory */
};

/* The source of a file's contents. */
struct source {
	int fd; /* -1: read from the layer */
	struct layer *layer;
	const struct layer_entry *entry;
	struct tar_piece *pieces;
	size_t n, cap;
};

struct walk {
	struct tree *tree;
	const struct upper *u;
	const struct sink *out;
	struct err *err;
	int fd;
	struct level *levels;
	size_t depth, cap;
	struct buf path; /* of the current entry */
	/* "t:inode" (tree) or "u:dev:ino" (upper directory) -> path of the first name */
	struct map links;
	char *block;
};

bool export_carries(const char *xattr)
{
	static const char *const ours[] = { "security.selinux", "security.apparmor", "security.ima",
					    "security.evm", "security.SMACK64" };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(ours); i++)
		if (strcmp(xattr, ours[i]) == 0)
			return false;
	return (strncmp(xattr, "system.", 7) != 0 || acl_is_name(xattr)) &&
	       !overlay_xattr_is_private(xattr);
}

static int fail(struct walk *w, int r, const char *what)
{
	struct buf name _cleanup_buf_ = BUF_INIT;

	text_escape(&name, buf_str(&w->path));
	return err_sys(w->err, -r, "/%.300s: %s", buf_str(&name), what);
}

static void level_fini(struct level *l)
{
	file_names_free(l->names);
	free(l->items);
}

/* Merge the names of both directories into a sorted list. */
static int merge(struct walk *w, struct level *l, uint32_t lower)
{
	uint32_t n = 0, k = 0;
	const uint32_t *below = lower == TREE_NONE ? NULL : tree_children(w->tree, lower, &n);
	size_t i = 0;

	l->items = calloc(l->n_names + n + 1, sizeof(*l->items));
	if (!l->items)
		return -ENOMEM;
	while (i < l->n_names || k < n) {
		struct item *it = &l->items[l->n++];
		int c = i == l->n_names ? 1
			: k == n	? -1
					: strcmp(l->names[i], tree_name(w->tree, below[k]));

		it->upper = c <= 0;
		it->name = c <= 0 ? l->names[i++] : tree_name(w->tree, below[k]);
		it->lower = c >= 0 ? below[k++] : TREE_NONE;
	}
	return 0;
}

/* Enter a directory. fd: in the upper directory, taken; -1: only in the tree. */
static int enter(struct walk *w, int fd, uint32_t lower)
{
	struct level *l;
	struct stat st;
	int r;

	if (fd >= 0) {
		if (w->fd >= 0)
			close(w->fd);
		w->fd = fd;
	}
	if (w->depth == w->cap) {
		size_t cap = w->cap ? w->cap * 2 : 16;

		l = realloc(w->levels, cap * sizeof(*l));
		if (!l)
			return -ENOMEM;
		w->levels = l;
		w->cap = cap;
	}
	l = &w->levels[w->depth++];
	memset(l, 0, sizeof(*l));
	l->path_len = w->path.len;
	l->upper = fd >= 0;
	if (l->upper) {
		if (fstat(fd, &st) < 0)
			return -errno;
		l->dev = st.st_dev;
		l->ino = st.st_ino;
		r = file_names(fd, &l->names, &l->n_names);
		if (r < 0)
			return r;
	}
	return merge(w, l, lower);
}

/* Return to the parent directory, which must be the one the walk came from. */
static int leave(struct walk *w)
{
	const struct level *l = &w->levels[--w->depth];
	bool upper = l->upper;
	struct stat st;
	int up;

	level_fini(&w->levels[w->depth]);
	if (!w->depth || !upper)
		return 0;
	up = openat(w->fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (up < 0)
		return -errno;
	close(w->fd);
	w->fd = up;
	l = &w->levels[w->depth - 1];
	if (fstat(up, &st) < 0)
		return -errno;
	return st.st_dev == l->dev && st.st_ino == l->ino ? 0 : -ESTALE;
}

/*
 * Set *first to the path under which this file was written before, or NULL. The file is recorded
 * by key.
 */
static int seen_before(struct walk *w, const char *key, const char **first)
{
	char *copy;

	*first = map_get(&w->links, key);
	if (*first)
		return 0;
	copy = strdup(buf_str(&w->path));
	if (!copy || map_put(&w->links, key, copy) < 0) {
		free(copy);
		return -ENOMEM;
	}
	return 0;
}

static int64_t next(const struct source *src, uint64_t off, int whence)
{
	off_t pos;

	if (src->fd < 0)
		return layer_seek(src->layer, src->entry, off, whence);
	pos = lseek(src->fd, (off_t)off, whence);
	return pos < 0 ? -errno : pos;
}

static int add_piece(struct source *src, uint64_t off, uint64_t end)
{
	if (src->n == src->cap) {
		size_t cap = src->cap ? src->cap * 2 : 16;
		struct tar_piece *v = realloc(src->pieces, cap * sizeof(*v));

		if (!v)
			return -ENOMEM;
		src->pieces = v;
		src->cap = cap;
	}
	src->pieces[src->n++] = (struct tar_piece){ off, end - off };
	return 0;
}

/* Find a file's data ranges; false: not worth a sparse entry, or unknown. */
static int find_pieces(struct source *src, uint64_t size, bool *sparse)
{
	uint64_t off = 0, data = 0;

	*sparse = false;
	while (off < size && src->n < PIECES_MAX) {
		int64_t from = next(src, off, SEEK_DATA), to;
		int r;

		if (from == -ENXIO || (uint64_t)from >= size)
			break;
		if (from < 0)
			return 0;
		to = next(src, (uint64_t)from, SEEK_HOLE);
		if (to <= from)
			return 0;
		off = MIN((uint64_t)to, size);
		data += off - (uint64_t)from;
		r = add_piece(src, (uint64_t)from, off);
		if (r < 0)
			return r;
	}
	/* A non-NULL empty list: the file is one hole. */
	if (!src->pieces && add_piece(src, 0, 0) == 0)
		src->n = 0;
	*sparse = src->n < PIECES_MAX && src->pieces && size - data >= HOLE_MIN;
	return 0;
}

static int put_range(struct walk *w, struct source *src, uint64_t off, uint64_t len)
{
	while (len) {
		size_t want = (size_t)MIN(len, (uint64_t)COPY_SIZE);
		ssize_t n;
		int r;

		if (src->fd < 0) {
			n = layer_pread(src->layer, src->entry, w->block, want, off);
		} else {
			n = pread(src->fd, w->block, want, (off_t)off);
			if (n < 0 && errno == EINTR)
				continue;
			n = n < 0 ? -errno : n;
		}
		if (n < 0)
			return fail(w, (int)n, "cannot read");
		if (n == 0)
			return fail(w, -EIO, "became shorter while it was read");
		r = sink_write(w->out, w->block, (size_t)n, w->err);
		if (r < 0)
			return r;
		off += (uint64_t)n;
		len -= (uint64_t)n;
	}
	return 0;
}

static int put_regular(struct walk *w, struct source *src, struct tar_entry *e)
{
	uint64_t size = (uint64_t)e->st.st_size, written = 0;
	bool sparse;
	size_t i;
	int r = find_pieces(src, size, &sparse);

	if (r < 0)
		return err_nomem(w->err);
	if (!sparse) {
		r = tar_header(w->out, e, w->err);
		if (r == 0)
			r = put_range(w, src, 0, size);
		return r < 0 ? r : tar_pad(w->out, size, w->err);
	}
	e->pieces = src->pieces;
	e->n_pieces = src->n;
	r = tar_header(w->out, e, w->err);
	for (i = 0; i < src->n && r == 0; i++) {
		r = put_range(w, src, src->pieces[i].offset, src->pieces[i].length);
		written += src->pieces[i].length;
	}
	return r < 0 ? r : tar_pad(w->out, written, w->err);
}

static int put_contents(struct walk *w, struct source *src, struct tar_entry *e)
{
	int r;

	if (!S_ISREG(e->st.st_mode))
		return tar_header(w->out, e, w->err);
	r = put_regular(w, src, e);
	free(src->pieces);
	return r;
}

static int put_link(struct walk *w, const char *first, struct tar_entry *e)
{
	e->hardlink = true;
	e->target = first;
	return tar_header(w->out, e, w->err);
}

static int lower_xattrs(struct walk *w, const struct layer *l, const struct layer_entry *entry,
			struct buf *out)
{
	if (l && entry && layer_entry_xattrs(l, entry, export_carries, out) < 0)
		return err_nomem(w->err);
	return 0;
}

static int put_lower_file(struct walk *w, uint32_t node, struct layer *l,
			  const struct layer_entry *entry, struct tar_entry *e)
{
	struct source src = { .fd = -1, .layer = l, .entry = entry };
	const char *first = NULL;
	char key[32];

	if (e->st.st_nlink > 1) {
		tree_stat(w->tree, node, &e->st);
		snprintf(key, sizeof(key), "t:%llx", (unsigned long long)e->st.st_ino);
		if (seen_before(w, key, &first) < 0)
			return err_nomem(w->err);
	}
	if (first)
		return put_link(w, first, e);
	if (S_ISLNK(e->st.st_mode))
		e->target = layer_target(l, entry);
	return put_contents(w, &src, e);
}

static int put_lower(struct walk *w, uint32_t node)
{
	const struct layer_entry *entry, *first;
	struct tar_entry e = { .path = buf_str(&w->path) };
	struct layer *l = NULL;
	int r;

	tree_stat(w->tree, node, &e.st);
	entry = tree_entry(w->tree, node, &l, NULL);
	/* The first of several hard links has the contents. */
	first = entry && entry->type != ENTRY_DIR ? layer_entry(l, entry->inode) : NULL;
	if (first)
		entry = first;
	r = lower_xattrs(w, l, entry, &e.xattrs);
	if (r == 0 && S_ISDIR(e.st.st_mode)) {
		r = tar_header(w->out, &e, w->err);
		if (r == 0 && enter(w, -1, node) < 0)
			r = err_nomem(w->err);
	} else if (r == 0) {
		r = put_lower_file(w, node, l, entry, &e);
	}
	buf_fini(&e.xattrs);
	return r;
}

static int put_upper_file(struct walk *w, const char *name, int fd, struct tar_entry *e)
{
	struct buf target _cleanup_buf_ = BUF_INIT;
	_cleanup_close_ int data = -1;
	struct source src = { .fd = -1 };
	const char *first = NULL;
	struct stat real;
	char key[64];
	int r;

	if (S_ISSOCK(e->st.st_mode)) {
		log_warn("/%s: skipped: a tar cannot contain a socket", e->path);
		return 0;
	}
	if (fstat(fd, &real) < 0)
		return fail(w, -errno, "cannot read");
	snprintf(key, sizeof(key), "u:%llx:%llx", (unsigned long long)real.st_dev,
		 (unsigned long long)real.st_ino);
	if (real.st_nlink > 1 && seen_before(w, key, &first) < 0)
		return err_nomem(w->err);
	if (first)
		return put_link(w, first, e);
	if (S_ISLNK(e->st.st_mode)) {
		r = upper_readlink(w->u, w->fd, name, &target);
		if (r < 0)
			return fail(w, r, "cannot read the link");
		e->target = buf_str(&target);
	}
	if (S_ISREG(e->st.st_mode)) {
		data = openat(w->fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
		if (data < 0)
			return fail(w, -errno, "cannot open");
		src.fd = data;
	}
	return put_contents(w, &src, e);
}

static int put_upper_dir(struct walk *w, const struct item *it, const struct tar_entry *e)
{
	int dir = openat(w->fd, it->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), r;
	uint32_t lower = it->lower;
	struct stat st;

	if (dir < 0)
		return fail(w, -errno, "cannot open");
	if (lower != TREE_NONE) {
		r = upper_is_opaque(w->u, dir);
		if (r < 0) {
			close(dir);
			return fail(w, r, "cannot read whether it is opaque");
		}
		tree_stat(w->tree, lower, &st);
		if (r > 0 || !S_ISDIR(st.st_mode))
			lower = TREE_NONE;
	}
	r = tar_header(w->out, e, w->err);
	if (r < 0) {
		close(dir);
		return r;
	}
	r = enter(w, dir, lower);
	return r < 0 ? fail(w, r, "cannot read the directory") : 0;
}

static int put_upper(struct walk *w, const struct item *it)
{
	struct tar_entry e = { .path = buf_str(&w->path) };
	_cleanup_close_ int fd = -1;
	bool whiteout;
	int r;

	r = upper_lookup(w->u, w->fd, it->name, &e.st, &whiteout);
	if (r < 0)
		return fail(w, r, "cannot read");
	if (whiteout)
		return 0;
	fd = openat(w->fd, it->name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return fail(w, -errno, "cannot open");
	r = layer_xattrs(w->u, fd, export_carries, &e.xattrs);
	if (r < 0)
		r = fail(w, r, "cannot read its extended attributes");
	else
		r = S_ISDIR(e.st.st_mode) ? put_upper_dir(w, it, &e)
					  : put_upper_file(w, it->name, fd, &e);
	buf_fini(&e.xattrs);
	return r;
}

static int put_root(struct walk *w)
{
	struct tar_entry e = { .path = "." };
	struct layer *l = NULL;
	const struct layer_entry *entry;
	int r = 0;

	if (w->u) {
		r = upper_fstat(w->u, w->u->fd, &e.st);
		if (r == 0)
			r = layer_xattrs(w->u, w->u->fd, export_carries, &e.xattrs);
		if (r < 0)
			r = fail(w, r, "cannot read");
	} else {
		tree_stat(w->tree, TREE_ROOT, &e.st);
		entry = tree_entry(w->tree, TREE_ROOT, &l, NULL);
		r = lower_xattrs(w, l, entry, &e.xattrs);
	}
	if (r == 0)
		r = tar_header(w->out, &e, w->err);
	buf_fini(&e.xattrs);
	return r;
}

static int enter_root(struct walk *w)
{
	uint32_t lower = TREE_ROOT;
	int fd = -1, r;

	if (w->u) {
		r = upper_is_opaque(w->u, w->u->fd);
		if (r < 0)
			return fail(w, r, "cannot read whether it is opaque");
		if (r > 0)
			lower = TREE_NONE;
		fd = openat(w->u->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (fd < 0)
			return fail(w, -errno, "cannot open");
	}
	r = enter(w, fd, lower);
	return r < 0 ? fail(w, r, "cannot read the directory") : 0;
}

static int walk(struct walk *w)
{
	int r = put_root(w);

	if (r == 0)
		r = enter_root(w);
	while (r == 0 && w->depth) {
		struct level *l = &w->levels[w->depth - 1];
		struct item *it;

		w->path.len = l->path_len;
		if (w->path.data)
			w->path.data[w->path.len] = '\0';
		if (l->i == l->n) {
			r = leave(w);
			if (r < 0)
				return fail(w, r, "cannot continue from here");
			continue;
		}
		it = &l->items[l->i++];
		if ((w->path.len && buf_putc(&w->path, '/') < 0) ||
		    buf_puts(&w->path, it->name) < 0)
			return err_nomem(w->err);
		r = it->upper ? put_upper(w, it) : put_lower(w, it->lower);
	}
	return r;
}

int export_walk(struct tree *t, const struct upper *u, const struct sink *out, struct err *err)
{
	struct walk w = { .tree = t, .u = u, .out = out, .err = err, .fd = -1 };
	int r;

	w.block = malloc(COPY_SIZE);
	r = w.block ? walk(&w) : err_nomem(err);
	if (r == 0)
		r = tar_end(out, err);
	while (w.depth)
		level_fini(&w.levels[--w.depth]);
	if (w.fd >= 0)
		close(w.fd);
	free(w.levels);
	free(w.block);
	buf_fini(&w.path);
	map_fini(&w.links, free);
	return r;
}
