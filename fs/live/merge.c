/*
 * Each lookup takes the upper directory first, then the base tree.
 */
#include "fs/live/merge.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "fs/live/listing.h"
#include "fs/live/live.h"
#include "fs/live/node.h"
#include "store/container/upper.h"
#include "store/layer/layer.h"
#include "store/layer/overlay_xattr.h"

uint32_t merge_below(const struct node *dir, const char *name)
{
	if (dir->lower == TREE_NONE)
		return TREE_NONE;
	return tree_lookup(dir->live->tree, dir->lower, name, strlen(name));
}

static bool is_dir_below(const struct live *live, uint32_t lower)
{
	struct stat st;

	if (lower == TREE_NONE)
		return false;
	tree_stat(live->tree, lower, &st);
	return S_ISDIR(st.st_mode);
}

/* An upper directory shows what is below it unless it is opaque. */
static int shows_below(const struct live *live, int dirfd, const char *name)
{
	_cleanup_close_ int fd = openat(dirfd, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	int r;

	if (fd < 0)
		return -errno;
	r = upper_is_opaque(&live->upper, fd);
	return r < 0 ? r : !r;
}

static int finish_upper(struct node *dir, int fd, const char *name, struct lookup_result *out)
{
	struct live *live = dir->live;
	uint32_t below = merge_below(dir, name);
	int r;

	out->upper = true;
	out->upper_ino = out->st.st_ino;
	out->lower = TREE_NONE;
	if (S_ISDIR(out->st.st_mode) && is_dir_below(live, below)) {
		r = shows_below(live, fd, name);
		if (r < 0)
			return r;
		if (r > 0) {
			out->lower = below;
			out->st.st_ino = live_ino_lower(live, below);
			/* As in overlayfs, subdirectories of both layers are not counted. */
			out->st.st_nlink = 1;
			return 0;
		}
	}
	return ino_map_upper(&live->inos, out->upper_ino, &out->st.st_ino);
}

static int finish_lower(struct live *live, uint32_t below, struct lookup_result *out)
{
	int r;

	out->upper = false;
	out->upper_ino = 0;
	out->lower = below;
	tree_stat(live->tree, below, &out->st);
	out->st.st_ino = ino_map_lower(&live->inos, out->st.st_ino);
	if (S_ISDIR(out->st.st_mode) || out->st.st_nlink < 2)
		return 0;
	r = links_count(&live->links, &live->upper, live->tree, below);
	if (r < 0)
		return r;
	out->st.st_nlink = (nlink_t)r;
	return 0;
}

/* The attributes of one name are damaged: it gets EIO, and the log says which name it is. */
static void log_unreadable(struct node *dir, const char *name)
{
	struct buf path _cleanup_buf_ = BUF_INIT, shown _cleanup_buf_ = BUF_INIT;

	if (node_path(dir->live->nodes, dir, &path) == 0 && buf_printf(&path, "/%s", name) == 0 &&
	    text_escape(&shown, buf_str(&path)) == 0)
		log_warn("container %s: %s: attributes cannot be read; is %s valid?",
			 dir->live->name, buf_str(&shown), OVERLAY_XATTR_OVERRIDE);
}

int merge_lookup(struct node *dir, const char *name, struct lookup_result *out)
{
	struct live *live = dir->live;
	uint32_t below;
	int r;

	if (strlen(name) > NAME_MAX)
		return -ENAMETOOLONG;
	if (dir->upper) {
		struct location location _cleanup_location_ = LOCATION_INIT;
		bool whiteout;

		r = node_dir(live->nodes, dir, &location);
		if (r < 0)
			return r;
		r = upper_lookup(&live->upper, location.fd, name, &out->st, &whiteout);
		if (r == 0)
			return whiteout ? -ENOENT : finish_upper(dir, location.fd, name, out);
		if (r == -EIO)
			log_unreadable(dir, name);
		if (r != -ENOENT)
			return r;
	}
	below = merge_below(dir, name);
	return below == TREE_NONE ? -ENOENT : finish_lower(live, below, out);
}

int merge_stat(struct node *n, struct stat *st)
{
	struct live *live = n->live;
	int r;

	if (n->upper) {
		struct location location _cleanup_location_ = LOCATION_INIT;

		r = node_locate(live->nodes, n, &location);
		if (r == 0)
			r = location_stat(&live->upper, &location, st);
		if (r < 0)
			return r;
		if (S_ISDIR(n->type) && n->lower != TREE_NONE)
			st->st_nlink = 1;
	} else {
		tree_stat(live->tree, n->lower, st);
		if (!S_ISDIR(n->type)) {
			r = n->dead ? 0
			    : st->st_nlink < 2
				    ? 1
				    : links_count(&live->links, &live->upper, live->tree, n->lower);
			if (r < 0)
				return r;
			st->st_nlink = (nlink_t)r;
		}
	}
	if (n->dead && S_ISDIR(n->type))
		st->st_nlink = 0;
	st->st_ino = n->ino;
	return 0;
}

const struct layer_entry *merge_entry(const struct live *live, uint32_t lower, struct layer **l)
{
	const struct layer_entry *e, *first;
	uint32_t index;

	if (lower == TREE_NONE)
		return NULL;
	e = tree_entry(live->tree, lower, l, &index);
	/* Of hard links the first one has the contents. */
	first = e && e->type != ENTRY_DIR ? layer_entry(*l, e->inode) : NULL;
	return first ? first : e;
}

/* --- lists --- */

/* The type of a whiteout in the list, until the base tree is merged in. */
#define TYPE_WHITEOUT S_IFMT

static int add_as_is(struct live *live, const struct dirent *e, struct listing *out)
{
	uint64_t ino;
	int r = ino_map_upper(&live->inos, e->d_ino, &ino);

	return r < 0 ? r : listing_add(out, e->d_name, ino, DTTOIF(e->d_type));
}

struct upper_list {
	struct node *dir;
	int fd;
	bool plain; /* regular files need no lookup */
	struct listing *out;
};

/* Add an entry of an upper directory. A lookup finds the type and number that readdir lacks. */
static int add_upper(const struct dirent *e, void *arg)
{
	const struct upper_list *l = arg;
	struct live *live = l->dir->live;
	mode_t type = DTTOIF(e->d_type);
	struct lookup_result f;
	bool whiteout = false;
	int r;

	if (type == S_IFREG && l->plain)
		return add_as_is(live, e, l->out);
	r = upper_lookup(&live->upper, l->fd, e->d_name, &f.st, &whiteout);
	if (r == -ENOENT)
		return 0;
	/* A damaged entry is listed as it is on disk; its look-up says what is wrong. */
	if (r == -EIO)
		return add_as_is(live, e, l->out);
	if (r == 0 && whiteout)
		return listing_add(l->out, e->d_name, 0, TYPE_WHITEOUT);
	if (r == 0)
		r = finish_upper(l->dir, l->fd, e->d_name, &f);
	return r < 0 ? r : listing_add(l->out, e->d_name, f.st.st_ino, f.st.st_mode);
}

static int list_upper(struct node *dir, struct listing *out)
{
	struct location location _cleanup_location_ = LOCATION_INIT;
	struct upper_list l = { .dir = dir, .out = out };
	int hiding, r = node_dir(dir->live->nodes, dir, &location);

	if (r < 0)
		return r;
	hiding = upper_may_have_whiteouts(&dir->live->upper, location.fd);
	if (hiding < 0)
		return hiding;
	l.fd = location.fd;
	l.plain = !hiding;
	return file_each(location.fd, add_upper, &l);
}

static int by_name(const void *a, const void *b, void *names)
{
	const struct listed *x = a, *y = b;

	return strcmp((const char *)names + x->name, (const char *)names + y->name);
}

static int merge_below_in(struct node *dir, const struct listing *upper, struct listing *out)
{
	struct live *live = dir->live;
	uint32_t n = 0, k = 0;
	const uint32_t *below = NULL;
	size_t i = 0;
	int r = 0;

	if (dir->lower != TREE_NONE)
		below = tree_children(live->tree, dir->lower, &n);
	while (r == 0 && (i < upper->n || k < n)) {
		int c = i == upper->n ? 1
			: k == n      ? -1
				 : strcmp(listing_name(upper, i), tree_name(live->tree, below[k]));
		struct stat st;

		if (c <= 0) {
			if (upper->v[i].type != TYPE_WHITEOUT)
				r = listing_add(out, listing_name(upper, i), upper->v[i].ino,
						upper->v[i].type);
			i++;
			k += c == 0;
			continue;
		}
		tree_stat(live->tree, below[k], &st);
		r = listing_add(out, tree_name(live->tree, below[k]),
				ino_map_lower(&live->inos, st.st_ino), st.st_mode);
		k++;
	}
	return r;
}

int merge_list(struct node *dir, struct listing *out)
{
	struct listing upper _cleanup_listing_ = LISTING_INIT;
	int r = dir->upper ? list_upper(dir, &upper) : 0;

	if (r < 0)
		return r;
	if (upper.n)
		qsort_r(upper.v, upper.n, sizeof(*upper.v), by_name, upper.names.data);
	return merge_below_in(dir, &upper, out);
}

int merge_is_empty(struct node *dir)
{
	struct listing l _cleanup_listing_ = LISTING_INIT;
	int r = merge_list(dir, &l);

	return r < 0 ? r : l.n == 0;
}
