/*
 * Passthrough: what is read from, written to or mapped of an open file goes from the
 * kernel to the file in the upper directory, without us.
 *
 * The kernel takes one file of ours for all opens of an inode at a time, and does not mix them
 * with opens that it serves from its own pages: whoever comes first says how an
 * inode is used until its last user is gone. What we count is never less than
 * what the kernel counts: before an open is answered, and after a release came.
 *
 * It needs CAP_SYS_ADMIN, a kernel from 6.9 and a store on a file system that is itself no stack;
 * a probe decides.
 */
#ifndef FS_LIVE_PASSTHROUGH_H
#define FS_LIVE_PASSTHROUGH_H

#include <pthread.h>
#include <stdbool.h>

struct file;
struct node;
struct session;
struct store;

struct passthrough {
	pthread_mutex_t lock;
	int dev; /* the connection */
	bool on; /* atomic: the daemon's main thread sets it while others read */
};

void passthrough_init(struct passthrough *t);
void passthrough_fini(struct passthrough *t);

/* passthrough_start - find out whether it can be had, and say so in the log. */
void passthrough_start(struct passthrough *t, const struct session *s, const struct store *store);

static inline bool passthrough_is_on(const struct passthrough *t)
{
	return __atomic_load_n(&t->on, __ATOMIC_ACQUIRE);
}

/*
 * passthrough_open - how f, which is being opened, shall be used; passthrough_close() is its end.
 * backing     what to answer with (session_reply_backing()), where f->through is set
 * keep_pages  the kernel's own pages of it are right
 * direct      what is read and written shall come to us in spite of it
 */
void passthrough_open(struct passthrough *t, struct file *f, int *backing, bool *keep_pages,
		      bool *direct);
void passthrough_close(struct passthrough *t, struct file *f);

/* passthrough_has_writers - may somebody write to it, one way or the other? */
bool passthrough_has_writers(struct passthrough *t, const struct node *n);

#endif
