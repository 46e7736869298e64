/*
 * FUSE operations of the images tree. Content never changes under a name but
 * by images_refresh(), so everything is answered to be kept for ever, and OPEN
 * and OPENDIR are refused once and for all: the kernel then opens by itself.
 */
#include "fs/images_ops.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "fs/fs.h"
#include "fs/shown.h"
#include "fs/trees.h"
#include "store/acl.h"
#include "store/layer.h"
#include "store/store.h"
#include "store/tree.h"
#include "fs/xattr_reply.h"

/* Offsets in a place's directory: ".", "..", the image's own names, then places by their number. */
enum { OFF_PARENT = 1, OFF_OWN = 2, OFF_PLACES = 8 };

/* A node that the kernel asks about, found again. It stays while the request does. */
struct node {
	enum node_kind kind;
	uint32_t entry;
	struct object *obj;
	/* NODE_LAYER, NODE_VIEW: where contents and attributes come from; NULL: from nowhere. */
	struct layer *layer;
	const struct layer_entry *e;
};

static struct place *node_place(const struct node *n)
{
	return (struct place *)n->obj;
}

static struct shown *node_shown(const struct node *n)
{
	return (struct shown *)n->obj;
}

static struct view *node_view(const struct node *n)
{
	return (struct view *)n->obj;
}

static const struct tree *view_tree(const struct view *v)
{
	return v->shared->tree;
}

/* The entry that has a file's contents and attributes: the first of its hard links. */
static const struct layer_entry *first_link(const struct layer *l, const struct layer_entry *e)
{
	const struct layer_entry *first = layer_entry(l, e->inode);

	return first ? first : e;
}

static int node_find(struct images *im, fuse_ino_t ino, struct node *n)
{
	uint32_t index;

	memset(n, 0, sizeof(*n));
	n->kind = ino == NODEID_ROOT ? NODE_PLACE : nodeid_kind(ino);
	n->entry = ino == NODEID_ROOT ? 0 : nodeid_entry(ino);
	pthread_mutex_lock(&im->lock);
	n->obj = ino == NODEID_ROOT ? &im->ns.root->obj
				    : objects_get(&im->objects, n->kind, nodeid_object(ino));
	images_unlock(im);
	if (!n->obj)
		return -ESTALE;
	switch (n->kind) {
	case NODE_LAYER:
		n->layer = ((struct layer_node *)n->obj)->layer;
		n->e = layer_entry(n->layer, n->entry);
		return n->e ? 0 : -ESTALE;
	case NODE_VIEW:
		if (n->entry >= tree_size(view_tree(node_view(n))))
			return -ESTALE;
		n->e = tree_entry(view_tree(node_view(n)), n->entry, &n->layer, &index);
		/* The tree also shows marks of a layer that are no entries of it. */
		if (n->e && n->e == layer_entry(n->layer, index))
			n->e = first_link(n->layer, n->e);
		return 0;
	default:
		return 0;
	}
}

static void forget(struct images *im, fuse_ino_t ino, uint64_t n)
{
	struct object *o;

	if (ino == NODEID_ROOT)
		return;
	pthread_mutex_lock(&im->lock);
	o = objects_get(&im->objects, nodeid_kind(ino), nodeid_object(ino));
	if (o)
		objects_unref(&im->objects, o, n);
	images_unlock(im);
}

/* Directories and files of the name space belong to who mounted it. */
static void stat_made(const struct images *im, struct stat *st, fuse_ino_t ino, mode_t mode,
		      const struct timespec *t)
{
	memset(st, 0, sizeof(*st));
	st->st_ino = ino;
	st->st_mode = mode;
	st->st_nlink = S_ISDIR(mode) ? 2 : 1;
	st->st_uid = getuid();
	st->st_gid = getgid();
	st->st_blksize = 4096;
	st->st_mtim = st->st_ctim = st->st_atim = *t;
	fs_show_owner(im->fs, st);
}

