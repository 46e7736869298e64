/* The commands' side of the control socket: one connection, one line, one answer. */
#include "store/mounts.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/beneath.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/log.h"
#include "store/store.h"

/* A daemon that does not answer within this is not waited for any longer. */
#define ANSWER_SECONDS 60

/* How often, 10 ms apart, a daemon that is ending is asked whether it has ended. */
#define ENDING_TRIES 100

/* A path of a socket may have 107 bytes only; through the descriptor of its directory it is short. */
int mounts_address(int dirfd, const char *name, struct sockaddr_un *out)
{
	int n;

	memset(out, 0, sizeof(*out));
	out->sun_family = AF_UNIX;
	n = snprintf(out->sun_path, sizeof(out->sun_path), "/proc/self/fd/%d/%s", dirfd, name);
	return n < 0 || (size_t)n >= sizeof(out->sun_path) ? -ENAMETOOLONG : 0;
}

static bool is_socket_name(const char *name)
{
	return *name && strspn(name, "0123456789") == strlen(name);
}

/* A connection, or -errno; a socket that nobody listens on is removed. */
static int dial(const struct store *s, int dirfd, const char *name)
{
	struct timeval limit = { .tv_sec = ANSWER_SECONDS };
	_cleanup_close_ int fd = -1;
	struct sockaddr_un address;
	int r;

	r = mounts_address(dirfd, name, &address);
	if (r < 0)
		return r;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
		r = -errno;
		if (r == -ECONNREFUSED && !s->read_only)
			unlinkat(dirfd, name, 0);
		return r;
	}
	return TAKE_FD(fd);
}

/* One request, one line of answer. -ECONNRESET: the daemon ended meanwhile. */
static int ask(int fd, const char *verb, const char *arg, char *answer, size_t size)
{
	char line[512];
	size_t have = 0;
	int n;

	n = snprintf(line, sizeof(line), "%s%s%s\n", verb, arg ? " " : "", arg ? arg : "");
	if (n < 0 || (size_t)n >= sizeof(line))
		return -ENAMETOOLONG;
	if (send(fd, line, (size_t)n, MSG_NOSIGNAL) != n)
		return errno == EPIPE ? -ECONNRESET : -errno;
	for (;;) {
		ssize_t got = recv(fd, answer + have, size - 1 - have, 0);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return errno == EAGAIN ? -ETIMEDOUT : -errno;
		if (got == 0)
			return -ECONNRESET;
		have += (size_t)got;
		answer[have] = '\0';
		if (answer[have - 1] == '\n') {
			answer[have - 1] = '\0';
			return 0;
		}
		if (have == size - 1)
			return -EPROTO;
	}
}

/*
 * What use() makes of one daemon. One that ends during the conversation
 * (-ECONNRESET) is dialled until it is gone, so that its socket goes with it.
 */
static int use_one(const struct store *s, int dirfd, const char *name,
		   int (*use)(int fd, void *arg), void *arg)
{
	const struct timespec pause = { .tv_nsec = 10 * 1000 * 1000 };
	int tries, r;

	for (tries = 0; tries < ENDING_TRIES; tries++) {
		int fd = dial(s, dirfd, name);

		if (fd < 0) {
			log_debug("mounts/%s: %s", name, strerror(-fd));
			return 0;
		}
		r = use(fd, arg);
		if (r != -ECONNRESET)
			return r;
		nanosleep(&pause, NULL);
	}
	return 0;
}

/* Calls use(fd, arg) with a connection to each daemon; it owns fd, and returns non-zero to stop. */
static int for_each(struct store *s, int (*use)(int fd, void *arg), void *arg)
{
	_cleanup_closedir_ DIR *d = NULL;
	int dirfd = beneath_dir(s->imagefs_fd, "mounts");
	struct dirent *e;
	int r = 0;

	if (dirfd < 0)
		return 0;
	d = fdopendir(dirfd);
	if (!d) {
		close(dirfd);
		return 0;
	}
	while (r == 0 && (e = readdir(d)))
		if (is_socket_name(e->d_name))
			r = use_one(s, dirfd, e->d_name, use, arg);
	return r;
}

static int refresh_one(int sock, void *arg)
{
	_cleanup_close_ int fd = sock;
	char answer[512];
	int r = ask(fd, "refresh", NULL, answer, sizeof(answer));

	(void)arg;
	if (r < 0 && r != -ECONNRESET)
		log_warn("a mount of this store does not answer: %s", strerror(-r));
	return r == -ECONNRESET ? r : 0;
}

void mounts_refresh(struct store *s)
{
	for_each(s, refresh_one, NULL);
}

static int greet(int sock, void *arg)
{
	_cleanup_close_ int fd = sock;
	char answer[PATH_MAX + 2];

	(void)arg;
	return ask(fd, "where", NULL, answer, sizeof(answer)) == -ECONNRESET ? -ECONNRESET : 0;
}

void mounts_sweep(struct store *s)
{
	for_each(s, greet, NULL);
}

