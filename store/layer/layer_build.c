/*
 * Entries are added as an unpacker would do it: symbolic links in parent directories are resolved
 * inside the layer.
 */
#include "store/layer/layer_build.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/map.h"
#include "store/layer/acl.h"
#include "store/layer/decode.h"
#include "store/layer/layer_build_private.h"
#include "store/layer/overlay_xattr.h"

#define XATTRS_MAX (1u << 20)
/*
 * Limit of implied parent directories: a compressed path of a few bytes may name tens of
 * thousands.
 */
#define IMPLICIT_MAX (1u << 19)
#define WHITEOUT ".wh."
#define WHITEOUT_META ".wh..wh."
#define WHITEOUT_OPAQUE ".wh..wh..opq"

static uint32_t new_inode(struct layer_build *b, enum entry_type type)
{
	struct build_inode *v = b->inodes;

	if (b->n_inodes == b->cap_inodes) {
		size_t cap = b->cap_inodes ? b->cap_inodes * 2 : 256;

		v = realloc(v, cap * sizeof(*v));
		if (!v)
			return LAYER_NONE;
		b->inodes = v;
		b->cap_inodes = cap;
	}
	v = &v[b->n_inodes];
	memset(v, 0, sizeof(*v));
	v->type = type;
	v->target = LAYER_NONE;
	v->mode = 0755;
	v->first_node = LAYER_NONE;
	return (uint32_t)b->n_inodes++;
}

/* Look up a name. The key is the directory's number, the kind of name and the name. */
static int find_name(struct layer_build *b, uint32_t dir, char kind, const char *name, size_t len,
		     uint32_t *out)
{
	char key[sizeof(dir) + 1 + NAME_MAX];

	memcpy(key, &dir, sizeof(dir));
	key[sizeof(dir)] = kind;
	memcpy(key + sizeof(dir) + 1, name, len);
	*out = (uint32_t)(uintptr_t)map_getn(&b->names, key, sizeof(dir) + 1 + len) - 1;
	return *out == LAYER_NONE ? -ENOENT : 0;
}

static int put_name(struct layer_build *b, uint32_t dir, char kind, const char *name, size_t len,
		    uint32_t node)
{
	char key[sizeof(dir) + 1 + NAME_MAX];

	memcpy(key, &dir, sizeof(dir));
	key[sizeof(dir)] = kind;
	memcpy(key + sizeof(dir) + 1, name, len);
	return map_putn(&b->names, key, sizeof(dir) + 1 + len, (void *)(uintptr_t)(node + 1u));
}

#define KIND_NAME 'n'
#define KIND_WHITEOUT 'w'

static int put_string(struct layer_build *b, const char *s, size_t len, uint32_t *out,
		      struct err *err)
{
	if (b->strings.len + len + 1 >= LAYER_NONE)
		return err_set(err, E2BIG, "more than 4 GiB of names");
	*out = (uint32_t)b->strings.len;
	if (buf_append(&b->strings, s, len) < 0 || buf_putc(&b->strings, '\0') < 0)
		return err_nomem(err);
	return 0;
}

static int new_node(struct layer_build *b, uint32_t dir, char kind, const char *name, size_t len,
		    uint32_t inode, uint32_t *out, struct err *err)
{
	struct build_node *v = b->nodes;
	int r;

	if (inode == LAYER_NONE)
		return err_nomem(err);
	if (b->n_nodes >= LAYER_ENTRIES_MAX)
		return err_set(err, E2BIG, "more than %u entries", LAYER_ENTRIES_MAX);
	if (b->n_nodes == b->cap_nodes) {
		size_t cap = b->cap_nodes ? b->cap_nodes * 2 : 256;

		v = realloc(v, cap * sizeof(*v));
		if (!v)
			return err_nomem(err);
		b->nodes = v;
		b->cap_nodes = cap;
	}
	v = &v[b->n_nodes];
	memset(v, 0, sizeof(*v));
	r = put_string(b, name, len, &v->name, err);
	if (r < 0)
		return r;
	if (put_name(b, dir, kind, name, len, (uint32_t)b->n_nodes) < 0)
		return err_nomem(err);
	v->name_len = (uint16_t)len;
	v->parent = dir;
	v->inode = inode;
	*out = (uint32_t)b->n_nodes++;
	return 0;
}