/* The lock is held: a place changes. */
static void stat_place(const struct images *im, const struct place *p, struct stat *st)
{
	stat_made(im, st, namespace_id(&im->ns, p), S_IFDIR | 0555, &p->changed);
	st->st_nlink += p->children.n + (p->has_image ? 2 : 0);
}

static void stat_shown(const struct images *im, const struct shown *s, uint32_t which,
		       struct stat *st)
{
	const struct buf *text = which == SHOWN_CONFIG ? &s->config : &s->manifest;
	fuse_ino_t ino = nodeid_make(NODE_SHOWN, s->obj.number, which);

	if (which == SHOWN_LAYERS) {
		stat_made(im, st, ino, S_IFDIR | 0555, &s->created);
		st->st_nlink += s->n_layers;
		return;
	}
	stat_made(im, st, ino, S_IFREG | 0444, &s->created);
	st->st_size = (off_t)text->len;
	st->st_blocks = ((blkcnt_t)text->len + 511) / 512;
}

/*
 * The node id and attributes of a node in a view. Where the node belongs to
 * a layer, *l is that layer: the reference that the kernel gets is to it.
 */
static fuse_ino_t stat_view(const struct images *im, const struct view *v, uint32_t node,
			    struct stat *st, struct layer **l)
{
	const struct tree *t = view_tree(v);
	const struct layer_entry *e = NULL;
	uint32_t index;

	tree_stat(t, node, st);
	st->st_blksize = 4096;
	fs_show_owner(im->fs, st);
	*l = NULL;
	if (S_ISDIR(st->st_mode)) {
		st->st_ino = nodeid_make(NODE_VIEW, v->obj.number, node);
		return st->st_ino;
	}
	e = tree_entry(t, node, l, &index);
	if (!e || e->type < ENTRY_FILE || e->type > ENTRY_FIFO || !tree_natural_nlink(t, node))
		*l = NULL;
	/* The number of the layer's object is for the caller to put in: here it is a layer's. */
	st->st_ino =
		*l ? e->inode : nodeid_make(NODE_VIEW, v->obj.number, (uint32_t)st->st_ino - 1);
	return st->st_ino;
}

/*
 * The kernel gets to know a node of a view, with the reference that this
 * takes. The lock is held. 0 or -ENOMEM.
 */
static int enter_view(struct images *im, struct view *v, uint32_t node, bool count,
		      struct fuse_entry_param *e)
{
	struct layer_node *ln;
	struct layer *l;

	e->ino = stat_view(im, v, node, &e->attr, &l);
	if (!l) {
		if (count)
			objects_ref(&v->obj);
		return 0;
	}
	ln = layer_node_get(im, l);
	if (!ln)
		return -ENOMEM;
	e->ino = nodeid_make(NODE_LAYER, ln->obj.number, (uint32_t)e->ino);
	e->attr.st_ino = e->ino;
	if (!count)
		objects_unref(&im->objects, &ln->obj, 1);
	return 0;
}

static int node_stat(struct images *im, const struct node *n, struct stat *st)
{
	struct layer *l;

	switch (n->kind) {
	case NODE_PLACE:
		pthread_mutex_lock(&im->lock);
		stat_place(im, node_place(n), st);
		images_unlock(im);
		return 0;
	case NODE_SHOWN:
		stat_shown(im, node_shown(n), n->entry, st);
		return 0;
	case NODE_VIEW:
		/* Seen as itself even where its layer would do. */
		stat_view(im, node_view(n), n->entry, st, &l);
		st->st_ino = nodeid_make(NODE_VIEW, n->obj->number, n->entry);
		return 0;
	case NODE_LAYER:
		memset(st, 0, sizeof(*st));
		layer_stat(n->layer, n->e, st);
		st->st_nlink = n->e->nlink;
		st->st_ino = nodeid_make(NODE_LAYER, n->obj->number, n->entry);
		st->st_blksize = 4096;
		fs_show_owner(im->fs, st);
		return 0;
	}
	return -ESTALE;
}

