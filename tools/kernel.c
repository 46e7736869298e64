/* What could change the process, as a new namespace does, is tried in a child. */
#include "tools/kernel.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"

/* The ioctl(2)s of linux/fuse.h, which may be older than the kernel. */
#define BACKING_CLOSE _IOW(229, 2, uint32_t)

#define DEVICE makedev(10, 229)

/* A descriptor or -errno. */
static int open_device(void)
{
	_cleanup_close_ int fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	return S_ISCHR(st.st_mode) && st.st_rdev == DEVICE ? TAKE_FD(fd) : -ENODEV;
}

static int fuse(void)
{
	_cleanup_close_ int fd = open_device();

	return fd < 0 ? fd : 0;
}

/* A kernel that does not know the call says ENOTTY; others say what is wrong with this one. */
static int passthrough(void)
{
	_cleanup_close_ int fd = open_device();
	uint32_t none = 0;

	if (fd < 0)
		return fd;
	if (ioctl(fd, BACKING_CLOSE, &none) < 0 && (errno == ENOTTY || errno == EOPNOTSUPP))
		return -EOPNOTSUPP;
	return geteuid() == 0 ? 0 : -EPERM;
}

static int enter_user_namespace(void)
{
	return unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0 ? errno : 0;
}

static int mount_overlay(void)
{
	int r = enter_user_namespace();

	if (r == 0 && mount("overlay", "/proc", "overlay", MS_RDONLY, "lowerdir=/etc:/usr") < 0)
		r = errno;
	return r;
}

/* What fn() returns in a child: 0 or an errno. */
static int in_child(int (*fn)(void))
{
	int status;
	pid_t pid = fork();

	if (pid < 0)
		return -errno;
	if (pid == 0)
		_exit(fn());
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return WIFEXITED(status) ? -WEXITSTATUS(status) : -EINTR;
}

static int user_namespaces(void)
{
	return in_child(enter_user_namespace);
}

static int overlay_in_user_namespaces(void)
{
	return in_child(mount_overlay);
}

static int openat2_call(void)
{
	struct open_how how = { .flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_BENEATH };
	_cleanup_close_ int fd = (int)syscall(SYS_openat2, AT_FDCWD, ".", &how, sizeof(how));

	return fd < 0 ? -errno : 0;
}

const struct kernel_feature kernel_features[] = {
	{ "FUSE", "FUSE", fuse },
	{ "FUSEPassthrough", "FUSE Passthrough", passthrough },
	{ "UserNamespaces", "User Namespaces", user_namespaces },
	{ "OverlayInUserNamespaces", "Overlayfs in User Namespaces", overlay_in_user_namespaces },
	{ "Openat2", "openat2", openat2_call },
};
const size_t kernel_n_features = ARRAY_SIZE(kernel_features);

const char *kernel_answer(int result, char text[static 128])
{
	snprintf(text, 128, result == 0 ? "supported" : "not supported: %s", strerror(-result));
	return text;
}
