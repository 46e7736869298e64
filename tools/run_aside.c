/* spec    the kernel's overlayfs.rst */
#include "tools/run_aside.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/log.h"
#include "store/store.h"

/* The same directory in the mount name space that we are in now: what was opened before is another one's. */
static int reopen(const char *path, int fd)
{
	_cleanup_close_ int again = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct stat a, b;

	if (again < 0 || fstat(fd, &a) < 0 || fstat(again, &b) < 0)
		return -errno;
	return a.st_dev == b.st_dev && a.st_ino == b.st_ino ? TAKE_FD(again) : -ESTALE;
}

static int mount_overlay(struct run_aside *a, struct err *err)
{
	static const char *const dirs[] = { "upper", "work", "store" };
	struct buf options _cleanup_buf_ = BUF_INIT;
	_cleanup_close_ int lower = -1, upper = -1;
	char real[4096], proc[64];
	ssize_t n;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(dirs); i++)
		if (mkdirat(a->scratch.fd, dirs[i], 0700) < 0)
			return err_sys(err, errno, "a directory aside of the store");
	snprintf(proc, sizeof(proc), "/proc/self/fd/%d", a->scratch.fd);
	n = readlink(proc, real, sizeof(real) - 1);
	if (n <= 0)
		return err_sys(err, errno, "%s", proc);
	real[n] = '\0';
	if (asprintf(&a->path, "%s/store", real) < 0) {
		a->path = NULL;
		return err_nomem(err);
	}
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0)
		return err_sys(err, errno, "a mount name space of its own");
	lower = reopen(a->below->path, a->below->fd);
	upper = reopen(real, a->scratch.fd);
	if (lower < 0 || upper < 0)
		return err_sys(err, lower < 0 ? -lower : -upper, "read-only store %s",
			       a->below->path);
	/* By number, since a path may have commas and colons. */
	if (buf_printf(&options,
		       "lowerdir=/proc/self/fd/%d,upperdir=/proc/self/fd/%d/upper,"
		       "workdir=/proc/self/fd/%d/work",
		       lower, upper, upper) < 0)
		return err_nomem(err);
	return mount("imagefs", a->path, "overlay", MS_NODEV, buf_str(&options)) < 0
		       ? err_sys(err, errno, "read-only store %s: an overlay in %s (see TMPDIR)",
				 a->below->path, real)
		       : 0;
}

int run_aside_open(struct run_aside *a, struct store **s, struct err *err)
{
	struct store *over;
	int r = scratch_make_aside(*s, &a->scratch);

	if (r < 0)
		return err_sys(err, -r, "read-only store %s: a directory for what is written",
			       (*s)->path);
	a->below = *s;
	r = mount_overlay(a, err);
	/* Nobody else reaches it, whomever its files belong to. */
	if (r == 0 && setenv(STORE_TRUST, a->path, 1) < 0)
		r = err_nomem(err);
	if (r == 0)
		r = store_open(a->path, &over, err);
	if (r < 0) {
		struct store *below = a->below;

		run_aside_close(a);
		*s = below;
		return r;
	}
	log_debug("read-only store %s: what is written goes to %s", a->below->path, a->path);
	*s = over;
	return 0;
}

void run_aside_close(struct run_aside *a)
{
	if (!a->below)
		return;
	if (a->path && umount2(a->path, UMOUNT_NOFOLLOW | MNT_DETACH) < 0 && errno != EINVAL)
		log_warn("%s: %s", a->path, strerror(errno));
	scratch_remove(a->below, &a->scratch);
	free(TAKE_PTR(a->path));
	a->below = NULL;
}