/* Of a directory layers/: "00" to "99", then more digits without a leading zero. */
static int layer_slot(const struct shown *s, const char *name, size_t *slot)
{
	char again[16];
	unsigned long i;

	if (strspn(name, "0123456789") != strlen(name) || strlen(name) > 8)
		return -ENOENT;
	i = strtoul(name, NULL, 10);
	snprintf(again, sizeof(again), "%02lu", i);
	if (i >= s->n_layers || strcmp(again, name) != 0)
		return -ENOENT;
	*slot = 1 + i;
	return 0;
}

static int enter_slot(struct images *im, struct shown *s, size_t slot, struct fuse_entry_param *e)
{
	struct view *v;
	struct layer *l;
	int r;

	r = view_get(im, s, slot, &v);
	if (r < 0)
		return r;
	/* The reference that view_get() took is the kernel's. */
	e->ino = stat_view(im, v, TREE_ROOT, &e->attr, &l);
	return 0;
}

/* One of the names that an image has at its place. */
static int enter_own(struct images *im, struct place *p, const char *name,
		     struct fuse_entry_param *e)
{
	struct shown *s;
	uint32_t which;
	int r;

	r = shown_get(im, p, &s);
	if (r < 0)
		return r;
	if (strcmp(name, "rootfs") == 0) {
		r = enter_slot(im, s, 0, e);
		forget(im, nodeid_make(NODE_SHOWN, s->obj.number, 0), 1);
		return r;
	}
	which = strcmp(name, "layers") == 0	   ? SHOWN_LAYERS
		: strcmp(name, "config.json") == 0 ? SHOWN_CONFIG
						   : SHOWN_MANIFEST;
	stat_shown(im, s, which, &e->attr);
	e->ino = e->attr.st_ino;
	return 0;
}

static int lookup_place(struct images *im, struct place *dir, const char *name,
			struct fuse_entry_param *e)
{
	struct place *p;
	bool own;

	pthread_mutex_lock(&im->lock);
	own = dir->has_image && namespace_is_own(name);
	p = own ? NULL : namespace_lookup(dir, name);
	if (p)
		objects_ref(&p->obj);
	else if (!own && dir == im->ns.root && name[0] == '@')
		p = namespace_lookup_id(&im->ns, name, &dir->changed);
	if (p) {
		stat_place(im, p, &e->attr);
		e->ino = e->attr.st_ino;
	}
	images_unlock(im);
	if (own)
		return enter_own(im, dir, name, e);
	return p ? 0 : -ENOENT;
}

static int lookup_view(struct images *im, struct view *v, uint32_t dir, const char *name,
		       struct fuse_entry_param *e)
{
	uint32_t node = tree_lookup(view_tree(v), dir, name, strlen(name));
	int r;

	if (node == TREE_NONE)
		return -ENOENT;
	pthread_mutex_lock(&im->lock);
	r = enter_view(im, v, node, true, e);
	images_unlock(im);
	return r;
}

static int lookup(struct images *im, fuse_ino_t parent, const char *name,
		  struct fuse_entry_param *e)
{
	struct node n;
	size_t slot;
	int r;

	r = node_find(im, parent, &n);
	if (r < 0)
		return r;
	switch (n.kind) {
	case NODE_PLACE:
		return lookup_place(im, node_place(&n), name, e);
	case NODE_SHOWN:
		if (n.entry != SHOWN_LAYERS)
			return -ENOTDIR;
		r = layer_slot(node_shown(&n), name, &slot);
		return r < 0 ? r : enter_slot(im, node_shown(&n), slot, e);
	case NODE_VIEW:
		return lookup_view(im, node_view(&n), n.entry, name, e);
	default:
		return -ENOTDIR;
	}
}

static struct images *of(fuse_req_t req)
{
	return fuse_req_userdata(req);
}