static enum entry_type node_type(const struct layer_build *b, uint32_t node)
{
	return b->inodes[b->nodes[node].inode].type;
}

static int check_name(const char *name, size_t len, struct err *err)
{
	if (len > NAME_MAX)
		return err_set(err, ENAMETOOLONG, "a name of %zu bytes (at most %d)", len,
			       NAME_MAX);
	if (len >= sizeof(WHITEOUT) - 1 && memcmp(name, WHITEOUT, sizeof(WHITEOUT) - 1) == 0)
		return err_set(err, EINVAL, "a directory named like a whiteout");
	return 0;
}

static uint32_t walk_parent(void *ctx, uint32_t node)
{
	const struct layer_build *b = ctx;

	return b->nodes[node].parent;
}

/* Find a directory or a symbolic link. */
static int walk_lookup(void *ctx, uint32_t dir, const char *name, size_t len, uint32_t *node,
		       struct err *err)
{
	struct layer_build *b = ctx;
	int r = check_name(name, len, err);

	if (r == 0)
		r = find_name(b, dir, KIND_NAME, name, len, node);
	if (r == 0 && node_type(b, *node) != ENTRY_DIR && node_type(b, *node) != ENTRY_SYMLINK)
		r = -ENOTDIR;
	return r;
}

/* Create a directory without an entry. */
static int walk_make(void *ctx, uint32_t dir, const char *name, size_t len, uint32_t *node,
		     struct err *err)
{
	struct layer_build *b = ctx;
	int r;

	if (++b->n_implicit > IMPLICIT_MAX)
		return err_set(err, E2BIG, "more than %u directories without an entry",
			       IMPLICIT_MAX);
	r = new_node(b, dir, KIND_NAME, name, len, new_inode(b, ENTRY_DIR), node, err);
	if (r == 0)
		b->nodes[*node].flags = ENTRY_IMPLICIT;
	return r;
}

static const char *walk_target(void *ctx, uint32_t node)
{
	const struct layer_build *b = ctx;
	const struct build_inode *i = &b->inodes[b->nodes[node].inode];

	return i->type == ENTRY_SYMLINK ? b->strings.data + i->target : NULL;
}

struct layer_build *layer_build_new(void)
{
	struct layer_build *b = calloc(1, sizeof(*b));
	uint32_t root;

	if (!b)
		return NULL;
	b->walk = (struct link_walk){ .ctx = b,
				      .parent = walk_parent,
				      .lookup = walk_lookup,
				      .make = walk_make,
				      .target = walk_target };
	if (new_node(b, 0, KIND_NAME, "", 0, new_inode(b, ENTRY_DIR), &root, NULL) < 0) {
		layer_build_free(b);
		return NULL;
	}
	b->nodes[root].flags = ENTRY_IMPLICIT;
	return b;
}

void layer_build_free(struct layer_build *b)
{
	if (!b)
		return;
	free(b->nodes);
	free(b->inodes);
	free(b->extents);
	buf_fini(&b->strings);
	buf_fini(&b->xattrs);
	map_fini(&b->names, NULL);
	map_fini(&b->xattr_names, NULL);
	free(b);
}

/*
 * Find the directory of path's last component. Only the target of a symbolic link can contain
 * "..".
 */
static int walk_dir(struct layer_build *b, const char *path, size_t len, bool make, uint32_t *dir,
		    struct err *err)
{
	int r = link_walk(&b->walk, 0, path, len, LINK_WALK_FOLLOW | (make ? LINK_WALK_MAKE : 0),
			  dir, err);

	if (r == -ENOTDIR)
		r = make ? err_set(err, ENOTDIR, "a parent is not a directory") : -ENOENT;
	return r;
}

/*
 * Split a tar path into the directory, *dir_len bytes of it, and the last component *name, NULL
 * for the root. "." is skipped; ".." is refused.
 */