struct request {
	const char *container;
	int *fds;
	unsigned n;
	struct err *err;
};

/* "ok", or what the daemon says: "error TEXT". */
static int judge(int r, const char *answer, struct err *err)
{
	/* A daemon that has just ended holds nothing. */
	if (r == -ECONNRESET)
		return r;
	if (r < 0)
		return err_sys(err, -r, "a mount of this store does not answer");
	if (strcmp(answer, "ok") == 0)
		return 0;
	return err_set(err, EBUSY, "%s", strncmp(answer, "error ", 6) == 0 ? answer + 6 : answer);
}

static int freeze_one(int sock, void *arg)
{
	_cleanup_close_ int fd = sock;
	struct request *q = arg;
	char answer[512];
	int *fds, r;

	r = judge(ask(fd, "freeze", q->container, answer, sizeof(answer)), answer, q->err);
	if (r < 0)
		return r;
	fds = realloc(q->fds, (q->n + 1) * sizeof(*fds));
	if (!fds)
		return err_nomem(q->err);
	q->fds = fds;
	q->fds[q->n++] = TAKE_FD(fd);
	return 0;
}

int mounts_freeze(struct store *s, const char *container, int **fds, unsigned *n, struct err *err)
{
	struct request q = { .container = container, .err = err };
	int r = for_each(s, freeze_one, &q);

	if (r < 0) {
		mounts_thaw(q.fds, q.n);
		return r;
	}
	*fds = q.fds;
	*n = q.n;
	return 0;
}

void mounts_thaw(int *fds, unsigned n)
{
	while (n > 0)
		close(fds[--n]);
	free(fds);
}

static int close_one(int sock, void *arg)
{
	_cleanup_close_ int fd = sock;
	struct request *q = arg;
	char answer[512];

	return judge(ask(fd, "close", q->container, answer, sizeof(answer)), answer, q->err);
}

int mounts_close(struct store *s, const char *container, struct err *err)
{
	struct request q = { .container = container, .err = err };

	return for_each(s, close_one, &q);
}

static int follow_one(int sock, void *arg)
{
	_cleanup_close_ int fd = sock;
	struct request *q = arg;
	char answer[512];
	int r = ask(fd, "follow", q->container, answer, sizeof(answer));

	if (r == 0 && strcmp(answer, "none") == 0)
		return 0;
	r = judge(r, answer, q->err);
	return r < 0 ? r : 1;
}

int mounts_follow(struct store *s, const char *container, struct err *err)
{
	struct request q = { .container = container, .err = err };

	return for_each(s, follow_one, &q);
}

struct search {
	const char *dir;
	int pidfd;
};

static int find_one(int sock, void *arg)
{
	_cleanup_close_ int fd = sock;
	struct search *q = arg;
	struct ucred peer;
	socklen_t len = sizeof(peer);
	char answer[PATH_MAX + 2];
	int r = ask(fd, "where", NULL, answer, sizeof(answer));

	if (r < 0 || strcmp(answer, q->dir) != 0 ||
	    getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0)
		return r == -ECONNRESET ? r : 0;
	q->pidfd = (int)syscall(SYS_pidfd_open, peer.pid, 0);
	return 1;
}

int mounts_find(struct store *s, const char *dir)
{
	struct search q = { .dir = dir, .pidfd = -ENOENT };

	for_each(s, find_one, &q);
	return q.pidfd;
}

int mounts_of_dir(const char *dir)
{
	_cleanup_close_ int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct flock l = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	int pidfd;

	if (fd < 0 || fcntl(fd, F_GETLK, &l) < 0)
		return -errno;
	if (l.l_type == F_UNLCK || l.l_pid <= 0)
		return -ENOENT;
	pidfd = (int)syscall(SYS_pidfd_open, l.l_pid, 0);
	return pidfd < 0 ? -errno : pidfd;
}

struct dirs {
	char **v;
	size_t n;
};

static int note_dir(int sock, void *arg)
{
	_cleanup_close_ int fd = sock;
	struct dirs *d = arg;
	char answer[PATH_MAX + 2], **v;
	int r = ask(fd, "where", NULL, answer, sizeof(answer));

	if (r < 0)
		return r == -ECONNRESET ? r : 0;
	v = realloc(d->v, (d->n + 2) * sizeof(*v));
	if (!v)
		return -ENOMEM;
	d->v = v;
	v[d->n] = strdup(answer);
	v[d->n + 1] = NULL;
	return v[d->n++] ? 0 : -ENOMEM;
}

char **mounts_dirs(struct store *s)
{
	struct dirs d = { .v = calloc(1, sizeof(*d.v)) };

	if (d.v && for_each(s, note_dir, &d) < 0) {
		mounts_dirs_free(d.v);
		return NULL;
	}
	return d.v;
}

void mounts_dirs_free(char **dirs)
{
	size_t i;

	for (i = 0; dirs && dirs[i]; i++)
		free(dirs[i]);
	free(dirs);
}