static void op_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct fuse_entry_param e = { .attr_timeout = FS_FOREVER, .entry_timeout = FS_FOREVER };
	struct images *im = of(req);
	int r = lookup(im, parent, name, &e);

	if (r == -ENOENT && !(parent == NODEID_ROOT && name[0] == '@')) {
		/* Node 0: the name is known not to be there, until images_refresh() says otherwise.
		 */
		fuse_reply_entry(req, &e);
		return;
	}
	if (r < 0) {
		fuse_reply_err(req, -r);
		return;
	}
	/* A process that was killed does not want its answer any more. After a reply req is free. */
	if (fuse_reply_entry(req, &e) < 0)
		forget(im, e.ino, 1);
}

static void op_forget(fuse_req_t req, fuse_ino_t ino, uint64_t n)
{
	forget(of(req), ino, n);
	fuse_reply_none(req);
}

static void op_forget_multi(fuse_req_t req, size_t count, struct fuse_forget_data *f)
{
	size_t i;

	for (i = 0; i < count; i++)
		forget(of(req), f[i].ino, f[i].nlookup);
	fuse_reply_none(req);
}

static void op_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct stat st;
	struct node n;
	int r = node_find(of(req), ino, &n);

	(void)fi;
	if (r == 0)
		r = node_stat(of(req), &n, &st);
	if (r < 0)
		fuse_reply_err(req, -r);
	else
		fuse_reply_attr(req, &st, FS_FOREVER);
}

/* Asked in a mount without permission checks alone: anybody's execution counts, as for root. */
static void op_access(fuse_req_t req, fuse_ino_t ino, int mask)
{
	struct stat st;
	struct node n;
	int r = node_find(of(req), ino, &n);

	if (r == 0)
		r = node_stat(of(req), &n, &st);
	if (r == 0 && (mask & X_OK) && S_ISREG(st.st_mode) && !(st.st_mode & 0111))
		r = -EACCES;
	fuse_reply_err(req, r < 0 ? -r : 0);
}

static void op_readlink(fuse_req_t req, fuse_ino_t ino)
{
	struct node n;
	int r = node_find(of(req), ino, &n);

	if (r < 0)
		fuse_reply_err(req, -r);
	else if (!n.e || n.e->type != ENTRY_SYMLINK)
		fuse_reply_err(req, EINVAL);
	else
		fuse_reply_readlink(req, layer_target(n.layer, n.e));
}

static void op_refuse_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	(void)ino;
	(void)fi;
	fuse_reply_err(req, ENOSYS);
}

struct buffer {
	size_t size;
	char data[];
};

void images_buffer_free(void *buffer)
{
	free(buffer);
}

/* This thread's buffer, of size bytes at least; NULL: no memory. */
static char *thread_buffer(struct images *im, size_t size)
{
	struct buffer *b = pthread_getspecific(im->buffer);

	if (b && b->size >= size)
		return b->data;
	pthread_setspecific(im->buffer, NULL);
	free(b);
	b = malloc(sizeof(*b) + size);
	if (!b)
		return NULL;
	b->size = size;
	if (pthread_setspecific(im->buffer, b) != 0) {
		free(b);
		return NULL;
	}
	return b->data;
}

static void op_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
		    struct fuse_file_info *fi)
{
	struct node n;
	ssize_t got = node_find(of(req), ino, &n);
	char *buf;

	(void)fi;
	if (got == 0 && n.kind == NODE_SHOWN && n.entry != SHOWN_LAYERS) {
		const struct shown *s = node_shown(&n);
		const struct buf *text = n.entry == SHOWN_CONFIG ? &s->config : &s->manifest;
		size_t at = MIN((size_t)off, text->len);

		fuse_reply_buf(req, text->data + at, MIN(size, text->len - at));
		return;
	}
	if (got == 0 && n.e && n.e->type == ENTRY_FILE) {
		buf = thread_buffer(of(req), size);
		got = buf ? layer_pread(n.layer, n.e, buf, size, (uint64_t)off) : -ENOMEM;
		if (got >= 0) {
			fuse_reply_buf(req, buf, (size_t)got);
			return;
		}
		log_warn("layer %s: entry %u: %s", layer_header(n.layer)->blob_digest, n.e->inode,
			 strerror((int)-got));
	}
	if (got < 0)
		/* What is damaged is an I/O error to who reads it. */
		fuse_reply_err(req, got == -ENOMEM || got == -ESTALE ? (int)-got : EIO);
	else
		fuse_reply_buf(req, NULL, 0);
}

