/*
 * Finds the daemon, mount.imagefs.
 */
#ifndef TOOLS_RUN_DAEMON_H
#define TOOLS_RUN_DAEMON_H

#include "base/err.h"

struct buf;

/* daemon_path - append the path of mount.imagefs; -ENOENT. */
int daemon_path(struct buf *out, struct err *err) MUST_CHECK;

#endif
