/*
 * A file from below gets its descriptor at the first use after the copy-up.
 */
#include "fs/live/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "fs/live/copyup.h"
#include "fs/live/live.h"
#include "fs/live/node.h"
#include "store/container/upper.h"

/*
 * The kernel handles O_APPEND (it knows the size), O_DIRECT and O_SYNC itself, and has checked
 * permissions.
 */
int file_open_upper(struct node *n, int flags)
{
	struct location location _cleanup_location_ = LOCATION_INIT;
	char path[40];
	int fd, r = node_locate(n->live->nodes, n, &location);

	if (r < 0)
		return r;
	flags = (flags & (O_ACCMODE | O_TRUNC | O_NOATIME)) | O_CLOEXEC | O_NONBLOCK;
	/* Some writes read what is around them. */
	if ((flags & O_ACCMODE) == O_WRONLY)
		flags = (flags & ~O_ACCMODE) | O_RDWR;
	if (location.name) {
		fd = openat(location.fd, location.name, flags | O_NOFOLLOW);
	} else {
		snprintf(path, sizeof(path), "/proc/self/fd/%d", location.fd);
		fd = open(path, flags);
	}
	return fd < 0 ? -errno : fd;
}

static bool writes(int flags)
{
	return (flags & O_ACCMODE) != O_RDONLY || (flags & O_TRUNC);
}

int file_adopt(struct node *n, int flags, int fd, struct file **out)
{
	struct file *f = malloc(sizeof(*f));

	if (!f) {
		if (fd >= 0)
			close(fd);
		return -ENOMEM;
	}
	f->node = n;
	f->flags = flags & ~O_TRUNC;
	f->fd = fd;
	f->passthrough = false;
	__atomic_fetch_add(&n->live->open_files, 1, __ATOMIC_RELAXED);
	*out = f;
	return 0;
}

int file_open(struct node *n, int flags, struct file **out)
{
	struct live *live = n->live;
	int fd = -ENODATA, r;

	/* Contents that are truncated at once are not copied. */
	if (flags & O_TRUNC) {
		r = copyup_file(n, 0, "opened with O_TRUNC");
		if (r < 0)
			return r;
	}
	pthread_rwlock_rdlock(&live->ns);
	if (n->upper)
		fd = file_open_upper(n, flags);
	pthread_rwlock_unlock(&live->ns);
	if (fd < 0 && fd != -ENODATA)
		return fd;
	return file_adopt(n, flags, fd < 0 ? -1 : fd, out);
}

void file_close(struct file *f)
{
	if (f->fd >= 0)
		close(f->fd);
	__atomic_fetch_sub(&f->node->live->open_files, 1, __ATOMIC_RELAXED);
	free(f);
}

int file_upper(struct file *f, int change)
{
	struct live *live = f->node->live;
	int fd = __atomic_load_n(&f->fd, __ATOMIC_ACQUIRE), none = -1, r;

	if (fd >= 0)
		return fd;
	if (change && !writes(f->flags))
		return -EBADF;
	if (change) {
		r = copyup_file(f->node, UINT64_MAX, "its contents change");
		if (r < 0)
			return r;
	}
	pthread_rwlock_rdlock(&live->ns);
	fd = f->node->upper ? file_open_upper(f->node, f->flags) : -ENODATA;
	pthread_rwlock_unlock(&live->ns);
	if (fd < 0)
		return fd;
	/* Two threads may have opened it; the second descriptor is not needed. */
	if (!__atomic_compare_exchange_n(&f->fd, &none, fd, false, __ATOMIC_ACQ_REL,
					 __ATOMIC_ACQUIRE)) {
		close(fd);
		fd = none;
	}
	return fd;
}