static void op_lseek(fuse_req_t req, fuse_ino_t ino, off_t off, int whence,
		     struct fuse_file_info *fi)
{
	struct stat st;
	struct node n;
	int64_t r = node_find(of(req), ino, &n);

	(void)fi;
	if (r == 0 && n.e && n.e->type == ENTRY_FILE) {
		r = layer_seek(n.layer, n.e, (uint64_t)off, whence);
	} else if (r == 0) {
		r = node_stat(of(req), &n, &st);
		if (r == 0)
			r = off >= st.st_size ? -ENXIO : whence == SEEK_HOLE ? st.st_size : off;
	}
	if (r < 0)
		fuse_reply_err(req, (int)-r);
	else
		fuse_reply_lseek(req, r);
}

/*
 * Answers as a file system that has no labels, and no access lists as long as no layer that is known has one: tools
 * then stop asking. Where the kernel checks lists it would take that for a failure, and keeps the other answer.
 */
static int xattr_missing(struct images *im, const char *name)
{
	bool never = strcmp(name, "security.selinux") == 0 || strncmp(name, "system.", 7) == 0;

	if (acl_is_name(name)) {
		pthread_mutex_lock(&im->lock);
		never = !im->has_acl && !fs_checks_modes(im->fs);
		pthread_mutex_unlock(&im->lock);
	}
	return never ? EOPNOTSUPP : ENODATA;
}

static void op_getxattr(fuse_req_t req, fuse_ino_t ino, const char *name, size_t size)
{
	const char *found;
	const void *value;
	uint64_t pos = 0;
	struct node n;
	size_t len;
	struct buf shown _cleanup_buf_ = BUF_INIT;
	struct stat st;
	int r = node_find(of(req), ino, &n);

	while (r == 0 && n.e && layer_xattr(n.layer, n.e, &pos, &found, &value, &len) > 0) {
		if (strcmp(found, name) != 0 ||
		    !xattr_is_shown(name, value, len, n.e->type == ENTRY_DIR))
			continue;
		r = node_stat(of(req), &n, &st);
		if (r == 0)
			r = xattr_shown(name, value, len, st.st_mode, &shown);
		if (r < 0)
			break;
		if (size == 0)
			fuse_reply_xattr(req, len);
		else if (len > size)
			fuse_reply_err(req, ERANGE);
		else
			fuse_reply_buf(req, shown.data, len);
		return;
	}
	fuse_reply_err(req, r < 0 ? -r : xattr_missing(of(req), name));
}

static void op_listxattr(fuse_req_t req, fuse_ino_t ino, size_t size)
{
	struct buf names _cleanup_buf_ = BUF_INIT;
	const char *found;
	const void *value;
	uint64_t pos = 0;
	struct node n;
	size_t len;
	int r = node_find(of(req), ino, &n);

	while (r == 0 && n.e && layer_xattr(n.layer, n.e, &pos, &found, &value, &len) > 0)
		if (xattr_is_shown(found, value, len, n.e->type == ENTRY_DIR))
			r = buf_append(&names, found, strlen(found) + 1);
	if (r < 0)
		fuse_reply_err(req, -r);
	else
		xattr_reply_list(req, &names, size);
}

