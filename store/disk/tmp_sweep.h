/*
 * What killed processes left in imagefs/tmp. Whoever makes a directory there keeps it locked
 * while it lives, or holds the store's lock, so under the exclusive lock one that can be
 * locked is a dead one's.
 */
#ifndef STORE_DISK_TMP_SWEEP_H
#define STORE_DISK_TMP_SWEEP_H

#include <stdbool.h>
#include <stdint.h>

/*
 * tmp_sweep - count them, and remove them where sweep is said. The caller holds the store's exclusive lock.
 * imagefs_fd  the store's imagefs/
 * bytes       receives what goes with them: lengths of files that have no name elsewhere (st_size)
 * returns     how many
 */
unsigned tmp_sweep(int imagefs_fd, bool sweep, uint64_t *bytes);

#endif
