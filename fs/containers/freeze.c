/*
 * One thread for each file that is held.
 */
#include "fs/containers/freeze.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "fs/core/session.h"
#include "fs/live/live.h"
#include "fs/live/node.h"
#include "fs/live/passthrough.h"
#include "store/container/container.h"

/* Callers cannot set it: store/container/upper.h. */
#define HOLD_XATTR "user.imagefs.hold"

/* Files held at once. */
#define HOLDS_MAX 8192

/*
 * A rename of one file onto another takes the locks of both. Where it has the first and a hold has
 * the second, each waits for the other. So all holds are released after a timeout, and tried again
 * after a longer one, which must finally exceed the time of a write or an fsync(2).
 */
#define FIRST_TIMEOUT_MS 100
#define TRIES 10

#define STACK (64u << 10)

enum hold_state { HOLD_WANTED, HOLD_HELD, HOLD_GONE, HOLD_FAILED };

struct file_hold {
	struct node *node; /* with a reference */
	pthread_t thread;
	bool started;
	pid_t tid;
	enum hold_state state;
	fuse_req_t req; /* HOLD_HELD */
};

struct freeze {
	struct file_hold *v;
	size_t n;
};

/* The states of all holds. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t moved = PTHREAD_COND_INITIALIZER;

static void set_state(struct file_hold *h, enum hold_state state)
{
	pthread_mutex_lock(&lock);
	if (h->state == HOLD_WANTED)
		h->state = state;
	pthread_cond_broadcast(&moved);
	pthread_mutex_unlock(&lock);
}

/*
 * FILEID_INO64_GEN of linux/exportfs.h: by this handle the kernel finds a file of FUSE, as for an
 * NFS server.
 */
#define HANDLE_TYPE 0x81

struct node_handle {
	struct file_handle head;
	uint32_t nodeid_high, nodeid_low, generation;
};

/* The file, opened in the mount without a name; -ESTALE: the kernel has forgotten it. */
static int open_in_mount(const struct node *n)
{
	const struct session *session = n->live->nodes->session;
	uint64_t id = (uintptr_t)n;
	struct node_handle h = { .head = { .handle_bytes = 3 * sizeof(uint32_t),
					   .handle_type = HANDLE_TYPE },
				 .nodeid_high = (uint32_t)(id >> 32),
				 .nodeid_low = (uint32_t)id };
	_cleanup_close_ int fd =
		open(session_mountpoint(session), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct stat st;
	int file;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	/* In this mount namespace another tree may be mounted there. */
	if (st.st_dev != session_device(session))
		return -EXDEV;
	file = open_by_handle_at(fd, &h.head, O_PATH | O_CLOEXEC);
	return file < 0 ? -errno : file;
}

static void *hold(void *arg)
{
	struct file_hold *h = arg;
	char path[48];
	int fd;

	/*
	 * A call into the daemon's own mount ends only with its answer, even after SIGKILL. If this
	 * thread also had the connection open, the connection would survive the daemon, and the
	 * call would never end.
	 */
	fd = close_range(3, ~0u, CLOSE_RANGE_UNSHARE) < 0 ? -errno : open_in_mount(h->node);
	if (fd < 0) {
		set_state(h, fd == -ESTALE ? HOLD_GONE : HOLD_FAILED);
		return NULL;
	}
	/* Not "self": this thread has descriptors of its own. */
	snprintf(path, sizeof(path), "/proc/thread-self/fd/%d", fd);
	pthread_mutex_lock(&lock);
	h->tid = gettid();
	pthread_mutex_unlock(&lock);
	/* Returns after the thaw. If it returns at once, nothing is held. */
	setxattr(path, HOLD_XATTR, "", 0, 0);
	close(fd);
	set_state(h, HOLD_FAILED);
	return NULL;
}

bool freeze_take(fuse_req_t req, struct node *n, const char *name)
{
	bool taken = false;
	size_t i;

	if (strcmp(name, HOLD_XATTR) != 0 || !n->live)
		return false;
	pthread_mutex_lock(&lock);
	for (i = 0; n->live->freeze && i < n->live->freeze->n && !taken; i++) {
		struct file_hold *h = &n->live->freeze->v[i];

		if (h->node != n || h->tid != fuse_req_ctx(req)->pid || h->state != HOLD_WANTED)
			continue;
		h->req = req;
		h->state = HOLD_HELD;
		taken = true;
	}
	pthread_cond_broadcast(&moved);
	pthread_mutex_unlock(&lock);
	return taken;
}

/* The files with passthrough opens that may write, each with a reference. */
static int collect(struct live *live, struct freeze *p)
{
	struct nodes *t = live->nodes;
	const struct map_slot *s;
	size_t i = 0;
	int r = 0;

	pthread_mutex_lock(&t->lock);
	while (r == 0 && (s = map_next(&t->by_ino, &i))) {
		struct node *n = s->value;

		if (n->live != live || !n->opens.writers)
			continue;
		if (p->n == HOLDS_MAX) {
			r = -EBUSY;
			break;
		}
		n->lookups++;
		p->v[p->n++] = (struct file_hold){ .node = n };
	}
	pthread_mutex_unlock(&t->lock);
	return r;
}

static int start(struct freeze *p)
{
	pthread_attr_t attr;
	sigset_t all, old;
	size_t i;
	int r = 0;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK);
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &old);
	for (i = 0; i < p->n && r == 0; i++) {
		r = -pthread_create(&p->v[i].thread, &attr, hold, &p->v[i]);
		p->v[i].started = r == 0;
	}
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	pthread_attr_destroy(&attr);
	return r;
}

