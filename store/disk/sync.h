/*
 * A new file's contents reach the disk before its name.
 */
#ifndef STORE_DISK_SYNC_H
#define STORE_DISK_SYNC_H

#include <stdbool.h>

/*
 * sync_is_ordered - of the file system of fd: once a file's contents have been written out, no later change of a
 * directory comes to the disk without them. ext4 with a journal, xfs; false where it cannot be told.
 */
bool sync_is_ordered(int fd);

/*
 * settle - before an open file gets its name: whatever the power does, the name leads to all that was written.
 * ordered  sync_is_ordered(): then the contents are written out, but no journal is waited for
 */
int sync_before_rename(int fd, bool ordered);

#endif
