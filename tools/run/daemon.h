/*
 * Where the daemon, mount.imagefs, is installed.
 */
#ifndef TOOLS_RUN_DAEMON_H
#define TOOLS_RUN_DAEMON_H

struct buf;
struct err;

/* daemon_path - append the path of mount.imagefs; -ENOENT. */
int daemon_path(struct buf *out, struct err *err);

#endif