static int split_path(const char *path, size_t *dir_len, const char **name, size_t *name_len,
		      struct err *err)
{
	const char *s = path;

	*name = NULL;
	*dir_len = *name_len = 0;
	if (strlen(path) > LAYER_PATH_LEN_MAX)
		return err_set(err, ENAMETOOLONG, "a path of %zu bytes", strlen(path));
	for (;;) {
		size_t n;

		s += strspn(s, "/");
		n = strcspn(s, "/");
		if (!n)
			return 0;
		if (n == 2 && memcmp(s, "..", 2) == 0)
			return err_set(err, EINVAL, "\"..\" in a path");
		if (n > NAME_MAX)
			return check_name(s, n, err);
		if (n != 1 || *s != '.') {
			*dir_len = (size_t)(s - path);
			*name = s;
			*name_len = n;
		}
		s += n;
	}
}

static bool is_aufs_metadata(const char *path)
{
	const char *s = path;

	while ((s = strstr(s, WHITEOUT_META))) {
		size_t n = strcspn(s, "/");

		if ((s == path || s[-1] == '/') &&
		    !(n == sizeof(WHITEOUT_OPAQUE) - 1 && memcmp(s, WHITEOUT_OPAQUE, n) == 0 &&
		      s[n] == '\0'))
			return true;
		s += n;
	}
	return false;
}

/* Copy the tar's metadata of a file to its inode. */
static int fill_inode(struct layer_build *b, uint32_t inode, const struct build_entry *e,
		      struct err *err)
{
	struct build_inode *i = &b->inodes[inode];

	i->type = e->type;
	i->mode = e->mode & 07777;
	i->uid = e->uid;
	i->gid = e->gid;
	i->mtime = e->mtime;
	i->mtime_nsec = e->mtime_nsec;
	i->size = e->type == ENTRY_FILE || e->type == ENTRY_CHAR || e->type == ENTRY_BLOCK ? e->size
											   : 0;
	i->xattr = i->n_xattr = 0;
	if (e->type == ENTRY_SYMLINK) {
		size_t len = strlen(e->target);

		if (len == 0 || len >= PATH_MAX)
			return err_set(err, EINVAL, "a symbolic link with a target of %zu bytes",
				       len);
		i->size = len;
		return put_string(b, e->target, len, &i->target, err);
	}
	return 0;
}

static int add_whiteout(struct layer_build *b, const struct build_entry *e, uint32_t dir,
			const char *name, size_t len, struct err *err)
{
	struct build_entry attributes = *e;
	uint32_t node;
	int r;

	if (len == sizeof(WHITEOUT_OPAQUE) - 1 && memcmp(name, WHITEOUT_OPAQUE, len) == 0) {
		b->nodes[dir].flags |= ENTRY_OPAQUE;
		return 0;
	}
	name += sizeof(WHITEOUT) - 1;
	len -= sizeof(WHITEOUT) - 1;
	if (len == 0 || (len == 1 && name[0] == '.') || (len == 2 && memcmp(name, "..", 2) == 0))
		return err_set(err, EINVAL, "a whiteout without a name");
	if (find_name(b, dir, KIND_WHITEOUT, name, len, &node) == 0)
		return 0;
	r = new_node(b, dir, KIND_WHITEOUT, name, len, new_inode(b, ENTRY_WHITEOUT), &node, err);
	if (r < 0)
		return r;
	attributes.type = ENTRY_WHITEOUT;
	return fill_inode(b, b->nodes[node].inode, &attributes, err);
}

/*
 * Find the inode of a hard link's target. If this layer does not have the target, create an
 * ENTRY_LINK to the lower layer's path.
 */
