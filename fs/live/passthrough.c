/*
 * Two ioctls give and take the kernel's handles for upper files.
 */
#include "fs/live/passthrough.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/beneath.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "fs/core/session.h"
#include "fs/live/file.h"
#include "fs/live/live.h"
#include "fs/live/node.h"
#include "store/disk/store.h"

/* linux/fuse.h has these from 6.9 on. */
struct backing_map {
	int32_t fd;
	uint32_t flags;
	uint64_t padding;
};
#define BACKING_OPEN _IOW(229, 1, struct backing_map)
#define BACKING_CLOSE _IOW(229, 2, uint32_t)

void passthrough_init(struct passthrough *t)
{
	pthread_mutex_init(&t->lock, NULL);
	t->dev = -1;
	t->on = false;
}

void passthrough_fini(struct passthrough *t)
{
	pthread_mutex_destroy(&t->lock);
}

static int backing_open(int dev, int fd)
{
	struct backing_map map = { .fd = fd };
	int id = ioctl(dev, BACKING_OPEN, &map);

	return id < 0 ? -errno : id;
}

static void backing_close(int dev, int id)
{
	uint32_t which = (uint32_t)id;

	if (ioctl(dev, BACKING_CLOSE, &which) < 0)
		log_debug("backing file %d: %s", id, strerror(errno));
}

void passthrough_start(struct passthrough *t, const struct session *s, const struct store *store)
{
	_cleanup_close_ int fd = -1;
	int id;

	if (!session_granted(s, 1, SESSION_PASSTHROUGH)) {
		log_note("%s: no passthrough: this kernel has none", session_mountpoint(s));
		return;
	}
	fd = beneath_open(store->imagefs_fd, "version", O_RDONLY, 0);
	id = fd < 0 ? fd : backing_open(session_fd(s), fd);
	if (id < 0) {
		/*
		 * ELOOP is the kernel's answer for a file system on top of another, as overlayfs
		 * is.
		 */
		log_note("%s: no passthrough: %s", session_mountpoint(s),
			 id == -ELOOP ? "the store lies on a stacked file system" : strerror(-id));
		return;
	}
	backing_close(session_fd(s), id);
	pthread_mutex_lock(&t->lock);
	t->dev = session_fd(s);
	__atomic_store_n(&t->on, true, __ATOMIC_RELEASE);
	pthread_mutex_unlock(&t->lock);
	log_note("%s: changed files are passed through to the kernel", session_mountpoint(s));
}

static bool writes(const struct file *f)
{
	return (f->flags & O_ACCMODE) != O_RDONLY;
}

/* Begin passthrough with this open, if possible. The lock is held. */
static bool begin(struct passthrough *t, const struct file *f)
{
	struct node_opens *o = &f->node->opens;
	int id;

	if (!passthrough_is_on(t) || o->asked || f->fd < 0 || f->node->live->still)
		return false;
	id = backing_open(t->dev, f->fd);
	if (id < 0)
		return false;
	o->backing = id;
	return true;
}

void passthrough_open(struct passthrough *t, struct file *f, int *backing, bool *keep_pages,
		      bool *direct)
{
	struct node_opens *o = &f->node->opens;

	pthread_mutex_lock(&t->lock);
	f->passthrough = o->passthrough || begin(t, f);
	if (f->passthrough) {
		o->passthrough++;
		o->writers += writes(f);
		o->behind = true;
		*backing = o->backing;
		*keep_pages = false;
		/*
		 * The write freeze has no hold for this one (fs/containers/freeze.h), but direct
		 * I/O passes the gate.
		 */
		*direct = f->node->live->still && writes(f);
	} else {
		*keep_pages = !o->behind;
		o->asked++;
		o->asked_writers += writes(f);
		o->behind = false;
	}
	pthread_mutex_unlock(&t->lock);
}

void passthrough_close(struct passthrough *t, struct file *f)
{
	struct node_opens *o = &f->node->opens;

	pthread_mutex_lock(&t->lock);
	if (f->passthrough) {
		o->writers -= writes(f);
		if (--o->passthrough == 0)
			backing_close(t->dev, o->backing);
	} else {
		o->asked--;
		o->asked_writers -= writes(f);
	}
	pthread_mutex_unlock(&t->lock);
}

bool passthrough_has_writers(struct passthrough *t, const struct node *n)
{
	bool has;

	pthread_mutex_lock(&t->lock);
	has = n->opens.writers || n->opens.asked_writers;
	pthread_mutex_unlock(&t->lock);
	return has;
}
