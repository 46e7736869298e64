/* A lock is tried first: only one that another holder has is waited for, and reported as such. */
#include "base/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/log.h"

static int try_flock(int fd, int operation)
{
	while (flock(fd, operation) < 0)
		if (errno != EINTR)
			return -errno;
	return 0;
}

int lock_again(int fd, enum lock_mode mode)
{
	return try_flock(fd, (mode == LOCK_MODE_EXCLUSIVE ? LOCK_EX : LOCK_SH) | LOCK_NB);
}

int lock_take_from(const char *file, int fd, enum lock_mode mode, bool wait, const char *what,
		   const char *name)
{
	int operation = mode == LOCK_MODE_EXCLUSIVE ? LOCK_EX : LOCK_SH;
	const char *word = mode == LOCK_MODE_EXCLUSIVE ? "exclusive" : "shared";
	int r = lock_again(fd, mode);
	double start;

	if (!log_debugging)
		return r == -EWOULDBLOCK && wait ? try_flock(fd, operation) : r;
	if (r == 0)
		log_debug_from(file, "lock %s %s: %s, taken at once", what, name, word);
	if (r != -EWOULDBLOCK)
		return r;
	if (!wait) {
		log_debug_from(file, "lock %s %s: %s, not taken: another holder has it", what, name,
			       word);
		return r;
	}
	log_debug_from(file, "lock %s %s: %s, waiting: another holder has it", what, name, word);
	start = log_ms();
	r = try_flock(fd, operation);
	if (r == 0)
		log_debug_from(file, "lock %s %s: %s, taken after %.0f ms", what, name, word,
			       log_ms() - start);
	return r;
}

pid_t lock_owner_pid(int fd)
{
	struct flock l = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

	if (fcntl(fd, F_GETLK, &l) < 0)
		return -errno;
	return l.l_type == F_UNLCK || l.l_pid <= 0 ? 0 : l.l_pid;
}

/*
 * True if the process has the file of fd open. The kernel lets an ordinary user signal only the
 * user's own processes: one that may not be looked into is assumed to have the file.
 */
static bool has_open(pid_t pid, int fd)
{
	_cleanup_names_ char **names = NULL;
	_cleanup_close_ int dir = -1;
	struct stat st;
	struct statx sx;
	char path[32];
	size_t n, i;
	int r;

	snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
	dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	r = dir < 0 ? -errno : file_names(dir, &names, &n);
	if (r < 0)
		return r == -EACCES && geteuid() != 0;
	if (fstat(fd, &st) < 0)
		return false;
	for (i = 0; i < n; i++)
		/*
		 * Cached attributes suffice: a file system that does not respond must not block
		 * this.
		 */
		if (statx(dir, names[i], AT_STATX_DONT_SYNC, STATX_INO, &sx) == 0 &&
		    sx.stx_ino == st.st_ino &&
		    makedev(sx.stx_dev_major, sx.stx_dev_minor) == st.st_dev)
			return true;
	return false;
}

int lock_owner_open(int fd)
{
	_cleanup_close_ int pidfd = -1;
	pid_t pid = lock_owner_pid(fd), now;

	if (pid <= 0)
		return pid < 0 ? pid : -ENOENT;
	pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (pidfd < 0 && errno != ESRCH)
		return -errno;
	if (pidfd >= 0 && has_open(pid, fd)) {
		/* The ID may have been reused before the pidfd was opened. */
		now = lock_owner_pid(fd);
		return now == pid ? TAKE_FD(pidfd) : now < 0 ? now : -ENOENT;
	}
	now = lock_owner_pid(fd);
	return now > 0 ? -EBUSY : now < 0 ? now : -ENOENT;
}
