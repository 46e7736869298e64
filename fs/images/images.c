/* The images tree as a whole: reads its namespace, and tells the kernel of changes. */
#include "fs/images/images.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/beneath.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/log.h"
#include "fs/core/fs.h"
#include "fs/core/session.h"
#include "fs/core/trees.h"
#include "fs/images/evict.h"
#include "fs/images/image_node.h"
#include "fs/images/images_ops.h"
#include "store/disk/refs.h"
#include "store/disk/store.h"

/*
 * Two threads answer. The kernel would wake a third on another CPU for what the first does sooner.
 */
#define IMAGES_THREADS 2

const struct session_ops images_session = {
	.name = "images",
	.ops = &images_ops,
	.threads = IMAGES_THREADS,
	.read_only = true,
	/* libfuse 3.14 accepts this bit and does not send it. */
	.flags = FUSE_PARALLEL_DIROPS,
};

/* True if index.json is the file that was read last. */
static bool is_seen(const struct images *im, const struct stat *st)
{
	const struct stat *seen = &im->seen;

	return st->st_ino == seen->st_ino && st->st_dev == seen->st_dev &&
	       st->st_size == seen->st_size && st->st_mtim.tv_sec == seen->st_mtim.tv_sec &&
	       st->st_mtim.tv_nsec == seen->st_mtim.tv_nsec &&
	       st->st_ctim.tv_sec == seen->st_ctim.tv_sec &&
	       st->st_ctim.tv_nsec == seen->st_ctim.tv_nsec;
}

/* Bring the namespace up to date; *changes is what the kernel must be told. */
static int update(struct images *im, struct ns_changes *changes, struct err *err)
{
	_cleanup_refs_ struct refs refs = { 0 };
	struct stat st;
	int r;

	/* Before the file is read: a change in between is another event. */
	r = beneath_stat(im->fs->store->fd, "index.json", &st);
	if (r < 0)
		return err_sys(err, -r, "%s/index.json", im->fs->store->path);
	if (is_seen(im, &st))
		return 0;
	r = refs_read(im->fs->store, &refs, err);
	if (r < 0)
		return r;
	pthread_mutex_lock(&im->lock);
	r = namespace_update(&im->ns, &refs, &st.st_mtim, changes);
	images_unlock(im);
	if (r < 0)
		return err_sys(err, -r, "reading the references");
	im->seen = st;
	return 0;
}

int images_new(struct fs *fs, struct images **out, struct err *err)
{
	struct images *im = calloc(1, sizeof(*im));
	struct ns_changes changes = { 0 };
	struct timespec now;
	int r;

	if (!im)
		return err_nomem(err);
	im->fs = fs;
	clock_gettime(CLOCK_REALTIME, &now);
	r = pthread_key_create(&im->buffer, images_buffer_free);
	if (r) {
		free(im);
		return err_sys(err, r, "thread key");
	}
	pthread_mutex_init(&im->lock, NULL);
	pthread_mutex_init(&im->making, NULL);
	r = namespace_init(&im->ns, &im->objects, &now);
	if (r < 0)
		err_nomem(err);
	else
		r = update(im, &changes, err);
	ns_changes_fini(&changes);
	if (r < 0) {
		images_free(im);
		return r;
	}
	*out = im;
	return 0;
}

void images_free(struct images *im)
{
	if (!im)
		return;
	images_drop_all(im);
	namespace_fini(&im->ns);
	pthread_key_delete(im->buffer);
	pthread_mutex_destroy(&im->making);
	pthread_mutex_destroy(&im->lock);
	free(im);
}

void images_attach(struct images *im, struct session *s)
{
	im->session = s;
}

void images_refresh(struct images *im)
{
	struct fuse_session *fuse = session_fuse(im->session);
	struct ns_changes changes = { 0 };
	struct err err = ERR_INIT;
	size_t i;

	if (update(im, &changes, &err) < 0)
		log_warn("%s", err.msg);
	/*
	 * The kernel drops the name, then the directory's list and times. -ENOENT: it does not know
	 * them, which is fine.
	 */
	for (i = 0; i < changes.n; i++) {
		const struct ns_change *c = &changes.v[i];

		fuse_lowlevel_notify_inval_entry(fuse, c->dir, c->name, strlen(c->name));
		if (i + 1 == changes.n || changes.v[i + 1].dir != c->dir)
			fuse_lowlevel_notify_inval_inode(fuse, c->dir, 0, 0);
	}
	ns_changes_fini(&changes);
	evict_stale(im);
	/* Also where index.json did not change: prune removes layers after it was written. */
	trees_sweep(im->fs->trees);
}
