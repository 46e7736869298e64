/*
 * Removal of what killed processes left in imagefs/tmp. A process that creates a directory there
 * locks it or holds the store's lock. So under the exclusive lock, a directory that can be locked
 * has no owner.
 */
#ifndef STORE_DISK_TMP_SWEEP_H
#define STORE_DISK_TMP_SWEEP_H

#include <stdbool.h>
#include <stdint.h>

/*
 * tmp_sweep - count abandoned directories and, if sweep is true, remove them. The caller holds
 * the store's exclusive lock.
 * imagefs_fd  the store's imagefs/
 * bytes       receives the size (st_size) of files that have no other link
 * returns     their number
 */
unsigned tmp_sweep(int imagefs_fd, bool sweep, uint64_t *bytes);

#endif
