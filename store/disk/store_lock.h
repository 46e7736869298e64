/* The lock of a store. */
#ifndef STORE_DISK_STORE_LOCK_H
#define STORE_DISK_STORE_LOCK_H

#include "base/err.h"

struct store;

enum store_lock_mode { STORE_LOCK_SHARED, STORE_LOCK_EXCLUSIVE };

/*
 * store_lock - wait for the lock. It is not recursive; each struct store holds it at most once.
 * Taking it exclusively sweeps imagefs/tmp.
 */
int store_lock(struct store *s, enum store_lock_mode mode, struct err *err) MUST_CHECK;

/*
 * store_unlock - release the lock. After store_changed(), the mounts are notified and show the
 * change on return.
 */
void store_unlock(struct store *s);

#endif