static int link_inode(struct layer_build *b, const char *path, uint32_t self_dir, const char *self,
		      size_t self_len, uint32_t *inode, struct err *err)
{
	const char *name;
	size_t dir_len, len;
	uint32_t dir, node;
	int r;

	r = split_path(path, &dir_len, &name, &len, err);
	if (r < 0)
		return err_wrap(err, r, "hard link");
	if (!name)
		return err_set(err, EINVAL, "a hard link to the root directory");
	r = walk_dir(b, path, dir_len, false, &dir, err);
	if (r == 0 && dir == self_dir && len == self_len && memcmp(name, self, len) == 0)
		return err_set(err, EINVAL, "a hard link to itself");
	if (r == 0 && find_name(b, dir, KIND_NAME, name, len, &node) == 0) {
		if (node_type(b, node) == ENTRY_DIR)
			return err_set(err, EINVAL, "a hard link to a directory");
		*inode = b->nodes[node].inode;
		return 0;
	}
	if (r < 0 && r != -ENOENT)
		return err_wrap(err, r, "hard link");
	*inode = new_inode(b, ENTRY_LINK);
	if (*inode == LAYER_NONE)
		return err_nomem(err);
	b->inodes[*inode].size = strlen(path);
	return put_string(b, path, strlen(path), &b->inodes[*inode].target, err);
}

static void hide_subtree(struct layer_build *b, uint32_t node)
{
	b->nodes[node].dead = true;
}

/* Set the inode of a name: add a node, or replace the earlier entry of the same name. */
static int set_name(struct layer_build *b, uint32_t dir, const char *name, size_t len,
		    uint32_t inode, uint32_t *node, struct err *err)
{
	uint32_t old;
	bool exists = find_name(b, dir, KIND_NAME, name, len, &old) == 0;

	if (exists && node_type(b, old) != ENTRY_DIR && b->inodes[inode].type != ENTRY_DIR) {
		b->nodes[old].inode = inode;
		*node = old;
		return 0;
	}
	/*
	 * If a directory replaces another type or the reverse, everything below the old entry is
	 * removed.
	 */
	if (exists)
		hide_subtree(b, old);
	return new_node(b, dir, KIND_NAME, name, len, inode, node, err);
}

static int add_dir(struct layer_build *b, const struct build_entry *e, uint32_t dir,
		   const char *name, size_t len, uint32_t *node, struct err *err)
{
	uint32_t inode;
	int r;

	if (!name) {
		*node = 0;
	} else if (find_name(b, dir, KIND_NAME, name, len, node) < 0 ||
		   node_type(b, *node) != ENTRY_DIR) {
		inode = new_inode(b, ENTRY_DIR);
		r = inode == LAYER_NONE ? err_nomem(err)
					: set_name(b, dir, name, len, inode, node, err);
		if (r < 0)
			return r;
	}
	b->nodes[*node].flags &= (uint8_t)~ENTRY_IMPLICIT;
	return fill_inode(b, b->nodes[*node].inode, e, err);
}

int layer_build_add(struct layer_build *b, const struct build_entry *e, uint32_t *node,
		    struct err *err)
{
	const char *name;
	size_t dir_len, len;
	uint32_t dir, inode;
	int r;

	*node = LAYER_NONE;
	r = split_path(e->path, &dir_len, &name, &len, err);
	if (r < 0)
		return r;
	if (!name && (e->type != ENTRY_DIR || e->hardlink))
		return err_set(err, EINVAL, "the root is not a directory");
	if (is_aufs_metadata(e->path))
		return 0;
	r = walk_dir(b, e->path, name ? dir_len : 0, true, &dir, err);
	if (r < 0)
		return r;
	if (name && len >= sizeof(WHITEOUT) - 1 &&
	    memcmp(name, WHITEOUT, sizeof(WHITEOUT) - 1) == 0)
		return add_whiteout(b, e, dir, name, len, err);
	if (e->hardlink) {
		r = link_inode(b, e->hardlink, dir, name, len, &inode, err);
		return r < 0 ? r : set_name(b, dir, name, len, inode, &inode, err);
	}
	if (e->type == ENTRY_DIR)
		return add_dir(b, e, dir, name, len, node, err);
	inode = new_inode(b, e->type);
	if (inode == LAYER_NONE)
		return err_nomem(err);
	r = fill_inode(b, inode, e, err);
	return r < 0 ? r : set_name(b, dir, name, len, inode, node, err);
}

