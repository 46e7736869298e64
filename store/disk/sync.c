/*
 * When sync_file_range(2) has waited for a file's pages, the device has them, and the transaction at hand has what makes
 * them the file's: both file systems end the writing of a page only after that. The name comes in the same transaction or a
 * later one, and before either is good the device's cache is flushed. What fsync(2) does more is to wait for all of that.
 * Only to begin to write is not enough, even in data=ordered: the blocks are marked as written when they are.
 */
#include "store/disk/sync.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/file.h"

#define OPTIONS_MAX 16384

/* What ext4 calls the disk: the last part of where sysfs has it. */
static int disk_name(int fd, struct buf *out)
{
	char link[64], target[512];
	struct stat st;
	ssize_t n;

	if (fstat(fd, &st) < 0)
		return -errno;
	snprintf(link, sizeof(link), "/sys/dev/block/%u:%u", major(st.st_dev), minor(st.st_dev));
	n = readlink(link, target, sizeof(target) - 1);
	if (n < 0)
		return -errno;
	target[n] = '\0';
	return buf_puts(out, strrchr(target, '/') ? strrchr(target, '/') + 1 : target);
}

bool sync_is_ordered(int fd)
{
	struct buf path _cleanup_buf_ = BUF_INIT, options _cleanup_buf_ = BUF_INIT;
	struct statfs sfs;

	if (fstatfs(fd, &sfs) < 0)
		return false;
	if (sfs.f_type == XFS_SUPER_MAGIC)
		return true;
	/* Of its options one is there only where there is a journal. */
	return sfs.f_type == EXT4_SUPER_MAGIC && buf_puts(&path, "/proc/fs/ext4/") == 0 &&
	       disk_name(fd, &path) == 0 && buf_puts(&path, "/options") == 0 &&
	       file_read(AT_FDCWD, buf_str(&path), OPTIONS_MAX, &options, NULL) == 0 &&
	       strstr(buf_str(&options), "\ndata=");
}

int sync_before_rename(int fd, bool ordered)
{
	if (ordered && sync_file_range(fd, 0, 0, SYNC_FILE_RANGE_WRITE_AND_WAIT) == 0)
		return 0;
	return fdatasync(fd) < 0 ? -errno : 0;
}
