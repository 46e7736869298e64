/* The client side of the control socket: one connection, one request line, one reply. */
#include "store/disk/mounts.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/beneath.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/file.h"
#include "base/lock.h"
#include "base/log.h"
#include "base/text.h"
#include "store/disk/store.h"

/* Timeout of a reply. A stopped daemon is detected earlier. */
#define ANSWER_SECONDS 60
#define STOPPED_SECONDS 5
#define ANSWER_PARTS 8

/* Attempts, 10 ms apart, to reach a daemon that is terminating. */
#define ENDING_TRIES 100

/* A socket address is limited to 107 bytes; a path through /proc/self/fd is short. */
int mounts_address(int dirfd, const char *name, struct sockaddr_un *out)
{
	int n;

	memset(out, 0, sizeof(*out));
	out->sun_family = AF_UNIX;
	n = snprintf(out->sun_path, sizeof(out->sun_path), "/proc/self/fd/%d/%s", dirfd, name);
	return n < 0 || (size_t)n >= sizeof(out->sun_path) ? -ENAMETOOLONG : 0;
}

/*
 * connect(2) would follow a symbolic link to any socket. So the address names the opened socket
 * itself.
 */
int mounts_peer_address(int dirfd, const char *name, struct sockaddr_un *out)
{
	_cleanup_close_ int fd = beneath_open(dirfd, name, O_PATH, 0);
	struct stat st;

	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISSOCK(st.st_mode))
		return -ENOTSOCK;
	memset(out, 0, sizeof(*out));
	out->sun_family = AF_UNIX;
	snprintf(out->sun_path, sizeof(out->sun_path), "/proc/self/fd/%d", fd);
	return TAKE_FD(fd);
}

static bool is_socket_name(const char *name)
{
	return *name && strspn(name, "0123456789") == strlen(name);
}

/* Stopped by a signal or a debugger: state T or t in proc(5). */
static bool is_stopped(pid_t pid)
{
	struct buf text _cleanup_buf_ = BUF_INIT;
	char path[32];
	const char *state;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	if (pid <= 0 || file_read(AT_FDCWD, path, 4096, &text, NULL) < 0)
		return false;
	state = strrchr(buf_str(&text), ')');
	return state && (strncmp(state, ") T", 3) == 0 || strncmp(state, ") t", 3) == 0);
}

/* The peer's process ID; 0 if it is in another PID namespace. */
static pid_t peer_of(int fd)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0 ? 0 : peer.pid;
}

/* Connect to a daemon. A socket without a listener is removed. -EAGAIN: the backlog is full. */
static int dial(const struct store *s, int dirfd, const char *name)
{
	struct timeval step = { .tv_sec = 1 }, limit = { .tv_sec = STOPPED_SECONDS };
	struct sockaddr_un address;
	_cleanup_close_ int fd = -1, at = mounts_peer_address(dirfd, name, &address);
	int r;

	if (at < 0)
		return at;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &step, sizeof(step));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
		r = -errno;
		if (r == -ECONNREFUSED && !s->fixed)
			unlinkat(dirfd, name, 0);
		return r;
	}
	return TAKE_FD(fd);
}

/*
 * Send a request and read the line of the reply.
 * fd      from dial(); a negative one is returned
 * errors  -ECONNRESET the daemon exited; -ETIMEDOUT
 */
