/* A new file's contents reach the disk before its name. */
#ifndef STORE_DISK_SYNC_H
#define STORE_DISK_SYNC_H

#include <stdbool.h>

#include "base/err.h"

/*
 * sync_is_ordered - true if on the file system of fd (ext4 with a journal, xfs), contents that
 * have been written out are on the disk before any later directory change. False if unknown.
 */
bool sync_is_ordered(int fd);

/*
 * sync_before_rename - sync an open file before it gets its name: after a power failure, the name
 * leads to the complete contents. 0 or -errno.
 * ordered  from sync_is_ordered(): the contents are written out without waiting for a journal
 */
int sync_before_rename(int fd, bool ordered) MUST_CHECK;

#endif
