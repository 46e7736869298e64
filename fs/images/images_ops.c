/*
 * FUSE operations of the images tree. Only images_refresh() changes what a name means, so
 * the kernel may cache every answer without limit. OPEN and OPENDIR are answered with ENOSYS,
 * after which the kernel opens by itself.
 */
#include "fs/images/images_ops.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "fs/core/fs.h"
#include "fs/core/xattr_reply.h"
#include "fs/images/image_node.h"
#include "fs/images/lookup.h"
#include "store/disk/store.h"
#include "store/image/tree.h"
#include "store/layer/acl.h"
#include "store/layer/layer.h"

/*
 * Offsets in the directory of a namespace entry: ".", "..", the image's own names, then entries by
 * number.
 */
enum { OFF_PARENT = 1, OFF_OWN = 2, OFF_ENTRIES = 8 };

static struct images *of(fuse_req_t req)
{
	return fuse_req_userdata(req);
}

static void op_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct fuse_entry_param e = { .attr_timeout = FS_FOREVER, .entry_timeout = FS_FOREVER };
	struct images *im = of(req);
	int r = lookup_name(im, parent, name, &e);

	if (r == -ENOENT && !(parent == NODEID_ROOT && name[0] == '@')) {
		/*
		 * Node 0: the kernel caches that the name does not exist, until images_refresh().
		 */
		fuse_reply_entry(req, &e);
		return;
	}
	if (r < 0) {
		fuse_reply_err(req, -r);
		return;
	}
	/* The reply fails when the process was killed. req is free after any reply. */
	if (fuse_reply_entry(req, &e) < 0)
		lookup_forget(im, e.ino, 1);
}

static void op_forget(fuse_req_t req, fuse_ino_t ino, uint64_t n)
{
	lookup_forget(of(req), ino, n);
	fuse_reply_none(req);
}

static void op_forget_multi(fuse_req_t req, size_t count, struct fuse_forget_data *f)
{
	size_t i;

	for (i = 0; i < count; i++)
		lookup_forget(of(req), f[i].ino, f[i].nlookup);
	fuse_reply_none(req);
}

static void op_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct stat st;
	struct node n;
	int r = lookup_id(of(req), ino, &n);

	(void)fi;
	if (r == 0)
		r = lookup_stat(of(req), &n, &st);
	if (r < 0)
		fuse_reply_err(req, -r);
	else
		fuse_reply_attr(req, &st, FS_FOREVER);
}

/* The kernel asks only where it checks no permissions: X_OK needs one execute bit, as for root. */
static void op_access(fuse_req_t req, fuse_ino_t ino, int mask)
{
	struct stat st;
	struct node n;
	int r = lookup_id(of(req), ino, &n);

	if (r == 0)
		r = lookup_stat(of(req), &n, &st);
	if (r == 0 && (mask & X_OK) && S_ISREG(st.st_mode) && !(st.st_mode & 0111))
		r = -EACCES;
	fuse_reply_err(req, r < 0 ? -r : 0);
}

