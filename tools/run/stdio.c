/*
 * The user's descriptors are shared with other processes, so their flags are not changed: data is
 * written only when poll(2) reports them writable, and only as much as does not block. Our own
 * descriptors are nonblocking. splice(2) is used if possible, which moves pages instead of copying.
 */
#include "tools/run/stdio.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/kcmp.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "store/disk/mounts.h"

/* Size of our pipes if the system allows it; also the maximum per transfer. */
#define PIPE_SIZE (1 << 20)

static enum stdio_kind kind_of(int fd)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return STDIO_OTHER;
	if (S_ISFIFO(st.st_mode))
		return STDIO_PIPE;
	if (S_ISREG(st.st_mode) || S_ISDIR(st.st_mode))
		return STDIO_FILE;
	if (S_ISSOCK(st.st_mode))
		return STDIO_SOCKET;
	return S_ISCHR(st.st_mode) && st.st_rdev == makedev(1, 3) ? STDIO_NULL : STDIO_OTHER;
}

/* True if splice(2) is supported and does not block. */
static bool can_splice(enum stdio_kind from, enum stdio_kind to)
{
	return to == STDIO_PIPE && (from == STDIO_PIPE || from == STDIO_FILE);
}

/*
 * splice(2) to a file locks the pipe while it writes, which blocks the command. So pages are moved
 * to a second pipe first. splice(2) does not support O_APPEND.
 */
static void open_between(struct stdio_way *w)
{
	int flags = fcntl(w->to, F_GETFL);

	w->between[0] = w->between[1] = -1;
	if (w->from_kind != STDIO_PIPE || w->to_kind != STDIO_FILE || flags < 0 ||
	    (flags & O_APPEND))
		return;
	if (pipe2(w->between, O_CLOEXEC | O_NONBLOCK) < 0)
		w->between[0] = w->between[1] = -1;
	else
		fcntl(w->between[1], F_SETPIPE_SZ, PIPE_SIZE);
}

static struct stdio_way *add(struct stdio *r, int from, int to, const char *what)
{
	struct stdio_way *w = &r->ways[r->n++];

	w->from = from;
	w->to = to;
	w->from_kind = kind_of(from);
	w->to_kind = kind_of(to);
	w->from_ours = w->to_ours = false;
	w->splices = can_splice(w->from_kind, w->to_kind);
	w->ready = false;
	w->what = what;
	w->error = 0;
	w->off = w->len = w->held = 0;
	open_between(w);
	return w;
}

void stdio_in(struct stdio *r, int from, int to, const char *what)
{
	add(r, from, to, what)->to_ours = true;
}

void stdio_out(struct stdio *r, int from, int to, const char *what)
{
	add(r, from, to, what)->from_ours = true;
}

int stdio_pipe(int fds[static 2], int theirs)
{
	_cleanup_close_ int from = -1, to = -1;
	int ends[2], flags;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	from = ends[0];
	to = ends[1];
	/* A smaller pipe works, too. */
	fcntl(from, F_SETPIPE_SZ, PIPE_SIZE);
	flags = fcntl(ends[!theirs], F_GETFL);
	if (flags < 0 || fcntl(ends[!theirs], F_SETFL, flags | O_NONBLOCK) < 0)
		return -errno;
	fds[0] = TAKE_FD(from);
	fds[1] = TAKE_FD(to);
	return 0;
}

bool stdio_is_safe(int fd)
{
	enum stdio_kind kind = kind_of(fd);
	struct statfs sf;

	return kind == STDIO_NULL ||
	       (kind == STDIO_PIPE && fstatfs(fd, &sf) == 0 && sf.f_type == PIPEFS_MAGIC);
}

bool stdio_is_same(int a, int b)
{
	return kind_of(a) != STDIO_NULL &&
	       syscall(SYS_kcmp, getpid(), getpid(), KCMP_FILE, a, b) == 0;
}

static void close_between(struct stdio_way *w)
{
	if (w->between[0] >= 0) {
		close(TAKE_FD(w->between[0]));
		close(TAKE_FD(w->between[1]));
	}
	w->held = 0;
}

static void end_way(struct stdio_way *w)
{
	if (w->from >= 0 && w->from_ours)
		close(w->from);
	if (w->to >= 0 && w->to_ours)
		close(w->to);
	close_between(w);
	w->from = w->to = -1;
	w->len = 0;
}

size_t stdio_poll(const struct stdio *r, struct pollfd fds[static STDIO_MAX])
{
	size_t i;

	for (i = 0; i < r->n; i++) {
		const struct stdio_way *w = &r->ways[i];
		bool out = w->len || w->held || w->ready;

		fds[i].fd = out ? w->to : w->from;
		fds[i].events = out ? POLLOUT : POLLIN;
		fds[i].revents = 0;
	}
	return r->n;
}

/* Record a failed read or write. */
static void failed(struct stdio_way *w, bool reading, int error)
{
	bool gone = reading ? error == EIO && w->from_kind == STDIO_OTHER
			    : error == EPIPE || error == ECONNRESET;

	if (error == EINTR || error == EAGAIN)
		return;
	/*
	 * EIO means that a terminal was closed, EPIPE that there is no reader: these are no errors.
	 */
	if (!gone && !(reading ? w->from_ours : w->to_ours))
		w->error = error;
	end_way(w);
}

