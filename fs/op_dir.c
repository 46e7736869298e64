/*
 * Looking up names, and reading directories.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "fs/ct.h"
#include "fs/fs.h"
#include "fs/merge.h"
#include "fs/ops.h"
#include "fs/session.h"
#include "store/container.h"
#include "store/upper.h"

static int lookup_container(struct containers *c, const char *name, struct fuse_entry_param *out)
{
	struct ct *ct;
	struct found f;
	struct stat disk;
	int r = containers_find(c, name, &ct);

	if (r < 0)
		return r;
	/* Not entered: who only lists containers takes none of them. */
	pthread_mutex_lock(&ct->gate);
	r = ct->closed ? -ENOENT : upper_fstat(&ct->upper, ct->upper.fd, &f.st);
	if (r == 0 && fstat(ct->upper.fd, &disk) < 0)
		r = -errno;
	pthread_mutex_unlock(&ct->gate);
	if (r == 0) {
		struct node template = { .ino = ct_ino_lower(ct, TREE_ROOT),
					 .ct = ct,
					 .lower = TREE_ROOT,
					 .type = S_IFDIR,
					 .upper = true,
					 .upper_ino = disk.st_ino };
		struct node *n = node_take(&c->nodes, &template, NULL, NULL);

		if (n) {
			ct->root = n;
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
	ct_unref(ct);
	return r;
}

/* One name; what is not there is an answer too, which the kernel keeps. */
static int lookup(struct containers *c, struct node *dir, const char *name,
		  struct fuse_entry_param *out)
{
	struct found f;
	int r;

	if (!dir->ct)
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

/*
 * An open directory is a list made when it is read from its start: entries
 * that come and go meanwhile move no position, as POSIX wants it.
 */
struct open_dir {
	struct node *dir;
	pthread_mutex_t lock;
	bool listed;
	struct listing list;
};

/* Positions: 0 ".", 1 "..", then the list's. */
#define DOTS 2

static int list_containers(struct containers *c, struct listing *out)
{
	char **names;
	size_t i;
	int r = container_list(c->fs->store, &names, NULL);

	for (i = 0; r == 0 && names[i]; i++) {
		uint64_t ino = 0;
		struct ct *ct;

		/* A damaged one is listed; what is wrong shows where it is looked up. */
		if (containers_find(c, names[i], &ct) == 0) {
			ino = ct_ino_lower(ct, TREE_ROOT);
			ct_unref(ct);
		}
		r = listing_add(out, names[i], ino ? ino : UINT32_MAX, S_IFDIR);
	}
	if (r != 0 && !out->n)
		return r;
	container_list_free(names);
	return r;
}

static int fill_list(struct containers *c, struct open_dir *d)
{
	int r;

	listing_fini(&d->list);
	d->listed = false;
	if (!d->dir->ct) {
		r = list_containers(c, &d->list);
	} else {
		r = op_enter(d->dir, OP_READ);
		if (r < 0)
			return r;
		/* Removed while open: it has no entries, not even these of the place below. */
		r = d->dir->dead ? 0 : merge_list(d->dir, &d->list);
		op_leave(d->dir, OP_READ);
	}
	d->listed = r == 0;
	return r;
}

void op_opendir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct open_dir *d = calloc(1, sizeof(*d));

	if (!d) {
		op_reply(req, -ENOMEM);
		return;
	}
	d->dir = op_node(req, ino);
	pthread_mutex_init(&d->lock, NULL);
	fi->fh = (uint64_t)(uintptr_t)d;
	if (fuse_reply_open(req, fi) < 0) {
		pthread_mutex_destroy(&d->lock);
		free(d);
	}
}

void op_releasedir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct open_dir *d = (struct open_dir *)(uintptr_t)fi->fh;

	(void)ino;
	listing_fini(&d->list);
	pthread_mutex_destroy(&d->lock);
	free(d);
	op_reply(req, 0);
}

