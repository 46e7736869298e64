/*
 * Looking up names, and reading directories.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "fs/containers/ops.h"
#include "fs/core/fs.h"
#include "fs/core/session.h"
#include "fs/live/live.h"
#include "fs/live/merge.h"
#include "store/container/container.h"
#include "store/container/upper.h"

static int lookup_container(struct containers *c, const char *name, struct fuse_entry_param *out)
{
	struct live *live;
	struct lookup_result f;
	struct stat disk;
	int r = live_table_find(&c->table, name, &live);

	if (r == -ENOENT)
		return lockfile_find(&c->lockfiles, c->fs, name, NULL, out);
	if (r < 0)
		return r;
	/* A visit: listing containers locks none of them. */
	r = gate_visit(&live->gate) < 0 ? -ENOENT : 0;
	if (r == 0) {
		r = upper_fstat(&live->upper, live->upper.fd, &f.st);
		if (r == 0 && fstat(live->upper.fd, &disk) < 0)
			r = -errno;
		gate_leave(&live->gate, false);
	}
	if (r == 0) {
		struct node template = { .ino = live_ino_lower(live, TREE_ROOT),
					 .live = live,
					 .lower = TREE_ROOT,
					 .type = S_IFDIR,
					 .upper = true,
					 .upper_ino = disk.st_ino };
		struct node *n = node_take(&c->nodes, &template, NULL, NULL);

		if (n) {
			live->root = n;
			f.st.st_ino = n->ino;
			f.st.st_nlink = 1;
			memset(out, 0, sizeof(*out));
			out->ino = (fuse_ino_t)(uintptr_t)n;
			out->attr = f.st;
			out->attr_timeout = out->entry_timeout = FS_FOREVER;
			op_show(c, &out->attr);
		} else {
			r = -ENOMEM;
		}
	}
	live_unref(live);
	return r;
}

/* One name. The kernel caches -ENOENT, too. */
static int lookup(struct containers *c, struct node *dir, const char *name,
		  struct fuse_entry_param *out)
{
	struct lookup_result f;
	int r;

	if (!dir->live)
		return lookup_container(c, name, out);
	r = op_enter(dir, OP_READ);
	if (r < 0)
		return r;
	r = merge_lookup(dir, name, &f);
	if (r == 0)
		r = op_entry(c, dir, name, &f, out);
	op_leave(dir, OP_READ);
	return r;
}

void op_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct containers *c = op_containers(req);
	struct fuse_entry_param e;
	struct node *n = NULL;
	int r = lookup(c, op_node(req, parent), name, &e);

	if (r == 0)
		n = op_node(req, e.ino);
	if (r == -ENOENT) {
		memset(&e, 0, sizeof(e));
		e.entry_timeout = FS_FOREVER;
		r = 0;
	}
	if (r < 0)
		op_reply(req, r);
	else if (fuse_reply_entry(req, &e) < 0 && n)
		node_forget(&c->nodes, n, 1); /* req is free after any reply */
}

void op_forget(fuse_req_t req, fuse_ino_t ino, uint64_t n)
{
	node_forget(&op_containers(req)->nodes, op_node(req, ino), n);
	fuse_reply_none(req);
}

void op_forget_multi(fuse_req_t req, size_t count, struct fuse_forget_data *forgets)
{
	size_t i;

	for (i = 0; i < count; i++)
		node_forget(&op_containers(req)->nodes, op_node(req, forgets[i].ino),
			    forgets[i].nlookup);
	fuse_reply_none(req);
}

static int list_containers(struct containers *c, struct listing *out)
{
	char **names;
	size_t i;
	int r = container_list(c->fs->store, &names, NULL);

	for (i = 0; r == 0 && names[i]; i++) {
		uint64_t ino = 0;
		struct live *live;

		/* A damaged container is listed; its look-up says what is wrong. */
		if (live_table_find(&c->table, names[i], &live) == 0) {
			ino = live_ino_lower(live, TREE_ROOT);
			live_unref(live);
		}
		r = listing_add(out, names[i], ino ? ino : UINT32_MAX, S_IFDIR);
	}
	if (r != 0 && !out->n)
		return r;
	container_list_free(names);
	return r;
}

/* The list for a reading at off: a new one at the start, then the kept one. NULL: *r says why. */
static struct dir_list *get_list(struct containers *c, struct node *dir, off_t off, int *r)
{
	struct listing names _cleanup_listing_ = LISTING_INIT;
	struct dir_list *list = off ? dir_cache_find(&c->dir_cache, dir->ino) : NULL;

	*r = 0;
	if (list)
		return list;
	if (!dir->live) {
		*r = list_containers(c, &names);
	} else {
		*r = op_enter(dir, OP_READ);
		if (*r < 0)
			return NULL;
		/* Removed while open: it has no entries, not even those of the base tree. */
		*r = dir->dead ? 0 : merge_list(dir, &names);
		op_leave(dir, OP_READ);
	}
	if (*r < 0)
		return NULL;
	list = dir_cache_keep(&c->dir_cache, dir->ino, &names);
	if (!list)
		*r = -ENOMEM;
	return list;
}

