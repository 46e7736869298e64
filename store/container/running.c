/*
 * fcntl(F_GETLK) returns the owner of a record lock. A pidfd ensures that the signal reaches that
 * process.
 */
#include "store/container/running.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "store/container/container.h"

/* How long the process may take to clean up, and then, after it was killed, its monitor. */
#define STOP_MS 5000

int running_mark(const struct container *c, struct err *err)
{
	struct flock l = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	_cleanup_close_ int fd = container_open_lock(c, O_RDWR);

	if (fd < 0 || fcntl(fd, F_SETLK, &l) < 0)
		return err_sys(err, fd < 0 ? -fd : errno, "container %s: cannot lock", c->name);
	return TAKE_FD(fd);
}

int running_signal(void)
{
	return SIGRTMIN;
}

/* The process ID for an open container; -errno if unknown. */
static pid_t pid_of(const struct container *c)
{
	struct flock l = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	_cleanup_close_ int fd = container_open_lock(c, O_RDONLY);

	if (fd < 0 || fcntl(fd, F_GETLK, &l) < 0)
		return fd == -ENOENT ? 0 : fd < 0 ? fd : -errno;
	return l.l_type == F_UNLCK || l.l_pid <= 0 ? 0 : l.l_pid;
}

pid_t running_pid(struct store *s, const char *name)
{
	_cleanup_container_ struct container *c = NULL;
	pid_t pid;

	if (container_open(s, name, &c, NULL) < 0)
		return 0;
	pid = pid_of(c);
	return pid > 0 ? pid : 0;
}

/*
 * Wait for the process and its lock. The pidfd does not wait for a later process with the same
 * ID.
 */
static int wait_end(int pidfd)
{
	struct pollfd p = { .fd = pidfd, .events = POLLIN };
	int r;

	do
		r = poll(&p, 1, STOP_MS);
	while (r < 0 && errno == EINTR);
	return r > 0 ? 0 : -ETIMEDOUT;
}

static int stop(const struct container *c, pid_t pid)
{
	_cleanup_close_ int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	const int signals[] = { running_signal(), SIGKILL };
	size_t i;
	int r = -ETIMEDOUT;

	if (pidfd < 0)
		return errno == ESRCH ? 0 : -errno;
	/* The ID may have been reused: check that the lock is still held by it. */
	if (pid_of(c) != pid)
		return 0;
	for (i = 0; i < ARRAY_SIZE(signals) && r == -ETIMEDOUT; i++) {
		if (syscall(SYS_pidfd_send_signal, pidfd, signals[i], NULL, 0) < 0 &&
		    errno != ESRCH)
			return -errno;
		r = wait_end(pidfd);
	}
	return r;
}

int running_stop(struct store *s, const char *name, struct err *err)
{
	_cleanup_container_ struct container *c = NULL;
	pid_t pid;
	int r;

	/* A container too damaged to open is not running. */
	if (container_open(s, name, &c, NULL) < 0)
		return 0;
	pid = pid_of(c);
	if (pid <= 0)
		return 0;
	r = stop(c, pid);
	if (r < 0)
		return err_sys(err, -r, "container %s: cannot stop its command", name);
	return 1;
}
