/*
 * A new file's contents reach the disk before its name.
 */
#ifndef BASE_SETTLE_H
#define BASE_SETTLE_H

#include <stdbool.h>

/*
 * settle_is_ordered - of the file system of fd: a file's contents that have begun to be written are on the disk before
 * what is done to any directory after that. ext4 with a journal in its usual mode; false where it cannot be told.
 */
bool settle_is_ordered(int fd);

/*
 * settle - before an open file gets its name: whatever the power does, the name leads to all that was written.
 * ordered  settle_is_ordered(): then nothing is waited for
 */
int settle(int fd, bool ordered);

#endif
