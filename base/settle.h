/*
 * A new file's contents reach the disk before its name.
 */
#ifndef BASE_SETTLE_H
#define BASE_SETTLE_H

#include <stdbool.h>

/*
 * settle_is_ordered - of the file system of fd: once a file's contents have been written out, no later change of a
 * directory comes to the disk without them. ext4 with a journal, xfs; false where it cannot be told.
 */
bool settle_is_ordered(int fd);

/*
 * settle - before an open file gets its name: whatever the power does, the name leads to all that was written.
 * ordered  settle_is_ordered(): then the contents are written out, but no journal is waited for
 */
int settle(int fd, bool ordered);

#endif
