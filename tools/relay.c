/*
 * Nothing is written that poll(2) did not allow, and never more than a pipe takes at once
 * then: descriptors that others share stay as they are.
 */
#include "tools/relay.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "store/mounts.h"

void relay_add(struct relay *r, int from, bool keep_from, int to, bool close_to)
{
	struct relay_way *w = &r->ways[r->n++];

	w->from = from;
	w->keep_from = keep_from;
	w->to = to;
	w->close_to = close_to;
	w->off = w->len = 0;
}

static void end_way(struct relay_way *w)
{
	if (w->from >= 0 && !w->keep_from)
		close(w->from);
	if (w->to >= 0 && w->close_to)
		close(w->to);
	w->from = w->to = -1;
	w->len = 0;
}

size_t relay_poll(const struct relay *r, struct pollfd fds[static RELAY_MAX])
{
	size_t i;

	for (i = 0; i < r->n; i++) {
		const struct relay_way *w = &r->ways[i];

		fds[i].fd = w->len ? w->to : w->from;
		fds[i].events = w->len ? POLLOUT : POLLIN;
		fds[i].revents = 0;
	}
	return r->n;
}

static void move_one(struct relay_way *w)
{
	ssize_t n;

	if (w->len) {
		n = write(w->to, w->data + w->off, MIN(w->len, (size_t)PIPE_BUF));
		if (n > 0) {
			w->off += (size_t)n;
			w->len -= (size_t)n;
		} else if (n < 0 && errno != EINTR && errno != EAGAIN) {
			end_way(w);
		}
		return;
	}
	n = read(w->from, w->data, sizeof(w->data));
	if (n > 0) {
		w->off = 0;
		w->len = (size_t)n;
	} else if (n == 0 || (errno != EINTR && errno != EAGAIN)) {
		/* EIO is how a terminal says that nobody has it open any more. */
		end_way(w);
	}
}

void relay_move(struct relay *r, const struct pollfd *fds)
{
	size_t i;

	for (i = 0; i < r->n; i++)
		if (r->ways[i].from >= 0 && fds[i].revents)
			move_one(&r->ways[i]);
}

bool relay_is_over(const struct relay *r)
{
	size_t i;

	for (i = 0; i < r->n; i++)
		if (r->ways[i].from >= 0 && !r->ways[i].keep_from)
			return false;
	return true;
}

void relay_end(struct relay *r)
{
	size_t i;

	for (i = 0; i < r->n; i++)
		end_way(&r->ways[i]);
	r->n = 0;
}

int relay_listen(int dirfd, const char *name)
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

int relay_receive(int listen_fd)
{
	struct pollfd p = { .fd = listen_fd, .events = POLLIN };
	/* It was sent before the runtime ended. */
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

void relay_window(int from, int to)
{
	struct winsize size;

	if (ioctl(from, TIOCGWINSZ, &size) == 0)
		ioctl(to, TIOCSWINSZ, &size);
}
