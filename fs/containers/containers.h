/*
 * The tree DIR/containers: every container of the store, writable.
 */
#ifndef FS_CONTAINERS_CONTAINERS_H
#define FS_CONTAINERS_CONTAINERS_H

#include "base/err.h"

struct containers;
struct fs;
struct live_table;
struct session;
struct session_ops;

/* What session_open() needs; the operations' userdata is a struct containers. */
extern const struct session_ops containers_session;

/* containers_new - fs is borrowed. Released with containers_free() after its session. */
int containers_new(struct fs *fs, struct containers **out, struct err *err) MUST_CHECK;
void containers_free(struct containers *c);

/* containers_attach - the session that shows it, for notifications; before session_start(). */
void containers_attach(struct containers *c, struct session *s);

/* containers_ready - the session is ready: find out whether the kernel has passthrough. */
void containers_ready(struct containers *c);

/* containers_table - for what the daemon's main thread asks of it; borrowed. NULL: NULL. */
struct live_table *containers_table(struct containers *c);

#endif