static uint64_t parent_ino(const struct node *dir)
{
	if (!dir->ct || dir == dir->ct->root || !dir->names)
		return FUSE_ROOT_ID;
	return dir->names->parent->ino;
}

/* The attributes of one entry for readdirplus; an entry that is gone by now is passed over (1). */
static int entry_plus(struct containers *c, struct open_dir *d, size_t i,
		      struct fuse_entry_param *e)
{
	int r = lookup(c, d->dir, listing_name(&d->list, i), e);

	if (r == -ENOENT)
		return 1;
	if (r < 0) {
		memset(e, 0, sizeof(*e));
		e->attr.st_ino = d->list.v[i].ino;
		e->attr.st_mode = d->list.v[i].type;
	}
	return 0;
}

/* The entry at a position into the reply: its size, 0 where it is passed over, more than room: full. */
static size_t add_entry(fuse_req_t req, struct open_dir *d, size_t pos, bool plus, char *buf,
			size_t room)
{
	struct containers *c = op_containers(req);
	struct fuse_entry_param e;
	const char *name;
	size_t size;

	memset(&e, 0, sizeof(e));
	if (pos < DOTS) {
		name = pos ? ".." : ".";
		e.attr.st_ino = pos ? parent_ino(d->dir) : d->dir->ino;
		e.attr.st_mode = S_IFDIR;
	} else {
		name = listing_name(&d->list, pos - DOTS);
		e.attr.st_ino = d->list.v[pos - DOTS].ino;
		e.attr.st_mode = d->list.v[pos - DOTS].type;
	}
	if (!plus)
		return fuse_add_direntry(req, buf, room, name, &e.attr, (off_t)pos + 1);
	size = fuse_add_direntry_plus(req, NULL, 0, name, &e, 0);
	if (size > room)
		return size;
	if (pos >= DOTS && entry_plus(c, d, pos - DOTS, &e) > 0)
		return 0;
	return fuse_add_direntry_plus(req, buf, room, name, &e, (off_t)pos + 1);
}

static void read_directory(fuse_req_t req, size_t size, off_t off, struct open_dir *d, bool plus)
{
	_cleanup_free_ char *buf = malloc(size);
	size_t done = 0, pos;
	int r = buf ? 0 : -ENOMEM;

	pthread_mutex_lock(&d->lock);
	if (r == 0 && (off == 0 || !d->listed))
		r = fill_list(op_containers(req), d);
	for (pos = (size_t)off; r == 0 && pos < d->list.n + DOTS; pos++) {
		size_t n = add_entry(req, d, pos, plus, buf + done, size - done);

		if (n > size - done)
			break;
		done += n;
	}
	pthread_mutex_unlock(&d->lock);
	if (r < 0)
		op_reply(req, r);
	else
		fuse_reply_buf(req, buf, done);
}

void op_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off, struct fuse_file_info *fi)
{
	(void)ino;
	read_directory(req, size, off, (struct open_dir *)(uintptr_t)fi->fh, false);
}

void op_readdirplus(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
		    struct fuse_file_info *fi)
{
	(void)ino;
	read_directory(req, size, off, (struct open_dir *)(uintptr_t)fi->fh, true);
}

/* A descriptor of its upper side; -ENODATA: it has none, and nothing to be written. */
static int open_upper_side(struct node *dir)
{
	struct at at _cleanup_at_ = AT_INIT;
	int r, fd;

	if (!dir->upper || dir->dead)
		return -ENODATA;
	r = node_dir(dir->ct->nodes, dir, &at);
	if (r < 0)
		return r;
	fd = openat(at.fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

void op_fsyncdir(fuse_req_t req, fuse_ino_t ino, int datasync, struct fuse_file_info *fi)
{
	struct node *dir = op_node(req, ino);
	_cleanup_close_ int fd = -1;
	int r = dir->ct ? op_enter(dir, OP_READ) : 0;

	(void)datasync;
	(void)fi;
	if (dir->ct && r == 0) {
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
