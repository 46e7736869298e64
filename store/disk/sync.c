/*
 * After sync_file_range(2) has waited for a file's pages, they have been sent to the device, and
 * the running transaction contains the metadata that makes them part of the file: ext4 and xfs
 * end page writeback only after that. The rename is in the same transaction or a later one, and
 * the device's cache is flushed before either commits. fsync(2) would also wait for that commit.
 * Starting the writeback without waiting is not enough, even with data=ordered, because the
 * blocks are marked as written only at its end.
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

/* ext4's name of the disk: the last part of its sysfs path. */
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
	/* The option data= is present only with a journal. */
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
