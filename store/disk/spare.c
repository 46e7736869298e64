/* The spare is filled with random bytes, because file systems may compress zeros away. */
#include "store/disk/spare.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/beneath.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "base/log.h"
#include "store/disk/store.h"

#define SPARE "spare"
#define SPARE_NEW "spare.new"

/* index.json may grow by this much when an entry is removed. */
#define SLACK 4096
#define BLOCK 4096

static int fill(int fd, size_t size)
{
	unsigned char block[BLOCK];
	int r = 0;

	for (; size && r == 0; size -= MIN(size, sizeof(block))) {
		size_t n = 0;

		while (n < sizeof(block)) {
			ssize_t got = getrandom(block + n, 256, 0);

			if (got < 0)
				return -errno;
			n += (size_t)got;
		}
		r = file_write_all(fd, block, MIN(size, sizeof(block)));
	}
	return r;
}

void spare_keep(struct store *s)
{
	_cleanup_close_ int fd = -1;
	struct stat index, now;
	size_t size;
	int r;

	if (beneath_stat(s->fd, "index.json", &index) < 0 || index.st_size > STORE_INDEX_MAX)
		return;
	if (beneath_stat(s->imagefs_fd, SPARE, &now) == 0 && S_ISREG(now.st_mode) &&
	    now.st_size >= index.st_size + SLACK)
		return;
	/* Grow by half, so that the spare is not replaced for every image. */
	size = ((size_t)index.st_size / 2 * 3 + SLACK + BLOCK) & ~((size_t)BLOCK - 1);
	/* A stale file. It may be a hard link to another file, so it must not be written to. */
	beneath_unlink(s->imagefs_fd, SPARE_NEW);
	r = fd = beneath_open(s->imagefs_fd, SPARE_NEW, O_WRONLY | O_CREAT | O_EXCL, 0600);
	if (r >= 0)
		r = store_give(s, fd);
	if (r == 0)
		r = fill(fd, size);
	if (r == 0)
		r = beneath_rename(s->imagefs_fd, SPARE_NEW, s->imagefs_fd, SPARE, 0);
	if (r < 0)
		beneath_unlink(s->imagefs_fd, SPARE_NEW);
}

/*
 * Exchange the two files: the next removal needs a spare, too, and the free space may not suffice
 * for a new file (xfs allocates 64 inodes at a time).
 */
int spare_use(struct store *s, const char *text, size_t len)
{
	_cleanup_close_ int fd = beneath_open(s->imagefs_fd, SPARE, O_WRONLY, 0);
	struct stat st;
	int r;

	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_nlink != 1)
		return -EINVAL;
	r = file_write_all(fd, text, len);
	if (r == 0 && (ftruncate(fd, (off_t)len) < 0 || fsync(fd) < 0))
		r = -errno;
	if (r == 0)
		r = beneath_rename(s->imagefs_fd, SPARE, s->fd, "index.json", RENAME_EXCHANGE);
	if (r == -EINVAL)
		r = beneath_rename(s->imagefs_fd, SPARE, s->fd, "index.json", 0);
	if (r < 0)
		return r;
	store_changed(s);
	if (file_sync_dir(s->fd, ".") < 0)
		log_warn("store %s: cannot sync the directory", s->path);
	return 0;
}

int spare_drop(struct store *s)
{
	return beneath_unlink(s->imagefs_fd, SPARE);
}