/* Move available data with splice(2); if refused, fall back to read and write. */
static void splice_one(struct stdio_way *w)
{
	ssize_t n =
		splice(w->from, NULL, w->to, NULL, PIPE_SIZE, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);

	w->ready = false;
	if (n > 0)
		return;
	if (n == 0)
		end_way(w);
	else if (errno == EINVAL)
		w->splices = false;
	else
		/* Only writing fails with these errors. */
		failed(w, errno != EPIPE && !w->from_ours, errno);
}

/* Move data from the command's pipe to the empty second pipe. */
static void container_lock(struct stdio_way *w)
{
	ssize_t n = splice(w->from, NULL, w->between[1], NULL, PIPE_SIZE,
			   SPLICE_F_MOVE | SPLICE_F_NONBLOCK);

	if (n > 0)
		w->held = (size_t)n;
	else if (n == 0)
		end_way(w);
	else if (errno == EINVAL)
		close_between(w);
	else
		failed(w, true, errno);
}

/* Write from the second pipe to the file; if splice is unsupported, copy. */
static void write_held(struct stdio_way *w)
{
	ssize_t n = splice(w->between[0], NULL, w->to, NULL, w->held, SPLICE_F_MOVE);

	if (n > 0) {
		w->held -= (size_t)n;
		return;
	}
	if (n < 0 && errno != EINVAL) {
		failed(w, false, errno);
		return;
	}
	n = read(w->between[0], w->data, MIN(w->held, sizeof(w->data)));
	w->off = 0;
	w->len = n > 0 ? (size_t)n : 0;
	w->held -= w->len;
	if (n <= 0 || !w->held)
		close_between(w);
}

static void read_one(struct stdio_way *w)
{
	ssize_t n = w->from_kind == STDIO_SOCKET
			    ? recv(w->from, w->data, sizeof(w->data), MSG_DONTWAIT)
			    : read(w->from, w->data, sizeof(w->data));

	w->off = 0;
	w->len = n > 0 ? (size_t)n : 0;
	if (n == 0)
		end_way(w);
	else if (n < 0)
		failed(w, true, errno);
}

static void write_one(struct stdio_way *w)
{
	/* The amount that a pipe or terminal accepts when poll(2) reports it writable. */
	bool waits = !w->to_ours && (w->to_kind == STDIO_PIPE || w->to_kind == STDIO_OTHER);
	size_t len = waits ? MIN(w->len, (size_t)PIPE_BUF) : w->len;
	ssize_t n = w->to_kind == STDIO_SOCKET
			    ? send(w->to, w->data + w->off, len, MSG_DONTWAIT | MSG_NOSIGNAL)
			    : write(w->to, w->data + w->off, len);

	if (n < 0) {
		failed(w, false, errno);
		return;
	}
	w->off += (size_t)n;
	w->len -= (size_t)n;
}

void stdio_move(struct stdio *r, const struct pollfd *fds)
{
	size_t i;

	for (i = 0; i < r->n; i++) {
		struct stdio_way *w = &r->ways[i];

		if (w->from < 0 || !fds[i].revents)
			continue;
		if (w->len)
			write_one(w);
		else if (w->held)
			write_held(w);
		else if (w->between[0] >= 0)
			container_lock(w);
		else if (w->ready)
			splice_one(w);
		else if (w->splices)
			w->ready = true;
		else
			read_one(w);
	}
}

bool stdio_is_over(const struct stdio *r)
{
	size_t i;

	for (i = 0; i < r->n; i++)
		if (r->ways[i].from >= 0 && r->ways[i].from_ours)
			return false;
	return true;
}

int stdio_error(const struct stdio *r, const char **what)
{
	size_t i;

	for (i = 0; i < r->n; i++)
		if (r->ways[i].error) {
			*what = r->ways[i].what;
			return r->ways[i].error;
		}
	return 0;
}

void stdio_end(struct stdio *r)
{
	size_t i;

	for (i = 0; i < r->n; i++)
		end_way(&r->ways[i]);
	r->n = 0;
}

int stdio_listen(int dirfd, const char *name)
{
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_un address;
	int r = mounts_address(dirfd, name, &address);

	if (r < 0)
		return r;
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    listen(fd, 1) < 0)
		return -errno;
	return TAKE_FD(fd);
}

int stdio_receive(int listen_fd)
{
	struct pollfd p = { .fd = listen_fd, .events = POLLIN };
	/* The terminal was sent before the runtime exited. */
	_cleanup_close_ int fd =
		poll(&p, 1, 0) > 0 ? accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC) : -1;
	char name[4096], control[CMSG_SPACE(sizeof(int))];
	struct iovec io = { name, sizeof(name) };
	struct msghdr m = { .msg_iov = &io,
			    .msg_iovlen = 1,
			    .msg_control = control,
			    .msg_controllen = sizeof(control) };
	const struct cmsghdr *c;
	int out;

	if (fd < 0 || recvmsg(fd, &m, MSG_CMSG_CLOEXEC | MSG_DONTWAIT) < 0)
		return -EPROTO;
	c = CMSG_FIRSTHDR(&m);
	if (!c || c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS ||
	    c->cmsg_len != CMSG_LEN(sizeof(int)))
		return -EPROTO;
	memcpy(&out, CMSG_DATA(c), sizeof(out));
	return out;
}

void stdio_window(int from, int to)
{
	struct winsize size;

	if (ioctl(from, TIOCGWINSZ, &size) == 0)
		ioctl(to, TIOCSWINSZ, &size);
}
