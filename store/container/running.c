/*
 * The process that runs the command holds a record lock. A pidfd ensures that the signal reaches
 * that process.
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
#include "base/lock.h"
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

pid_t running_pid(struct store *s, const char *name)
{
	_cleanup_container_ struct container *c = NULL;
	_cleanup_close_ int fd = -1;
	pid_t pid;

	if (container_open(s, name, &c, NULL) < 0)
		return 0;
	fd = container_open_lock(c, O_RDONLY);
	pid = fd < 0 ? 0 : lock_owner_pid(fd);
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

static int stop(int pidfd)
{
	const int signals[] = { running_signal(), SIGKILL };
	size_t i;
	int r = -ETIMEDOUT;

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
	_cleanup_close_ int fd = -1, pidfd = -1;
	int r;

	/* A container too damaged to open is not running. */
	if (container_open(s, name, &c, NULL) < 0)
		return 0;
	fd = container_open_lock(c, O_RDONLY);
	pidfd = fd < 0 ? fd : lock_owner_open(fd);
	if (pidfd == -EBUSY)
		return err_set(err, EBUSY,
			       "container %s: cannot stop its command: the process that locked it "
			       "has ended or does not have it open",
			       name);
	if (fd < 0 || pidfd == -ENOENT)
		return 0;
	r = pidfd < 0 ? pidfd : stop(pidfd);
	if (r < 0)
		return err_sys(err, -r, "container %s: cannot stop its command", name);
	return 1;
}
