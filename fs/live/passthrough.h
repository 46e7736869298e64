/*
 * Passthrough: the kernel reads, writes and maps the file in the upper directory itself, without
 * requests to the daemon.
 *
 * All passthrough opens of an inode share one upper file, and the kernel does not mix them with
 * opens that use its page cache. So the first open decides for all, until the last one ends. An
 * open is counted before it is answered, and until its release has come, so that the daemon never
 * counts fewer than the kernel.
 *
 * It needs Linux 6.9, CAP_SYS_ADMIN, and a store on a file system that is not stacked. A probe at
 * the start tells.
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
	bool on; /* supported; atomic: set by the daemon's main thread while others read */
};

void passthrough_init(struct passthrough *t);
void passthrough_fini(struct passthrough *t);

/* passthrough_start - probe for support, and log the result. */
void passthrough_start(struct passthrough *t, const struct session *s, const struct store *store);

static inline bool passthrough_is_on(const struct passthrough *t)
{
	return __atomic_load_n(&t->on, __ATOMIC_ACQUIRE);
}

/*
 * passthrough_open - decide whether f, which is being opened, uses passthrough; passthrough_close()
 * is its end.
 * backing     the handle to answer with (session_reply_backing()), if f->passthrough is set
 * keep_pages  the kernel's page cache of the file is valid
 * direct      answer with direct I/O: reads and writes become requests in spite of passthrough
 */
void passthrough_open(struct passthrough *t, struct file *f, int *backing, bool *keep_pages,
		      bool *direct);
void passthrough_close(struct passthrough *t, struct file *f);

/* passthrough_has_writers - is the file open for writing, with or without passthrough? */
bool passthrough_has_writers(struct passthrough *t, const struct node *n);

#endif