/* After ENOSYS the kernel reads directories without opening them (fs/containers/dir_cache.h). */
void op_opendir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	(void)ino;
	(void)fi;
	op_reply(req, -ENOSYS);
}

/* The parent may change at any time: a rename does not wait for readers of the directory. */
static uint64_t parent_ino(struct containers *c, const struct node *dir)
{
	uint64_t ino = dir->live && dir != dir->live->root ? node_parent_ino(&c->nodes, dir) : 0;

	return ino ? ino : FUSE_ROOT_ID;
}

/* A reply that is being filled. */
struct reply {
	fuse_req_t req;
	struct node *dir;
	bool plus;
	char *data;
	size_t size, room;
};

/* false: there is no room for it. */
static bool add(struct reply *b, const char *name, const struct fuse_entry_param *e,
		uint64_t position)
{
	char *end = b->data + b->size;
	size_t left = b->room - b->size, n;

	n = b->plus ? fuse_add_direntry_plus(b->req, end, left, name, e, (off_t)position)
		    : fuse_add_direntry(b->req, end, left, name, &e->attr, (off_t)position);
	if (n > left)
		return false;
	b->size += n;
	return true;
}

static bool add_dots(struct reply *b, off_t off)
{
	struct fuse_entry_param e;

	memset(&e, 0, sizeof(e));
	e.attr.st_mode = S_IFDIR;
	e.attr.st_ino = b->dir->ino;
	if (off < 1 && !add(b, ".", &e, 1))
		return false;
	e.attr.st_ino = parent_ino(op_containers(b->req), b->dir);
	return off >= 2 || add(b, "..", &e, 2);
}

/* An entry of a list. READDIRPLUS leaves out one that was removed. */
static bool add_entry(struct reply *b, const struct dir_list *list, size_t place)
{
	struct containers *c = op_containers(b->req);
	size_t i = list->places[place].entry;
	const char *name = listing_name(&list->names, i);
	struct fuse_entry_param e;
	int r;

	memset(&e, 0, sizeof(e));
	e.attr.st_ino = list->names.v[i].ino;
	e.attr.st_mode = list->names.v[i].type;
	if (!b->plus)
		return add(b, name, &e, list->places[place].position);
	/* A look-up takes a reference, so the entry must fit. */
	if (fuse_add_direntry_plus(b->req, NULL, 0, name, &e, 0) > b->room - b->size)
		return false;
	r = lookup(c, b->dir, name, &e);
	if (r == -ENOENT)
		return true;
	if (r < 0) {
		memset(&e, 0, sizeof(e));
		e.attr.st_ino = list->names.v[i].ino;
		e.attr.st_mode = list->names.v[i].type;
	}
	return add(b, name, &e, list->places[place].position);
}

static void read_directory(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off, bool plus)
{
	struct containers *c = op_containers(req);
	struct node *dir = op_node(req, ino);
	_cleanup_free_ char *data = malloc(size);
	struct reply b = { .req = req, .dir = dir, .plus = plus, .data = data, .room = size };
	struct dir_list *list;
	size_t i;
	int r = -ENOMEM;

	list = data ? get_list(c, dir, off, &r) : NULL;
	if (!list) {
		op_reply(req, r);
		return;
	}
	if (add_dots(&b, off))
		for (i = dir_list_after(list, (uint64_t)off); i < list->n && add_entry(&b, list, i);
		     i++)
			;
	if (!b.size)
		dir_cache_drop(&c->dir_cache, dir->ino, list);
	dir_cache_put(&c->dir_cache, list);
	fuse_reply_buf(req, data, b.size);
}

void op_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off, struct fuse_file_info *fi)
{
	(void)fi;
	read_directory(req, ino, size, off, false);
}

void op_readdirplus(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
		    struct fuse_file_info *fi)
{
	(void)fi;
	read_directory(req, ino, size, off, true);
}

/* A descriptor of the upper directory; -ENODATA: there is none, and nothing to sync. */
static int open_upper_side(struct node *dir)
{
	struct location location _cleanup_location_ = LOCATION_INIT;
	int r, fd;

	if (!dir->upper || dir->dead)
		return -ENODATA;
	r = node_dir(dir->live->nodes, dir, &location);
	if (r < 0)
		return r;
	fd = openat(location.fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

void op_fsyncdir(fuse_req_t req, fuse_ino_t ino, int datasync, struct fuse_file_info *fi)
{
	struct node *dir = op_node(req, ino);
	_cleanup_close_ int fd = -1;
	int r = dir->live ? op_enter(dir, OP_READ) : 0;

	(void)datasync;
	(void)fi;
	if (dir->live && r == 0) {
		fd = open_upper_side(dir);
		op_leave(dir, OP_READ);
		r = fd < 0 && fd != -ENODATA ? fd : 0;
	}
	if (fd >= 0) {
		session_wait_begin();
		r = fsync(fd) < 0 ? -errno : 0;
		session_wait_end();
	}
	op_reply(req, r);
}