static void op_readlink(fuse_req_t req, fuse_ino_t ino)
{
	struct node n;
	int r = lookup_id(of(req), ino, &n);

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
	ssize_t got = lookup_id(of(req), ino, &n);
	char *buf;

	(void)fi;
	if (got == 0 && n.kind == NODE_IMAGE && n.entry != IMAGE_LAYERS) {
		const struct image_node *img = as_image(&n);
		const struct buf *text = n.entry == IMAGE_CONFIG ? &img->config : &img->manifest;
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
		/* Damage is an I/O error to the reader. */
		fuse_reply_err(req, got == -ENOMEM || got == -ESTALE ? (int)-got : EIO);
	else
		fuse_reply_buf(req, NULL, 0);
}

static void op_lseek(fuse_req_t req, fuse_ino_t ino, off_t off, int whence,
		     struct fuse_file_info *fi)
{
	struct stat st;
	struct node n;
	int64_t r = lookup_id(of(req), ino, &n);

	(void)fi;
	if (r == 0 && n.e && n.e->type == ENTRY_FILE) {
		r = layer_seek(n.layer, n.e, (uint64_t)off, whence);
	} else if (r == 0) {
		r = lookup_stat(of(req), &n, &st);
		if (r == 0)
			r = off >= st.st_size ? -ENXIO : whence == SEEK_HOLE ? st.st_size : off;
	}
	if (r < 0)
		fuse_reply_err(req, (int)-r);
	else
		fuse_reply_lseek(req, r);
}

/*
 * EOPNOTSUPP for labels, and for access lists while no known layer has one: tools then stop asking.
 * Where the kernel checks access lists it would take EOPNOTSUPP for a failure, so it gets ENODATA.
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
	int r = lookup_id(of(req), ino, &n);

	while (r == 0 && n.e && layer_xattr(n.layer, n.e, &pos, &found, &value, &len) > 0) {
		if (strcmp(found, name) != 0 ||
		    !xattr_is_shown(name, value, len, n.e->type == ENTRY_DIR))
			continue;
		r = lookup_stat(of(req), &n, &st);
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
	int r = lookup_id(of(req), ino, &n);

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
	/* The size of the store's file system, without free space: the tree is read-only. */
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

/* The answer to a READDIR while it is filled. */
struct listing {
	fuse_req_t req;
	char *buf;
	size_t size, used;
	bool plus, full;
	fuse_ino_t *entered; /* node IDs that the kernel learns from it */
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

/* A name with its type only; the kernel looks it up when it needs more. */
static bool listing_add_bare(struct listing *l, const char *name, mode_t type, fuse_ino_t ino,
			     off_t next)
{
	struct fuse_entry_param e = { .attr = { .st_mode = type, .st_ino = ino } };

	return listing_add(l, name, &e, next);
}

static void list_tree(struct images *im, struct listing *l, struct tree_node *tn, uint32_t dir,
		      off_t off)
{
	uint32_t n, i;
	const uint32_t *children = tree_children(tree_of(tn), dir, &n);

	pthread_mutex_lock(&im->lock);
	for (i = off > 2 ? (uint32_t)MIN(off - 2, (off_t)n) : 0; i < n && !l->full; i++) {
		struct fuse_entry_param e = { .attr_timeout = FS_FOREVER,
					      .entry_timeout = FS_FOREVER };
		const char *name = tree_name(tree_of(tn), children[i]);

		if (lookup_enter(im, tn, children[i], l->plus, &e) < 0)
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

static void list_layers(struct listing *l, const struct image_node *img, off_t off)
{
	char name[24];
	size_t i;

	for (i = off > 2 ? (size_t)off - 2 : 0; i < img->n_layers; i++) {
		snprintf(name, sizeof(name), "%02zu", i);
		/* The real inode number is known only when the layer is open. */
		if (!listing_add_bare(l, name, S_IFDIR,
				      nodeid_make(NODE_IMAGE, img->obj.number, 16 + (uint32_t)i),
				      (off_t)i + 3))
			break;
	}
}

static int list_ns(struct images *im, struct listing *l, struct ns_entry *dir, off_t off)
{
	static const struct {
		const char *name;
		mode_t type;
	} own[] = { { "config.json", S_IFREG },
		    { "layers", S_IFDIR },
		    { "manifest.json", S_IFREG },
		    { "rootfs", S_IFDIR } };
	_cleanup_free_ struct ns_entry **list = NULL;
	uint32_t from = off > OFF_ENTRIES ? (uint32_t)(off - OFF_ENTRIES) : 0;
	size_t i, n;
	int r;

	pthread_mutex_lock(&im->lock);
	for (i = off > OFF_OWN ? (size_t)off - OFF_OWN : 0;
	     dir->has_image && i < ARRAY_SIZE(own) && !l->full; i++)
		listing_add_bare(l, own[i].name, own[i].type,
				 nodeid_make(NODE_NS_ENTRY, dir->obj.number, 1 + (uint32_t)i),
				 OFF_OWN + (off_t)i + 1);
	r = namespace_list(dir, from, &list, &n);
	for (i = 0; r == 0 && i < n && !l->full; i++) {
		struct fuse_entry_param e = { .attr_timeout = FS_FOREVER,
					      .entry_timeout = FS_FOREVER };

		lookup_stat_entry(im, list[i], &e.attr);
		e.ino = e.attr.st_ino;
		if (listing_add(l, list[i]->name, &e,
				OFF_ENTRIES + (off_t)list[i]->obj.number + 1) &&
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
	/* Every entry takes more than 64 bytes. */
	_cleanup_free_ fuse_ino_t *entered = calloc(size / 64 + 1, sizeof(*entered));
	struct images *im = of(req);
	struct listing l = {
		.req = req, .buf = buf, .size = size, .plus = plus, .entered = entered
	};
	struct node n;
	size_t i;
	int r = lookup_id(im, ino, &n);

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
	if (n.kind == NODE_NS_ENTRY)
		r = list_ns(im, &l, as_ns_entry(&n), off);
	else if (n.kind == NODE_IMAGE && n.entry == IMAGE_LAYERS)
		list_layers(&l, as_image(&n), off);
	else if (n.kind == NODE_TREE)
		list_tree(im, &l, as_tree(&n), n.entry, off);
	else
		r = -ENOTDIR;
	if (r < 0 && l.used == 0)
		fuse_reply_err(req, -r);
	else if (fuse_reply_buf(req, buf, l.used) < 0)
		for (i = 0; i < l.n_entered; i++)
			lookup_forget(im, entered[i], 1);
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
