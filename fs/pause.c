/*
 * One thread for each file that is held.
 */
#include "fs/pause.h"

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
#include "fs/ct.h"
#include "fs/ops.h"
#include "fs/session.h"
#include "store/container.h"

/* Nobody else can set it: store/upper.h. */
#define HOLD_XATTR "user.imagefs.hold"

/* Files held at once, and how long the kernel may take to give one to us. */
#define HOLDS_MAX 2048
#define HOLD_SECONDS 60

#define STACK (64u << 10)

/* How often a name that moved away meanwhile is looked for again. */
#define TRIES 100

enum hold_state { HOLD_WANTED, HOLD_HELD, HOLD_GONE, HOLD_FAILED };

struct file_hold {
	struct containers *c;
	struct node *node; /* with one of the kernel's references */
	pthread_t thread;
	bool started;
	pid_t tid;
	enum hold_state state;
	fuse_req_t req; /* HOLD_HELD */
};

struct pause {
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

/* Down from the mount to the file, or -errno: it is somewhere else by now. */
static int open_in_mount(struct containers *c, struct node *n)
{
	_cleanup_free_ char *path = node_path(&c->nodes, n);
	_cleanup_close_ int fd =
		open(session_mountpoint(c->session), O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct stat st;
	char *name, *save = NULL;

	if (!path)
		return -ENOENT;
	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	/* Another tree may be mounted there, in our eyes. */
	if (st.st_dev != c->dev)
		return -EXDEV;
	for (name = strtok_r(path, "/", &save); name; name = strtok_r(NULL, "/", &save)) {
		int next = openat(fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);

		if (next < 0)
			return -errno;
		close(fd);
		fd = next;
	}
	if (fstat(fd, &st) < 0)
		return -errno;
	return st.st_ino == n->ino ? TAKE_FD(fd) : -ENOENT;
}

static void *hold(void *arg)
{
	struct file_hold *h = arg;
	unsigned tries;
	char path[40];
	int fd = -ENOENT;

	/*
	 * A call into our own mount does not end before it is answered, killed or not; a thread that has
	 * the connection open as well would keep a killed daemon, and with it the call, for ever.
	 */
	if (close_range(3, ~0u, CLOSE_RANGE_UNSHARE) < 0) {
		set_state(h, HOLD_FAILED);
		return NULL;
	}
	for (tries = 0; fd < 0 && tries < TRIES; tries++) {
		fd = open_in_mount(h->c, h->node);
		if (fd < 0 && h->node->dead) {
			set_state(h, HOLD_GONE);
			return NULL;
		}
	}
	if (fd >= 0) {
		/* Not "self": that has the descriptors of all the others. */
		snprintf(path, sizeof(path), "/proc/thread-self/fd/%d", fd);
		pthread_mutex_lock(&lock);
		h->tid = gettid();
		pthread_mutex_unlock(&lock);
		/* Comes back when the pause is over. */
		setxattr(path, HOLD_XATTR, "", 0, 0);
		close(fd);
	}
	/* Where it came back at once, it was not held. */
	set_state(h, HOLD_FAILED);
	return NULL;
}

bool pause_take(struct containers *c, fuse_req_t req, struct node *n, const char *name)
{
	bool taken = false;
	size_t i;

	if (strcmp(name, HOLD_XATTR) != 0 || !n->ct)
		return false;
	(void)c;
	pthread_mutex_lock(&lock);
	for (i = 0; n->ct->pause && i < n->ct->pause->n && !taken; i++) {
		struct file_hold *h = &n->ct->pause->v[i];

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

/* What is passed through and can be written to, each with a reference. */
static int collect(struct containers *c, struct ct *ct, struct pause *p)
{
	const struct map_slot *s;
	size_t i = 0;
	int r = 0;

	pthread_mutex_lock(&c->nodes.lock);
	while (r == 0 && (s = map_next(&c->nodes.by_ino, &i))) {
		struct node *n = s->value;

		if (n->ct != ct || !n->opens.writers)
			continue;
		if (p->n == HOLDS_MAX) {
			r = -EBUSY;
			break;
		}
		n->lookups++;
		p->v[p->n++] = (struct file_hold){ .c = c, .node = n };
	}
	pthread_mutex_unlock(&c->nodes.lock);
	return r;
}

static int start(struct pause *p)
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

static int wait_for_all(struct pause *p)
{
	struct timespec end;
	int r = 0;
	size_t i = 0;

	clock_gettime(CLOCK_REALTIME, &end);
	end.tv_sec += HOLD_SECONDS;
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

/* The container has it no more. */
static void finish(struct containers *c, struct pause *p)
{
	size_t i;

	for (i = 0; i < p->n; i++)
		if (p->v[i].state == HOLD_HELD)
			fuse_reply_err(p->v[i].req, ENOTSUP);
	for (i = 0; i < p->n; i++) {
		if (p->v[i].started)
			pthread_join(p->v[i].thread, NULL);
		node_forget(&c->nodes, p->v[i].node, 1);
	}
	free(p->v);
	free(p);
}

static struct pause *take_out(struct containers *c, struct ct *ct, bool all)
{
	struct pause *p = NULL;

	pthread_mutex_lock(&c->through.lock);
	if (ct->still)
		ct->still = all ? 0 : ct->still - 1;
	pthread_mutex_lock(&lock);
	if (!ct->still)
		p = TAKE_PTR(ct->pause);
	pthread_mutex_unlock(&lock);
	pthread_mutex_unlock(&c->through.lock);
	return p;
}

int pause_begin(struct containers *c, struct ct *ct, struct err *err)
{
	struct pause *p;
	bool first;
	int r;

	pthread_mutex_lock(&c->through.lock);
	first = !ct->still++;
	pthread_mutex_unlock(&c->through.lock);
	if (!first || !c->through.on)
		return 0;
	p = calloc(1, sizeof(*p));
	if (p)
		p->v = calloc(HOLDS_MAX, sizeof(*p->v));
	if (!p || !p->v) {
		free(p);
		take_out(c, ct, false);
		return err_nomem(err);
	}
	r = collect(c, ct, p);
	pthread_mutex_lock(&lock);
	ct->pause = p;
	pthread_mutex_unlock(&lock);
	if (r == 0)
		r = start(p);
	if (r == 0)
		r = wait_for_all(p);
	if (r == 0)
		return 0;
	pause_end(c, ct);
	return err_set(err, EBUSY,
		       "container %s is in use: files that are being written cannot be held",
		       ct->name);
}

void pause_end(struct containers *c, struct ct *ct)
{
	struct pause *p = take_out(c, ct, false);

	if (p)
		finish(c, p);
}

void pause_drop(struct containers *c, struct ct *ct)
{
	struct pause *p = take_out(c, ct, true);

	if (p)
		finish(c, p);
}
