/* Finding the container or image, and a thread that writes while the tree is walked. */
#include "store/transfer/export.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/file.h"
#include "base/progress.h"
#include "base/text.h"
#include "store/container/container.h"
#include "store/container/container_lock.h"
#include "store/container/upper.h"
#include "store/image/image.h"
#include "store/image/tree.h"
#include "store/layer/layer.h"
#include "store/layer/ring.h"
#include "store/transfer/export_private.h"
#include "store/transfer/save_file.h"

/*
 * Layers are mostly in the order of a walk: with a cache of this size, each span is decoded once.
 */
#define SPAN_BYTES (64u << 20)
#define BLOCK (256u << 10)
#define BLOCKS 16

/* The output: the walk fills blocks, another thread writes them. */
struct output {
	struct save_file file; /* fd -1: standard output */
	struct ring *ring;
	pthread_t thread;
	char *block; /* collects headers and small files */
	size_t have;
	struct progress *progress;
	int error; /* of write(2) */
};

static void *run_writer(void *arg)
{
	struct output *o = arg;
	int fd = o->file.fd >= 0 ? o->file.fd : STDOUT_FILENO;
	const void *data;
	ssize_t n;

	while ((n = ring_pull(o->ring, &data)) > 0) {
		o->error = file_write_all(fd, data, (size_t)n);
		if (o->error) {
			ring_fail(o->ring, o->error);
			break;
		}
	}
	return NULL;
}

static int flush(struct output *o, struct err *err)
{
	int r = o->have ? ring_write(o->ring, o->block, o->have) : 0;

	o->have = 0;
	return r < 0 ? err_sys(err, -r, "cannot write") : 0;
}

static int gather(void *ctx, const void *data, size_t len, struct err *err)
{
	struct output *o = ctx;

	progress_add(o->progress, len);
	while (len) {
		size_t n = MIN(len, BLOCK - o->have);
		int r;

		memcpy(o->block + o->have, data, n);
		o->have += n;
		data = (const char *)data + n;
		len -= n;
		r = o->have == BLOCK ? flush(o, err) : 0;
		if (r < 0)
			return r;
	}
	return 0;
}

/* Run the walk and the writer. */
static int write_tree(struct tree *t, const struct upper *u, struct output *o, struct err *err)
{
	const struct sink sink = { gather, o };
	int r;

	o->block = malloc(BLOCK);
	o->ring = ring_new(BLOCKS, BLOCK);
	if (!o->block || !o->ring)
		return err_nomem(err);
	if (pthread_create(&o->thread, NULL, run_writer, o) != 0)
		return err_sys(err, EAGAIN, "cannot start a thread");
	r = export_walk(t, u, &sink, err);
	if (r == 0)
		r = flush(o, err);
	if (r < 0)
		ring_fail(o->ring, r);
	else
		ring_end(o->ring);
	pthread_join(o->thread, NULL);
	if (r == 0 && o->error)
		r = err_sys(err, -o->error, "cannot write");
	return r;
}

/* The source: an image, or a container with its upper directory. */
struct source {
	struct store *s;
	const struct container *c; /* NULL: an image */
	struct upper u;
};

static int write_output(struct tree *t, const struct source *from, const char *output,
			uint64_t total, bool quiet, struct err *err)
{
	struct output o = { .file = SAVE_FILE_INIT };
	int r = output ? save_file_open(&o.file, output, err) : 0;

	if (r == 0) {
		o.progress = progress_bar("Exporting", total, quiet);
		r = write_tree(t, from->c ? &from->u : NULL, &o, err);
		progress_end(o.progress);
	}
	if (from->c)
		r = container_lock_confirm(from->s, from->c, r, err);
	if (r == 0 && output)
		r = save_file_commit(&o.file, err);
	save_file_fini(&o.file);
	ring_free(o.ring);
	free(o.block);
	return r;
}

/* Export an image's tree, with or without an upper directory. */
static int export_image(const struct source *from, const struct image *image, const char *output,
			bool quiet, struct err *err)
{
	struct layers *ls = layers_new(from->s, SPAN_BYTES);
	struct tree *t = NULL;
	uint64_t total = 0;
	int r;

	if (!ls)
		return err_nomem(err);
	r = tree_open(ls, &image->manifest, &t, err);
	if (r == 0 && image_size(from->s, image, &total, NULL) < 0)
		total = 0;
	if (r == 0)
		r = write_output(t, from, output, total, quiet, err);
	tree_free(t);
	layers_free(ls);
	return r;
}

static int export_locked(struct store *s, struct container *c, const char *output, bool quiet,
			 struct err *err)
{
	_cleanup_image_ struct image *base = NULL;
	_cleanup_close_ int fd = -1;
	struct source from = { s, c, { -1, -1, c->unprivileged } };
	int r;

	r = image_open(s, NULL, &c->manifest, &base, err);
	if (r < 0)
		return err_wrap(err, r, "its image");
	from.u.fd = fd = openat(c->fd, "upper", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return err_sys(err, errno, "upper");
	return export_image(&from, base, output, quiet, err);
}

static int export_container(struct store *s, struct container *c, const char *output, bool quiet,
			    struct err *err)
{
	struct container_flock container_lock _cleanup_container_lock_ = CONTAINER_LOCK_INIT;
	int r = container_lock_shared(s, c, &container_lock, err);

	if (r < 0)
		return r;
	r = container_lock_confirm(s, c, export_locked(s, c, output, quiet, err), err);
	if (r == -ENOENT && strncmp(err->msg, "No such container", 17) == 0)
		return r;
	return r < 0 ? err_wrap(err, r, "container %s", c->name) : 0;
}

int export(struct store *s, const char *name, const char *output, bool quiet, struct err *err)
{
	_cleanup_container_ struct container *c = NULL;
	_cleanup_image_ struct image *image = NULL;
	struct source from = { s, NULL, { -1, -1, false } };
	int r = container_open(s, name, &c, err);

	if (r == 0)
		return export_container(s, c, output, quiet, err);
	if (r != -ENOENT)
		return r;
	r = image_get(s, name, &image, err);
	if (r == -ENOENT && strncmp(err->msg, "No such image", 13) == 0) {
		struct buf shown _cleanup_buf_ = BUF_INIT;

		text_escape(&shown, name);
		return err_set(err, ENOENT, "No such container or image: %.300s", buf_str(&shown));
	}
	if (r == 0)
		r = export_image(&from, image, output, quiet, err);
	return r;
}