static void op_statfs(fuse_req_t req, fuse_ino_t ino)
{
	struct statvfs st;

	(void)ino;
	if (fstatvfs(of(req)->fs->store->fd, &st) < 0) {
		fuse_reply_err(req, errno);
		return;
	}
	/* As large as what holds the store, and full: nothing can be written here. */
	st.f_bfree = st.f_bavail = st.f_ffree = st.f_favail = 0;
	st.f_namemax = 255;
	fuse_reply_statfs(req, &st);
}

static void op_init(void *userdata, struct fuse_conn_info *conn)
{
	const struct images *im = userdata;

	if (fs_checks_modes(im->fs))
		conn->want |= conn->capable & FUSE_CAP_POSIX_ACL;
	conn->want &= ~(FUSE_CAP_ATOMIC_O_TRUNC | FUSE_CAP_AUTO_INVAL_DATA |
			FUSE_CAP_READDIRPLUS_AUTO | FUSE_CAP_HANDLE_KILLPRIV);
	conn->want |= conn->capable &
		      (FUSE_CAP_ASYNC_READ | FUSE_CAP_READDIRPLUS | FUSE_CAP_PARALLEL_DIROPS |
		       FUSE_CAP_CACHE_SYMLINKS | FUSE_CAP_NO_OPEN_SUPPORT |
		       FUSE_CAP_NO_OPENDIR_SUPPORT | FUSE_CAP_EXPLICIT_INVAL_DATA);
}

/* A READDIR's answer while it is filled. */
struct listing {
	fuse_req_t req;
	char *buf;
	size_t size, used;
	bool plus, full;
	fuse_ino_t *entered; /* those that the kernel gets to know by it */
	size_t n_entered;
};

static bool listing_add(struct listing *l, const char *name, const struct fuse_entry_param *e,
			off_t next)
{
	char *at = l->buf + l->used;
	size_t room = l->size - l->used, need;

	need = l->plus ? fuse_add_direntry_plus(l->req, at, room, name, e, next)
		       : fuse_add_direntry(l->req, at, room, name, &e->attr, next);
	l->full = need > room;
	if (!l->full)
		l->used += need;
	return !l->full;
}

/* A name of which only the kind is told; the kernel looks it up when it wants more. */
static bool listing_add_bare(struct listing *l, const char *name, mode_t type, fuse_ino_t ino,
			     off_t next)
{
	struct fuse_entry_param e = { .attr = { .st_mode = type, .st_ino = ino } };

	return listing_add(l, name, &e, next);
}

static void list_view(struct images *im, struct listing *l, struct view *v, uint32_t dir, off_t off)
{
	uint32_t n, i;
	const uint32_t *children = tree_children(view_tree(v), dir, &n);

	pthread_mutex_lock(&im->lock);
	for (i = off > 2 ? (uint32_t)MIN(off - 2, (off_t)n) : 0; i < n && !l->full; i++) {
		struct fuse_entry_param e = { .attr_timeout = FS_FOREVER,
					      .entry_timeout = FS_FOREVER };
		const char *name = tree_name(view_tree(v), children[i]);

		if (enter_view(im, v, children[i], l->plus, &e) < 0)
			break;
		if (listing_add(l, name, &e, (off_t)i + 3)) {
			if (l->plus)
				l->entered[l->n_entered++] = e.ino;
		} else if (l->plus) {
			struct object *o =
				objects_get(&im->objects, nodeid_kind(e.ino), nodeid_object(e.ino));

			objects_unref(&im->objects, o, 1);
		}
	}
	images_unlock(im);
}

static void list_layers(struct listing *l, const struct shown *s, off_t off)
{
	char name[24];
	size_t i;

	for (i = off > 2 ? (size_t)off - 2 : 0; i < s->n_layers; i++) {
		snprintf(name, sizeof(name), "%02zu", i);
		/* Its own inode number is known only when the layer is opened. */
		if (!listing_add_bare(l, name, S_IFDIR,
				      nodeid_make(NODE_SHOWN, s->obj.number, 16 + (uint32_t)i),
				      (off_t)i + 3))
			break;
	}
}

