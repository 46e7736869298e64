/*
 * Reading the members of an image layout directory. Files are opened on request, only below that
 * directory and not through symbolic links. A layer that the store has is not read again.
 */
#include "store/transfer/load_private.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/file.h"
#include "base/progress.h"
#include "store/disk/blob.h"
#include "store/disk/txn.h"

#define READ_BLOCK (1u << 20)

struct load_dir {
	struct load_source source; /* first member: pointers to both are converted */
	struct load *load;
	struct progress *progress;
	int fd;
};

static struct load_dir *dir_of(struct load_source *src)
{
	return (struct load_dir *)src;
}

static int open_member(const struct load_dir *ld, const char *path, struct stat *st)
{
	struct open_how how = {
		.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS,
	};
	_cleanup_close_ int fd = (int)syscall(SYS_openat2, ld->fd, path, &how, sizeof(how));

	if (fd < 0 || fstat(fd, st) < 0)
		return -errno;
	if (!S_ISREG(st->st_mode))
		return -EINVAL;
	return TAKE_FD(fd);
}

static int open_error(int r, const char *path, struct err *err)
{
	switch (r) {
	case -ENOENT:
		return err_set(err, ENOENT, "%s is missing", path);
	case -ELOOP:
		return err_set(err, EINVAL, "%s: symbolic links are not followed", path);
	case -EINVAL:
		return err_set(err, EINVAL, "%s: not a regular file", path);
	default:
		return err_sys(err, -r, "%s", path);
	}
}

static bool dir_has(struct load_source *src, const char *path)
{
	struct stat st;
	_cleanup_close_ int fd = open_member(dir_of(src), path, &st);

	return fd != -ENOENT;
}

static int dir_text(struct load_source *src, const char *path, struct buf *out, struct err *err)
{
	struct stat st;
	_cleanup_close_ int fd = open_member(dir_of(src), path, &st);
	int r;

	if (fd < 0)
		return open_error(fd, path, err);
	if (st.st_size > (off_t)BLOB_JSON_MAX)
		return err_set(err, EFBIG, "%s: larger than %u bytes", path, BLOB_JSON_MAX);
	if (buf_reserve(out, (size_t)st.st_size) < 0)
		return err_nomem(err);
	r = file_pread_all(fd, out->data + out->len, (size_t)st.st_size, 0);
	if (r < 0)
		return err_sys(err, -r, "%s", path);
	out->len += (size_t)st.st_size;
	out->data[out->len] = '\0';
	return 0;
}

static int read_layer(struct load_dir *ld, int fd, const char *path, struct ingest *in,
		      struct err *err)
{
	_cleanup_free_ char *block = malloc(READ_BLOCK);
	int r = 0;

	if (!block)
		return err_nomem(err);
	posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
	while (r == 0) {
		ssize_t n = read(fd, block, READ_BLOCK);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(err, errno, "%s", path);
		if (n == 0)
			break;
		progress_add(ld->progress, (uint64_t)n);
		r = ingest_write(in, block, (size_t)n, err);
	}
	return r;
}

static int dir_layer(struct load_source *src, const char *path, const struct digest *like,
		     struct ingest_result *out, struct err *err)
{
	struct load_dir *ld = dir_of(src);
	struct stat st;
	_cleanup_close_ int fd = open_member(ld, path, &st);
	struct ingest *in;
	int r;

	if (fd < 0)
		return open_error(fd, path, err);
	if (like && blob_exists(txn_store(ld->load->txn), like, st.st_size) &&
	    load_known_blob(ld->load, like, out, NULL) == 0)
		return 0;
	r = ingest_begin(ld->load->txn, like, &in, err);
	if (r < 0)
		return r;
	r = read_layer(ld, fd, path, in, err);
	if (r < 0) {
		ingest_abort(in);
		return r;
	}
	r = ingest_end(in, out, err);
	if (r == 0 && like && !digest_eq(like, &out->digest))
		return err_set(err, EBADMSG, "blob %s is damaged: its content has the digest %s",
			       like->str, out->digest.str);
	return r;
}

static const char *dir_next(struct load_source *src, size_t *pos)
{
	(void)src;
	(void)pos;
	return NULL;
}

static void dir_free(struct load_source *src)
{
	free(src);
}

static const struct load_source_ops dir_ops = {
	.no_image = "not an image layout: neither index.json, manifest.json nor repositories in "
		    "it; the directory of a root file system is for imagefs import: "
		    "tar -C DIR -c . | imagefs import -",
	.has = dir_has,
	.text = dir_text,
	.layer = dir_layer,
	.next = dir_next,
	.free = dir_free,
};

int load_dir_open(struct load *l, int fd, struct progress *p, struct load_source **out,
		  struct err *err)
{
	struct load_dir *ld = calloc(1, sizeof(*ld));

	if (!ld)
		return err_nomem(err);
	ld->source.ops = &dir_ops;
	ld->load = l;
	ld->progress = p;
	ld->fd = fd;
	*out = &ld->source;
	return 0;
}