int layer_build_extent(struct layer_build *b, uint32_t node, const struct layer_extent *x,
		       struct err *err)
{
	struct build_inode *i = &b->inodes[b->nodes[node].inode];
	struct layer_extent *last = i->n_extents ? &b->extents[b->n_extents - 1] : NULL;

	if (x->length == 0)
		return 0;
	if (x->logical > i->size || x->length > i->size - x->logical ||
	    (last && x->logical < last->logical + last->length))
		return err_set(err, EINVAL, "data outside of the file or overlapping");
	if (last && last->logical + last->length == x->logical &&
	    last->plain + last->length == x->plain) {
		last->length += x->length;
		return 0;
	}
	if (b->n_extents == b->cap_extents) {
		size_t cap = b->cap_extents ? b->cap_extents * 2 : 256;
		struct layer_extent *v = realloc(b->extents, cap * sizeof(*v));

		if (!v)
			return err_nomem(err);
		b->extents = v;
		b->cap_extents = cap;
	}
	if (b->n_extents >= LAYER_NONE - 1)
		return err_set(err, E2BIG, "too many pieces of sparse files");
	if (!i->n_extents)
		i->extent = (uint32_t)b->n_extents;
	i->n_extents++;
	b->extents[b->n_extents++] = *x;
	return 0;
}

/* Record a name of this inode. Returns 1 if it has an attribute of that name already. */
static int note_xattr(struct layer_build *b, uint32_t inode, const char *name)
{
	if (b->xattr_inode != inode || !b->inodes[inode].n_xattr) {
		map_fini(&b->xattr_names, NULL);
		b->xattr_names = (struct map)MAP_INIT;
		b->xattr_inode = inode;
	}
	if (map_get(&b->xattr_names, name))
		return 1;
	return map_put(&b->xattr_names, name, b);
}

/*
 * Drop attributes that Linux file systems refuse and docker does not unpack: user.* on other
 * types than files and directories, invalid ACLs, default ACLs of other types than directories.
 */
static bool is_kept(enum entry_type type, const char *name, const void *value, size_t len)
{
	if (strncmp(name, "user.", 5) == 0)
		return type == ENTRY_FILE || type == ENTRY_DIR;
	if (!acl_is_name(name))
		return true;
	return acl_is_valid(value, len) &&
	       (type == ENTRY_DIR || (type != ENTRY_SYMLINK && strcmp(name, ACL_DEFAULT) != 0));
}

int layer_build_xattr(struct layer_build *b, uint32_t node, const char *name, const void *value,
		      size_t len, struct err *err)
{
	struct build_inode *i = &b->inodes[b->nodes[node].inode];
	struct layer_xattr x = { .name_len = (uint16_t)strlen(name), .value_len = (uint32_t)len };
	int r;

	if (overlay_xattr_is_private(name) || !is_kept(i->type, name, value, len))
		return 0;
	if (!*name || strlen(name) > NAME_MAX)
		return err_set(err, EINVAL, "an extended attribute with a name of %zu bytes",
			       strlen(name));
	if (len > LAYER_XATTR_VALUE_MAX)
		return err_set(err, E2BIG, "an extended attribute of %zu bytes (at most %u)", len,
			       LAYER_XATTR_VALUE_MAX);
	if (!i->n_xattr)
		i->xattr = (uint32_t)b->xattrs.len;
	if (i->n_xattr >= LAYER_XATTRS_PER_FILE_MAX || b->xattrs.len - i->xattr > XATTRS_MAX ||
	    b->xattrs.len > LAYER_NONE - XATTRS_MAX)
		return err_set(err, E2BIG, "too many extended attributes");
	r = note_xattr(b, b->nodes[node].inode, name);
	if (r > 0)
		return 0;
	if (r < 0 || buf_append(&b->xattrs, &x, sizeof(x)) < 0 ||
	    buf_append(&b->xattrs, name, x.name_len + 1u) < 0 ||
	    buf_append(&b->xattrs, value, len) < 0 ||
	    buf_append(&b->xattrs, "\0\0\0", -b->xattrs.len & 3) < 0)
		return err_nomem(err);
	i->n_xattr++;
	return 0;
}
