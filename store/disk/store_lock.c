/* Mounts are notified after the lock is released: a daemon may need it to respond. */
#include "store/disk/store_lock.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/file.h>

#include "base/err.h"
#include "base/lock.h"
#include "base/log.h"
#include "store/disk/mounts.h"
#include "store/disk/store.h"
#include "store/disk/tmp_sweep.h"

int store_lock(struct store *s, enum store_lock_mode mode, struct err *err)
{
	uint64_t bytes;
	int r = mode == STORE_LOCK_EXCLUSIVE ? store_writable(s, err) : 0;

	if (r < 0 || s->lock_fd < 0)
		return r;
	r = lock_take(s->lock_fd,
		      mode == STORE_LOCK_EXCLUSIVE ? LOCK_MODE_EXCLUSIVE : LOCK_MODE_SHARED,
		      "store", s->path);
	if (r < 0)
		return err_sys(err, -r, "store %s: cannot lock", s->path);
	if (mode == STORE_LOCK_EXCLUSIVE) {
		tmp_sweep(s->imagefs_fd, true, &bytes);
		s->swept += bytes;
	}
	return 0;
}

void store_unlock(struct store *s)
{
	bool changed = s->changed;

	s->changed = false;
	if (s->lock_fd >= 0)
		log_debug("lock store %s: released", s->path);
	flock(s->lock_fd, LOCK_UN);
	if (changed)
		mounts_refresh(s);
}
