/* Small blobs are hashed as they are read, so callers only get verified content. */
#include "store/disk/blob.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/beneath.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/file.h"
#include "store/disk/store.h"
#include "store/disk/txn.h"

void blob_store_path(const struct digest *d, char out[static DIGEST_MAX + 8])
{
	char path[DIGEST_MAX];

	digest_path(d, path);
	snprintf(out, DIGEST_MAX + 8, "blobs/%s", path);
}

static int put(struct txn *t, const void *data, size_t len, const struct digest *d, struct err *err)
{
	char path[DIGEST_MAX + 8], name[16];
	_cleanup_close_ int fd = txn_create(t, name, err);
	int r;

	if (fd < 0)
		return fd;
	r = file_write_all(fd, data, len);
	if (r < 0)
		return err_sys(err, -r, "blob %s: cannot write", d->str);
	blob_store_path(d, path);
	return txn_add(t, name, path, err);
}

int blob_put(struct txn *t, const void *data, size_t len, struct digest *out, struct err *err)
{
	struct digest d;
	int r;

	if (digest_of(data, len, &d) < 0)
		return err_nomem(err);
	r = put(t, data, len, &d, err);
	if (r == 0)
		*out = d;
	return r;
}

int blob_put_like(struct txn *t, const void *data, size_t len, const struct digest *like,
		  struct err *err)
{
	struct digest d;

	if (digest_like(data, len, like, &d) < 0)
		return err_nomem(err);
	if (!digest_eq(&d, like))
		return err_set(err, EBADMSG, "blob %s: its content has the digest %s", like->str,
			       d.str);
	return put(t, data, len, &d, err);
}

/* Read a small regular file from an open descriptor. */
static int read_small(int fd, size_t max, struct buf *out)
{
	struct stat st;
	int r;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	if ((uint64_t)st.st_size > max)
		return -EFBIG;
	r = buf_reserve(out, (size_t)st.st_size);
	if (r == 0)
		r = file_pread_all(fd, out->data + out->len, (size_t)st.st_size, 0);
	if (r < 0)
		return r;
	out->len += (size_t)st.st_size;
	out->data[out->len] = '\0';
	return 0;
}

static int matches(const char *data, size_t len, const struct digest *d)
{
	struct digest got;
	int r = digest_like(data, len, d, &got);

	if (r < 0)
		return r;
	return digest_eq(&got, d) ? 0 : -EBADMSG;
}

int blob_get(struct store *s, struct txn *t, const struct digest *d, size_t max, struct buf *out,
	     struct err *err)
{
	char path[DIGEST_MAX + 8];
	size_t start = out->len;
	int fd, r;

	blob_store_path(d, path);
	fd = t ? txn_open(t, path) : beneath_open(s->fd, path, O_RDONLY, 0);
	if (fd == -ENOENT)
		return err_set(err, ENOENT, "blob %s is missing", d->str);
	if (fd < 0)
		return err_sys(err, -fd, "blob %s", d->str);
	r = read_small(fd, max, out);
	close(fd);
	if (r == -EFBIG)
		return err_set(err, EFBIG, "blob %s: larger than %zu bytes", d->str, max);
	if (r < 0)
		return err_sys(err, -r, "blob %s", d->str);
	r = matches(out->data + start, out->len - start, d);
	if (r < 0) {
		out->len = start;
		return err_set(err, -r, "blob %s: %s", d->str,
			       r == -EBADMSG ? "its content does not match its digest"
					     : "out of memory");
	}
	return 0;
}

int blob_keep(struct txn *t, const struct digest *d, struct err *err)
{
	char path[DIGEST_MAX + 8];
	int r;

	blob_store_path(d, path);
	r = txn_keep(t, path, err);
	return r == -ENOENT ? err_set(err, ENOENT, "blob %s is missing", d->str) : r;
}

int blob_open(struct store *s, const struct digest *d, uint64_t *size, struct err *err)
{
	char path[DIGEST_MAX + 8];
	_cleanup_close_ int fd = -1;
	struct stat st;

	blob_store_path(d, path);
	fd = beneath_open(s->fd, path, O_RDONLY, 0);
	if (fd == -ENOENT)
		return err_set(err, ENOENT, "blob %s is missing", d->str);
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_sys(err, fd < 0 ? -fd : errno, "blob %s", d->str);
	if (!S_ISREG(st.st_mode))
		return err_set(err, EINVAL, "blob %s: not a regular file", d->str);
	if (size)
		*size = (uint64_t)st.st_size;
	return TAKE_FD(fd);
}

bool blob_exists(struct store *s, const struct digest *d, int64_t size)
{
	char path[DIGEST_MAX + 8];
	struct stat st;

	blob_store_path(d, path);
	if (beneath_stat(s->fd, path, &st) < 0 || !S_ISREG(st.st_mode))
		return false;
	return size < 0 || st.st_size == size;
}
