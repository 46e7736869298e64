/* The structures of linux/fuse.h, which may be older than the kernel. */
#include "fs/core/statx.h"

#include <errno.h>
#include <linux/fuse.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>

#include "base/log.h"
#include "fs/core/request_log.h"

#define OP_STATX 52

/* Without limit, as FS_FOREVER. */
#define VALID_SECONDS 1000000000u

struct sx_time {
	int64_t tv_sec;
	uint32_t tv_nsec;
	int32_t reserved;
};

struct sx_out {
	uint64_t attr_valid;
	uint32_t attr_valid_nsec;
	uint32_t flags;
	uint64_t spare[2];
	uint32_t mask, blksize;
	uint64_t attributes;
	uint32_t nlink, uid, gid;
	uint16_t mode, spare0;
	uint64_t ino, size, blocks, attributes_mask;
	struct sx_time atime, btime, ctime, mtime;
	uint32_t rdev_major, rdev_minor, dev_major, dev_minor;
	uint64_t spare2[14];
};

static struct sx_time time_of(const struct timespec *t)
{
	return (struct sx_time){ .tv_sec = t->tv_sec, .tv_nsec = (uint32_t)t->tv_nsec };
}

static void fill(struct sx_out *o, const struct stat *st, const struct timespec *born)
{
	o->attr_valid = VALID_SECONDS;
	o->mask = STATX_BASIC_STATS | (born ? STATX_BTIME : 0);
	o->blksize = (uint32_t)st->st_blksize;
	o->nlink = (uint32_t)st->st_nlink;
	o->uid = st->st_uid;
	o->gid = st->st_gid;
	o->mode = (uint16_t)st->st_mode;
	o->ino = st->st_ino;
	o->size = (uint64_t)st->st_size;
	o->blocks = (uint64_t)st->st_blocks;
	o->atime = time_of(&st->st_atim);
	o->ctime = time_of(&st->st_ctim);
	o->mtime = time_of(&st->st_mtim);
	if (born)
		o->btime = time_of(born);
	o->rdev_major = major(st->st_rdev);
	o->rdev_minor = minor(st->st_rdev);
}

bool statx_answer(int fd, const struct fuse_buf *buf, statx_fn *fn, void *userdata)
{
	const struct fuse_in_header *in = buf->mem;
	struct fuse_out_header head = { .len = sizeof(head) };
	struct sx_out out;
	struct iovec iov[2] = { { &head, sizeof(head) }, { &out, sizeof(out) } };
	struct timespec born = { 0 };
	bool has_born = false;
	struct stat st;
	int r;

	if (!fn || buf->size < sizeof(*in) || in->opcode != OP_STATX)
		return false;
	memset(&out, 0, sizeof(out));
	memset(&st, 0, sizeof(st));
	r = fn(userdata, in->nodeid, &st, &born, &has_born);
	head.unique = in->unique;
	head.error = r;
	if (r == 0) {
		fill(&out, &st, has_born ? &born : NULL);
		head.len += sizeof(out);
	}
	request_log_end(fd, iov);
	if (writev(fd, iov, r == 0 ? 2 : 1) < 0 && errno != ENOENT)
		log_warn("answering statx: %s", strerror(errno));
	return true;
}