static int wait_for_all(struct freeze *p, unsigned ms)
{
	struct timespec end;
	int r = 0;
	size_t i = 0;

	clock_gettime(CLOCK_REALTIME, &end);
	end.tv_nsec += (long)(ms % 1000) * 1000000;
	end.tv_sec += ms / 1000 + end.tv_nsec / 1000000000;
	end.tv_nsec %= 1000000000;
	pthread_mutex_lock(&lock);
	while (i < p->n && r == 0) {
		if (p->v[i].state == HOLD_WANTED)
			r = -pthread_cond_timedwait(&moved, &lock, &end);
		else if (p->v[i++].state == HOLD_FAILED)
			r = -EBUSY;
	}
	pthread_mutex_unlock(&lock);
	return r;
}

/* How long a thread may take to end. */
#define RETURN_SECONDS 2

/*
 * End the holds of a freeze that the container no longer has. All threads of the session may wait
 * for the thaw that follows this call, so that none answers a pending setxattr(2). Its thread is
 * then left alone with its memory; the call fails when a thread is free again.
 */
static void finish(struct nodes *t, struct freeze *p)
{
	struct timespec end;
	bool left = false;
	size_t i;

	for (i = 0; i < p->n; i++)
		if (p->v[i].state == HOLD_HELD)
			fuse_reply_err(p->v[i].req, ENOTSUP);
	clock_gettime(CLOCK_REALTIME, &end);
	end.tv_sec += RETURN_SECONDS;
	for (i = 0; i < p->n; i++) {
		if (p->v[i].started && pthread_timedjoin_np(p->v[i].thread, NULL, &end)) {
			pthread_detach(p->v[i].thread);
			left = true;
			continue;
		}
		node_forget(t, p->v[i].node, 1);
	}
	if (left)
		return;
	free(p->v);
	free(p);
}

static struct freeze *take_out(struct live *live, bool all)
{
	struct freeze *p = NULL;

	pthread_mutex_lock(&live->passthrough->lock);
	if (live->still)
		live->still = all ? 0 : live->still - 1;
	pthread_mutex_lock(&lock);
	if (!live->still)
		p = TAKE_PTR(live->freeze);
	pthread_mutex_unlock(&lock);
	pthread_mutex_unlock(&live->passthrough->lock);
	return p;
}

/* -ETIMEDOUT: not all in this time; nothing is held. */
static int hold_all(struct live *live, unsigned ms)
{
	struct freeze *p = calloc(1, sizeof(*p));
	int r;

	if (p)
		p->v = calloc(HOLDS_MAX, sizeof(*p->v));
	if (!p || !p->v) {
		free(p);
		return -ENOMEM;
	}
	r = collect(live, p);
	pthread_mutex_lock(&lock);
	live->freeze = p;
	pthread_mutex_unlock(&lock);
	if (r == 0)
		r = start(p);
	if (r == 0)
		r = wait_for_all(p, ms);
	if (r == 0)
		return 0;
	pthread_mutex_lock(&lock);
	live->freeze = NULL;
	pthread_mutex_unlock(&lock);
	finish(live->nodes, p);
	return r;
}

int freeze_begin(struct live *live, struct err *err)
{
	unsigned i;
	bool first;
	int r = -ETIMEDOUT;

	pthread_mutex_lock(&live->passthrough->lock);
	first = !live->still++;
	pthread_mutex_unlock(&live->passthrough->lock);
	if (!first || !passthrough_is_on(live->passthrough))
		return 0;
	for (i = 0; i < TRIES && r == -ETIMEDOUT; i++)
		r = hold_all(live, FIRST_TIMEOUT_MS << i);
	if (r == 0)
		return 0;
	freeze_end(live);
	return r == -ENOMEM ? err_nomem(err)
			    : err_set(err, EBUSY,
				      "container %s is in use: files that are being written cannot "
				      "be held",
				      live->name);
}

void freeze_end(struct live *live)
{
	struct freeze *p = take_out(live, false);

	if (p)
		finish(live->nodes, p);
}

void freeze_drop(struct live *live)
{
	struct freeze *p = take_out(live, true);

	if (p)
		finish(live->nodes, p);
}