static int ask_quietly(int fd, const char *verb, const char *arg, char *answer, size_t size)
{
	char line[512];
	size_t have = 0;
	int n, seconds = 0, stopped = 0, parts = 0;

	if (fd < 0)
		return fd;
	n = snprintf(line, sizeof(line), "%s%s%s\n", verb, arg ? " " : "", arg ? arg : "");
	if (n < 0 || (size_t)n >= sizeof(line))
		return -ENAMETOOLONG;
	if (send(fd, line, (size_t)n, MSG_NOSIGNAL) != n)
		return errno == EPIPE ? -ECONNRESET : -errno;
	for (;;) {
		ssize_t got = recv(fd, answer + have, size - 1 - have, 0);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0 && errno == EAGAIN) {
			stopped = is_stopped(peer_of(fd)) ? stopped + 1 : 0;
			if (++seconds >= ANSWER_SECONDS || stopped >= STOPPED_SECONDS)
				return -ETIMEDOUT;
			continue;
		}
		if (got < 0)
			return -errno;
		if (got == 0)
			return -ECONNRESET;
		/*
		 * The reply is sent in one piece; a peer that sends small pieces must not block
		 * us forever.
		 */
		if (++parts > ANSWER_PARTS)
			return -EPROTO;
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

/* The same, reported: a command may wait long for a daemon. */
static int ask(int fd, const char *verb, const char *arg, char *answer, size_t size)
{
	double start = log_debugging ? log_ms() : 0;
	int r = ask_quietly(fd, verb, arg, answer, size);

	log_debug("mount of process %d: %s %s: %s, after %.0f ms", (int)peer_of(fd), verb,
		  arg ? arg : "", r < 0 ? strerror(-r) : answer, log_ms() - start);
	return r;
}

/*
 * Call use() for one daemon. If it exits during the request (-ECONNRESET), retry until its socket
 * is removed.
 */
static int use_one(const struct store *s, int dirfd, const char *name,
		   int (*use)(int fd, void *arg), void *arg)
{
	const struct timespec pause = { .tv_nsec = 10 * 1000 * 1000 };
	int tries, r;

	for (tries = 0; tries < ENDING_TRIES; tries++) {
		int fd = map_get(&s->unresponsive, name) ? -EAGAIN : dial(s, dirfd, name);

		if (fd < 0 && fd != -EAGAIN) {
			log_debug("mounts/%s: %s", name, strerror(-fd));
			return 0;
		}
		r = use(fd < 0 ? -ETIMEDOUT : fd, arg);
		if (r != -ECONNRESET)
			return r;
		nanosleep(&pause, NULL);
	}
	return 0;
}

/* The warning and what the user can do. Usually, the socket's name is the daemon's process ID. */
static void format_unresponsive(const char *name, char out[static 160])
{
	uint64_t pid;

	if (text_parse_u64(name, INT_MAX, &pid) == 0 && is_stopped((pid_t)pid))
		snprintf(out, 160,
			 "a mount of this store does not respond: process %.20s is stopped "
			 "('kill -CONT %.20s' continues it)",
			 name, name);
	else
		snprintf(out, 160, "a mount of this store does not respond (imagefs/mounts/%.40s)",
			 name);
}

/*
 * Call use(fd, arg) with a connection to each daemon. use() owns fd and returns non-zero to stop.
 * must    fail if a daemon does not respond (-ETIMEDOUT); otherwise it is skipped
 */
static int for_each(struct store *s, bool must, int (*use)(int fd, void *arg), void *arg,
		    struct err *err)
{
	_cleanup_close_ int dirfd = beneath_dir(s->imagefs_fd, "mounts");
	_cleanup_names_ char **names = NULL;
	char text[160];
	bool reported;
	size_t n, i;
	int r = 0;

	if (dirfd < 0 || file_names(dirfd, &names, &n) < 0)
		return 0;
	for (i = 0; i < n && r == 0; i++) {
		if (!is_socket_name(names[i]))
			continue;
		r = use_one(s, dirfd, names[i], use, arg);
		if (r != -ETIMEDOUT)
			continue;
		/* Wait and warn only once in a command. */
		format_unresponsive(names[i], text);
		reported = map_get(&s->unresponsive, names[i]) != NULL;
		if (map_put(&s->unresponsive, names[i], s) < 0)
			return err_nomem(err);
		if (must)
			return err_set(err, ETIMEDOUT, "%s", text);
		if (!reported)
			log_warn("%s", text);
		r = 0;
	}
	return r;
}

static int refresh_one(int sock, void *arg)
{
	_cleanup_close_ int fd = sock;
	char answer[512];
	int r = ask(fd, "refresh", NULL, answer, sizeof(answer));

	(void)arg;
	if (r == -ECONNRESET || r == -ETIMEDOUT)
		return r;
	if (r < 0)
		log_warn("a mount of this store does not respond: %s", strerror(-r));
	return 0;
}

void mounts_refresh(struct store *s)
{
	for_each(s, false, refresh_one, NULL, NULL);
}

static int greet(int sock, void *arg)
{
	_cleanup_close_ int fd = sock;
	char answer[PATH_MAX + 2];
	int r = ask(fd, "where", NULL, answer, sizeof(answer));

	(void)arg;
	return r == -ECONNRESET || r == -ETIMEDOUT ? r : 0;
}

void mounts_sweep(struct store *s)
{
	for_each(s, false, greet, NULL, NULL);
}

struct request {
	const char *container;
	int *fds;
	unsigned n;
	struct err *err;
};

/* Evaluate a reply: "ok", or "error TEXT". */
static int check_reply(int r, const char *answer, struct err *err)
{
	/* A daemon that has exited uses nothing. */
	if (r == -ECONNRESET)
		return r;
	if (r < 0)
		return err_sys(err, -r, "a mount of this store does not respond");
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

	r = check_reply(ask(fd, "freeze", q->container, answer, sizeof(answer)), answer, q->err);
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
	int r = for_each(s, true, freeze_one, &q, err);

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

	return check_reply(ask(fd, "close", q->container, answer, sizeof(answer)), answer, q->err);
}

int mounts_close(struct store *s, const char *container, struct err *err)
{
	struct request q = { .container = container, .err = err };

	return for_each(s, true, close_one, &q, err);
}

static int follow_one(int sock, void *arg)
{
	_cleanup_close_ int fd = sock;
	struct request *q = arg;
	char answer[512];
	int r = ask(fd, "follow", q->container, answer, sizeof(answer));

	if (r == 0 && strcmp(answer, "none") == 0)
		return 0;
	r = check_reply(r, answer, q->err);
	return r < 0 ? r : 1;
}

int mounts_follow(struct store *s, const char *container, struct err *err)
{
	struct request q = { .container = container, .err = err };

	return for_each(s, true, follow_one, &q, err);
}

struct search {
	const char *dir;
	int pidfd;
};

static int find_one(int sock, void *arg)
{
	_cleanup_close_ int fd = sock;
	struct search *q = arg;
	char answer[PATH_MAX + 2];
	int r = ask(fd, "where", NULL, answer, sizeof(answer));

	if (r < 0 || strcmp(answer, q->dir) != 0 || peer_of(fd) <= 0)
		return r == -ECONNRESET || r == -ETIMEDOUT ? r : 0;
	q->pidfd = (int)syscall(SYS_pidfd_open, peer_of(fd), 0);
	if (q->pidfd < 0)
		q->pidfd = -errno;
	return 1;
}

int mounts_find(struct store *s, const char *dir)
{
	struct search q = { .dir = dir, .pidfd = -ENOENT };

	for_each(s, false, find_one, &q, NULL);
	return q.pidfd;
}

int mounts_of_dir(const char *dir)
{
	_cleanup_close_ int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? -errno : lock_owner_open(fd);
}

struct dirs {
	char **v;
	pid_t *pids; /* n of them; NULL: not wanted */
	bool want_pids;
	size_t n;
};

static int note_dir(int sock, void *arg)
{
	_cleanup_close_ int fd = sock;
	struct dirs *d = arg;
	char answer[PATH_MAX + 2], **v;
	int r = ask(fd, "where", NULL, answer, sizeof(answer));

	if (r < 0)
		return r == -ECONNRESET || r == -ETIMEDOUT ? r : 0;
	if (d->want_pids) {
		pid_t *pids = realloc(d->pids, (d->n + 1) * sizeof(*pids));

		if (!pids)
			return -ENOMEM;
		d->pids = pids;
		pids[d->n] = peer_of(fd);
	}
	v = realloc(d->v, (d->n + 2) * sizeof(*v));
	if (!v)
		return -ENOMEM;
	d->v = v;
	v[d->n] = strdup(answer);
	v[d->n + 1] = NULL;
	return v[d->n++] ? 0 : -ENOMEM;
}

char **mounts_list(struct store *s, pid_t **pids)
{
	struct dirs d = { .v = calloc(1, sizeof(*d.v)), .want_pids = pids != NULL };

	if (d.v && for_each(s, false, note_dir, &d, NULL) < 0) {
		mounts_dirs_free(d.v);
		free(d.pids);
		return NULL;
	}
	if (pids)
		*pids = d.pids;
	return d.v;
}

char **mounts_dirs(struct store *s)
{
	return mounts_list(s, NULL);
}

void mounts_dirs_free(char **dirs)
{
	size_t i;

	for (i = 0; dirs && dirs[i]; i++)
		free(dirs[i]);
	free(dirs);
}
