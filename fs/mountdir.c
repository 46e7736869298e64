/* DIR and its mount points: creating them, clearing dead mounts, removing them. */
#include "fs/mountdir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/file.h"
#include "base/lock.h"
#include "base/log.h"
#include "base/mountpoint.h"
#include "store/disk/mount_dirs.h"
#include "store/disk/store.h"

/* True if the daemon that served this mount has died. */
static bool is_stale(const char *dir)
{
	struct statvfs sv;

	/*
	 * Not stat(2): the kernel caches attributes without limit, also after the daemon has died.
	 */
	return statvfs(dir, &sv) < 0 && errno == ENOTCONN;
}

/* If imagefs is mounted at dir: unmount it if its daemon is dead, else fail. */
static int clear(const char *dir, struct err *err)
{
	int tries, r;

	for (tries = 0; tries < 16; tries++) {
		_cleanup_mountpoint_ struct mountpoint m = { 0 };

		r = mountpoint_find(dir, &m, err);
		if (r <= 0)
			return r;
		if (strncmp(m.type, "fuse", 4) != 0)
			return 0;
		if (is_stale(dir)) {
			log_debug("%s: unmounting the tree of a dead daemon", dir);
			r = mountpoint_unmount(dir, true, err);
			if (r < 0)
				return r;
			continue;
		}
		if (strcmp(m.type, "fuse.imagefs") != 0)
			return 0;
		return err_set(
			err, EBUSY,
			"%s: already mounted, from store %s; unmount it with 'imagefs umount'", dir,
			m.source);
	}
	return 0;
}

/* Daemons that mount at the same DIR take turns. If DIR cannot be read there is no lock. */
static void lock(struct mountdir *m)
{
	int r;

	m->lock_fd = open(m->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	r = m->lock_fd < 0 ? 0 : lock_take(m->lock_fd, LOCK_MODE_EXCLUSIVE, "mount point", m->dir);
	if (r < 0)
		log_debug("%s: %s", m->dir, strerror(-r));
}

int mountdir_prepare(struct mountdir *m, struct store *s, const char *path, enum mount_tree tree,
		     struct err *err)
{
	int r;

	memset(m, 0, sizeof(*m));
	m->lock_fd = -1;
	r = mountpoint_resolve(path, &m->dir, err);
	if (r < 0)
		return r;
	/* mount_dirs and the answer to "where" have one path per line. */
	if (strchr(m->dir, '\n'))
		return err_set(err, EINVAL, "the directory's path contains a line break");
	m->images = tree == TREE_BOTH	  ? path_join(m->dir, "images")
		    : tree == TREE_IMAGES ? strdup(m->dir)
					  : NULL;
	m->containers = tree == TREE_BOTH	  ? path_join(m->dir, "containers")
			: tree == TREE_CONTAINERS ? strdup(m->dir)
						  : NULL;
	if ((tree != TREE_CONTAINERS && !m->images) || (tree != TREE_IMAGES && !m->containers))
		return err_nomem(err);
	r = mount_dirs_new(s, &m->mount_dirs, err);
	if (r == 0)
		r = clear(m->dir, err);
	if (r < 0)
		return r;
	mount_dirs_adopt(m->mount_dirs, m->dir);
	r = mount_dirs_make(m->mount_dirs, m->dir, err);
	if (r < 0)
		return r;
	lock(m);
	/* Again, with the lock: another daemon may have mounted here before. */
	r = clear(m->dir, err);
	if (r == 0 && tree == TREE_BOTH) {
		r = clear(m->images, err);
		if (r == 0)
			r = clear(m->containers, err);
	}
	if (r == 0 && m->images)
		r = mount_dirs_make(m->mount_dirs, m->images, err);
	if (r == 0 && m->containers)
		r = mount_dirs_make(m->mount_dirs, m->containers, err);
	return r;
}

void mountdir_mounted(struct mountdir *m, bool mark)
{
	struct flock l = { .l_type = F_RDLCK, .l_whence = SEEK_SET };

	if (m->lock_fd >= 0 && mark && fcntl(m->lock_fd, F_SETLK, &l) == 0 &&
	    flock(m->lock_fd, LOCK_UN) == 0)
		return;
	if (m->lock_fd >= 0)
		close(m->lock_fd);
	m->lock_fd = -1;
}

void mountdir_left(struct mountdir *m, const char *mountpoint)
{
	if (!m->mount_dirs)
		return;
	if (!mountpoint && m->dir) {
		/* Also the records of a daemon that tried to mount here second. */
		mount_dirs_adopt(m->mount_dirs, m->dir);
		mount_dirs_remove(m->mount_dirs, "");
	} else if (mountpoint) {
		mount_dirs_remove(m->mount_dirs, mountpoint);
	}
}

void mountdir_fini(struct mountdir *m)
{
	mountdir_mounted(m, false);
	mount_dirs_free(m->mount_dirs);
	free(m->dir);
	free(m->images);
	free(m->containers);
	memset(m, 0, sizeof(*m));
}
