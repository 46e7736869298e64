/*
 * The control socket, through which commands tell the daemon that the store changed
 * (store/disk/mounts.h has the requests), and inotify for changes by other tools.
 */
#ifndef FS_CONTROL_H
#define FS_CONTROL_H

#include <stdbool.h>

#include "base/err.h"

struct control;
struct images;
struct live_table;
struct store;

/*
 * control_open - listen. Requests wait until control_attach().
 * where   the directory that is mounted; borrowed
 */
int control_open(struct store *s, const char *where, struct control **out,
		 struct err *err) MUST_CHECK;

/* control_attach - set the trees that requests concern; either may be NULL. */
void control_attach(struct control *c, struct images *im, struct live_table *containers);

/* control_fd - readable when control_handle() has something to do. */
int control_fd(const struct control *c) MUST_CHECK;

/* control_handle - handle pending requests. Called by the main thread, which holds no locks. */
void control_handle(struct control *c);

/* control_wants_end - an unmount was requested. */
bool control_wants_end(const struct control *c);

/* control_close - remove the socket; connections stay until control_free(). */
void control_close(struct control *c);
void control_free(struct control *c);

#endif
