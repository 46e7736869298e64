/* Daemons are asked through their sockets; commands lock the container's lock file. */
#include "store/container/container_lock.h"

#include <errno.h>
#include <stddef.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "store/container/container.h"
#include "store/disk/mounts.h"

/* Attempts to lock a container that is in use. */
#define BUSY_TRIES 20

static void backoff_wait(void)
{
	const struct timespec backoff = { .tv_nsec = 10 * 1000 * 1000 };

	nanosleep(&backoff, NULL);
}

/* The directory may have been removed since it was opened. */
static int cannot_lock(int r, const char *name, struct err *err)
{
	if (r == -ENOENT)
		return err_set(err, ENOENT, "No such container: %s", name);
	if (r == -EWOULDBLOCK)
		return err_set(err, EBUSY, "container %s is in use", name);
	return err_sys(err, -r, "container %s: cannot lock", name);
}

int container_lock_shared(struct store *s, const struct container *c, struct container_flock *h,
			  struct err *err)
{
	int r = mounts_freeze(s, c->name, &h->mounts, &h->n_mounts, err);

	if (r < 0)
		return r;
	if (h->n_mounts == 0) {
		h->lock = container_flock(c, false, true);
		if (h->lock < 0)
			return cannot_lock(h->lock, c->name, err);
	}
	/* Mounts identify it by name, so the name must still be current. */
	return container_check_current(s, c, err);
}

void container_lock_release(struct container_flock *h)
{
	mounts_thaw(h->mounts, h->n_mounts);
	h->mounts = NULL;
	h->n_mounts = 0;
	if (h->lock >= 0)
		close(h->lock);
	h->lock = -1;
}

int container_lock_confirm(struct store *s, const struct container *c, int r, struct err *err)
{
	struct err gone = ERR_INIT;
	int there = container_check_current(s, c, &gone);

	if (there == -ENOENT || (r == 0 && there < 0)) {
		*err = gone;
		return there;
	}
	return r;
}

int container_lock_for_rename(struct store *s, const struct container *c, int *lock,
			      struct err *err)
{
	int tries, r;

	for (tries = 0;; tries++) {
		r = container_flock(c, true, false);
		if (r >= 0) {
			*lock = r;
			return container_check_current(s, c, err);
		}
		if (r != -EWOULDBLOCK)
			return cannot_lock(r, c->name, err);
		r = mounts_follow(s, c->name, err);
		if (r)
			return r < 0 ? r : 0;
		if (tries == BUSY_TRIES)
			return err_set(err, EBUSY, "container %s is in use", c->name);
		backoff_wait();
	}
}

int container_lock_exclusive(struct store *s, const char *name, int *lock, struct err *err)
{
	_cleanup_container_ struct container *c = NULL;
	int tries, r;

	r = container_open(s, name, &c, err);
	if (r == -ENOENT)
		return r;
	for (tries = 0;; tries++) {
		r = mounts_close(s, name, err);
		if (r < 0)
			return r;
		*lock = -1;
		if (!c)
			return 0;
		r = container_flock(c, true, false);
		if (r >= 0) {
			*lock = r;
			return container_check_current(s, c, err);
		}
		if (r != -EWOULDBLOCK)
			return cannot_lock(r, name, err);
		/* An access through the mount has made the daemon open it again. */
		if (tries == BUSY_TRIES)
			return err_set(err, EBUSY, "container %s is in use", name);
		backoff_wait();
	}
}