static int list_place(struct images *im, struct listing *l, struct place *dir, off_t off)
{
	static const struct {
		const char *name;
		mode_t type;
	} own[] = { { "config.json", S_IFREG },
		    { "layers", S_IFDIR },
		    { "manifest.json", S_IFREG },
		    { "rootfs", S_IFDIR } };
	_cleanup_free_ struct place **list = NULL;
	uint32_t from = off > OFF_PLACES ? (uint32_t)(off - OFF_PLACES) : 0;
	size_t i, n;
	int r;

	pthread_mutex_lock(&im->lock);
	for (i = off > OFF_OWN ? (size_t)off - OFF_OWN : 0;
	     dir->has_image && i < ARRAY_SIZE(own) && !l->full; i++)
		listing_add_bare(l, own[i].name, own[i].type,
				 nodeid_make(NODE_PLACE, dir->obj.number, 1 + (uint32_t)i),
				 OFF_OWN + (off_t)i + 1);
	r = namespace_list(dir, from, &list, &n);
	for (i = 0; r == 0 && i < n && !l->full; i++) {
		struct fuse_entry_param e = { .attr_timeout = FS_FOREVER,
					      .entry_timeout = FS_FOREVER };

		stat_place(im, list[i], &e.attr);
		e.ino = e.attr.st_ino;
		if (listing_add(l, list[i]->name, &e,
				OFF_PLACES + (off_t)list[i]->obj.number + 1) &&
		    l->plus) {
			objects_ref(&list[i]->obj);
			l->entered[l->n_entered++] = e.ino;
		}
	}
	images_unlock(im);
	return r;
}

static void list(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off, bool plus)
{
	_cleanup_free_ char *buf = malloc(size);
	/* Every entry takes more bytes than this divides by. */
	_cleanup_free_ fuse_ino_t *entered = calloc(size / 64 + 1, sizeof(*entered));
	struct images *im = of(req);
	struct listing l = {
		.req = req, .buf = buf, .size = size, .plus = plus, .entered = entered
	};
	struct node n;
	size_t i;
	int r = node_find(im, ino, &n);

	if (!buf || !entered)
		r = -ENOMEM;
	if (r < 0) {
		fuse_reply_err(req, -r);
		return;
	}
	if (off < OFF_PARENT)
		listing_add_bare(&l, ".", S_IFDIR, ino, OFF_PARENT);
	if (off < OFF_OWN && !l.full)
		listing_add_bare(&l, "..", S_IFDIR, NODEID_ROOT, OFF_OWN);
	if (n.kind == NODE_PLACE)
		r = list_place(im, &l, node_place(&n), off);
	else if (n.kind == NODE_SHOWN && n.entry == SHOWN_LAYERS)
		list_layers(&l, node_shown(&n), off);
	else if (n.kind == NODE_VIEW)
		list_view(im, &l, node_view(&n), n.entry, off);
	else
		r = -ENOTDIR;
	if (r < 0 && l.used == 0)
		fuse_reply_err(req, -r);
	else if (fuse_reply_buf(req, buf, l.used) < 0)
		for (i = 0; i < l.n_entered; i++)
			forget(im, entered[i], 1);
}

static void op_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
		       struct fuse_file_info *fi)
{
	(void)fi;
	list(req, ino, size, off, false);
}

static void op_readdirplus(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
			   struct fuse_file_info *fi)
{
	(void)fi;
	list(req, ino, size, off, true);
}

const struct fuse_lowlevel_ops images_ops = {
	.init = op_init,
	.lookup = op_lookup,
	.forget = op_forget,
	.forget_multi = op_forget_multi,
	.getattr = op_getattr,
	.access = op_access,
	.readlink = op_readlink,
	.open = op_refuse_open,
	.opendir = op_refuse_open,
	.read = op_read,
	.readdir = op_readdir,
	.readdirplus = op_readdirplus,
	.lseek = op_lseek,
	.getxattr = op_getxattr,
	.listxattr = op_listxattr,
	.statfs = op_statfs,
};
