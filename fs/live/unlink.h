/*
 * What a node needs when one of its names goes, by unlink, rmdir or a rename that replaces it. ns
 * is held for writing.
 */
#ifndef FS_LIVE_UNLINK_H
#define FS_LIVE_UNLINK_H

#include "base/err.h"

struct node;

/*
 * unlink_prepare - before the name goes: pin the node, as the name may be the last way to it. NULL:
 * nothing to do. 0 or -errno; where the name stays after all, node_unpin() is the way back.
 */
int unlink_prepare(struct node *n) MUST_CHECK;

/* unlink_done - the name is gone: the node goes on with another one, or is dead. */
void unlink_done(struct node *n, struct node *dir, const char *name);

#endif
