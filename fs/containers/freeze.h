/*
 * Writers held still: while a container is frozen, nobody writes to its files past us either.
 *
 * A write that is passed through does not ask us (fs/live/passthrough.h), but the kernel takes the
 * inode's lock around it; and it holds that lock while we answer a setxattr(2) of the same
 * inode. So a thread of ours calls that for each such file through the mount, and its answer waits
 * for the thaw. Who writes through a shared mapping is not held, as nothing in the kernel would
 * hold him.
 */
#ifndef FS_CONTAINERS_FREEZE_H
#define FS_CONTAINERS_FREEZE_H

#include <fuse_lowlevel.h>
#include <stdbool.h>

struct err;
struct live;
struct node;

/*
 * freeze_begin - from now on no file of the container that is not passed through yet will be, and
 * writes to those that are wait for freeze_end(). Before gate_freeze(): look-ups and
 * changes still go on. Each freeze_begin() that came to a good end has its freeze_end().
 * errors  -EBUSY a file could not be held
 * threads the daemon's main thread alone
 */
int freeze_begin(struct live *live, struct err *err);
void freeze_end(struct live *live);

/* freeze_drop - all of them end: the container goes. */
void freeze_drop(struct live *live);

/* freeze_take - true where this setxattr is one of ours: it is answered when the pause ends. */
bool freeze_take(fuse_req_t req, struct node *n, const char *name);

#endif
