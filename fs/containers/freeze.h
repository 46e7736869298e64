/*
 * The write freeze for passthrough: while a container is frozen, writes that bypass the daemon
 * block as well.
 *
 * A passthrough write sends no request (fs/live/passthrough.h), but the kernel takes the inode's
 * lock for it, and it holds the same lock until a setxattr(2) of that inode is answered. So for
 * each file that may be written this way a thread calls setxattr(2) through the mount, and the
 * answer waits for the thaw. Writes through shared mmap(2)s cannot be blocked.
 */
#ifndef FS_CONTAINERS_FREEZE_H
#define FS_CONTAINERS_FREEZE_H

#include <fuse_lowlevel.h>
#include <stdbool.h>

#include "base/err.h"

struct live;
struct node;

/*
 * freeze_begin - start no passthrough for further files of the container, and block writes through
 * those that have it, until freeze_end(). Called before gate_freeze(), as it needs look-ups. Each
 * success needs one freeze_end().
 * errors  -EBUSY a file could not be held
 * threads the daemon's main thread only
 */
int freeze_begin(struct live *live, struct err *err) MUST_CHECK;
void freeze_end(struct live *live);

/* freeze_drop - end all freezes of a container that goes. */
void freeze_drop(struct live *live);

/*
 * freeze_take - true if this setxattr is from a thread of freeze_begin(); it is answered at the
 * thaw.
 */
bool freeze_take(fuse_req_t req, struct node *n, const char *name);

#endif
