/* The daemon's control socket and inotify: one epoll set, served by the main thread. */
#include "fs/control.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/beneath.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/log.h"
#include "fs/containers/live_table.h"
#include "fs/images/images.h"
#include "store/disk/mounts.h"
#include "store/disk/store.h"

#define CLIENTS_MAX 256
/* "freeze " and a container's name. */
#define REQUEST_MAX 512

struct client {
	int fd;
	size_t len;
	char line[REQUEST_MAX];
	struct live *frozen; /* the container frozen until this connection is closed */
	struct client *next;
};

struct control {
	struct store *store;
	const char *where;
	struct images *images;
	struct live_table *containers;
	int epoll_fd, listen_fd, inotify_fd;
	int dirfd; /* imagefs/mounts */
	char name[32];
	int watch_store, watch_containers;
	struct client *clients;
	unsigned n_clients;
	bool wants_end;
};

static int watch(struct control *c, int fd, void *who)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.ptr = who };

	return epoll_ctl(c->epoll_fd, EPOLL_CTL_ADD, fd, &ev) < 0 ? -errno : 0;
}

/* True if the socket is that of a daemon that was killed. */
static bool is_dead(int dirfd, const char *name)
{
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_un address;
	_cleanup_close_ int at = mounts_peer_address(dirfd, name, &address);

	return fd >= 0 && at >= 0 &&
	       connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0 &&
	       errno == ECONNREFUSED;
}

/*
 * The socket's name is the process ID. If a daemon in another PID namespace has the same one, a
 * number is appended.
 */
static int bind_name(struct control *c)
{
	struct sockaddr_un address;
	unsigned i;
	int r;

	for (i = 0; i < 100; i++) {
		snprintf(c->name, sizeof(c->name), i ? "%d%02u" : "%d", (int)getpid(), i);
		r = mounts_address(c->dirfd, c->name, &address);
		if (r < 0)
			return r;
		if (bind(c->listen_fd, (struct sockaddr *)&address, sizeof(address)) == 0)
			return 0;
		if (errno != EADDRINUSE)
			break;
		if (is_dead(c->dirfd, c->name) && unlinkat(c->dirfd, c->name, 0) == 0)
			i--;
	}
	r = -errno;
	c->name[0] = '\0';
	return r;
}

static int start_listening(struct control *c)
{
	int r;

	c->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (c->epoll_fd < 0)
		return -errno;
	/* No command changes a read-only store, so there is nothing to listen for. */
	if (c->store->fixed)
		return 0;
	c->dirfd = beneath_dir(c->store->imagefs_fd, "mounts");
	if (c->dirfd < 0)
		return c->dirfd;
	c->listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (c->listen_fd < 0)
		return -errno;
	/* Set the mode by descriptor: the name may be another file's by now. */
	if (fchmod(c->listen_fd, 0600) < 0)
		return -errno;
	r = bind_name(c);
	if (r < 0)
		return r;
	if (listen(c->listen_fd, 64) < 0)
		return -errno;
	return watch(c, c->listen_fd, &c->listen_fd);
}

/*
 * Watch for changes by other tools. Without inotify those show late; imagefs' own are not affected.
 */
static void start_watching(struct control *c)
{
	char path[64];

	c->inotify_fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (c->inotify_fd < 0 || watch(c, c->inotify_fd, &c->inotify_fd) < 0) {
		log_warn("inotify: %s", strerror(errno));
		return;
	}
	snprintf(path, sizeof(path), "/proc/self/fd/%d", c->store->fd);
	c->watch_store = inotify_add_watch(c->inotify_fd, path, IN_MOVED_TO | IN_CLOSE_WRITE);
	snprintf(path, sizeof(path), "/proc/self/fd/%d/containers", c->store->imagefs_fd);
	c->watch_containers =
		inotify_add_watch(c->inotify_fd, path,
				  IN_CREATE | IN_DELETE | IN_MOVED_TO | IN_MOVED_FROM);
	if (c->watch_store < 0 || c->watch_containers < 0)
		log_warn("inotify: %s", strerror(errno));
}

int control_open(struct store *s, const char *where, struct control **out, struct err *err)
{
	struct control *c = calloc(1, sizeof(*c));
	int r;

	if (!c)
		return err_nomem(err);
	c->store = s;
	c->where = where;
	c->epoll_fd = c->listen_fd = c->inotify_fd = c->dirfd = -1;
	mounts_sweep(s);
	r = start_listening(c);
	if (r < 0) {
		err_sys(err, -r, "%s/imagefs/mounts", s->path);
		control_free(c);
		return r;
	}
	start_watching(c);
	*out = c;
	return 0;
}

void control_attach(struct control *c, struct images *im, struct live_table *co)
{
	c->images = im;
	c->containers = co;
}

int control_fd(const struct control *c)
{
	return c->epoll_fd;
}

bool control_wants_end(const struct control *c)
{
	return c->wants_end;
}

static void client_free(struct control *c, struct client *cl)
{
	struct client **at;

	for (at = &c->clients; *at && *at != cl; at = &(*at)->next)
		;
	if (*at)
		*at = cl->next;
	c->n_clients--;
	if (cl->frozen && c->containers)
		live_table_thaw(cl->frozen);
	close(cl->fd);
	free(cl);
}

/* Only the store's owner and root may connect: both can change the store anyway. */
static bool may_ask(int fd)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 &&
	       (peer.uid == geteuid() || peer.uid == 0);
}

static void accept_client(struct control *c)
{
	struct client *cl;
	int fd = accept4(c->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd < 0)
		return;
	cl = may_ask(fd) && c->n_clients < CLIENTS_MAX ? calloc(1, sizeof(*cl)) : NULL;
	if (!cl) {
		close(fd);
		return;
	}
	cl->fd = fd;
	cl->next = c->clients;
	c->clients = cl;
	c->n_clients++;
	if (watch(c, fd, cl) < 0)
		client_free(c, cl);
}

static void answer(struct client *cl, const char *text)
{
	log_debug("command asks \"%s\": %.*s", cl->line, (int)strcspn(text, "\n"), text);
	/*
	 * An answer fits into the socket's buffer, so send() does not block for a client that reads
	 * nothing.
	 */
	if (send(cl->fd, text, strlen(text), MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		log_debug("control socket: %s", strerror(errno));
}

static void answer_result(struct client *cl, int r, const struct err *err)
{
	char text[ERR_MSG_MAX + 16];

	if (r == 0) {
		answer(cl, "ok\n");
		return;
	}
	snprintf(text, sizeof(text), "error %s", err->msg[0] ? err->msg : strerror(-r));
	text[strcspn(text, "\n")] = '\0';
	text[sizeof(text) - 2] = '\0';
	strcat(text, "\n");
	answer(cl, text);
}

static void freeze(struct control *c, struct client *cl, const char *name)
{
	struct err err = ERR_INIT;
	int r = 0;

	if (cl->frozen) {
		answer(cl, "error this connection has frozen a container already\n");
		return;
	}
	if (c->containers)
		r = live_table_freeze(c->containers, name, &cl->frozen, &err);
	/* A container that this daemon does not show has no writers here. */
	answer_result(cl, r == -ENOENT ? 0 : r, &err);
}

static void do_request(struct control *c, struct client *cl, const char *line)
{
	char where[PATH_MAX + 2];
	struct err err = ERR_INIT;
	int r = 0;

	if (strcmp(line, "refresh") == 0) {
		if (c->images)
			images_refresh(c->images);
		if (c->containers)
			live_table_refresh(c->containers);
		answer(cl, "ok\n");
	} else if (strncmp(line, "freeze ", 7) == 0) {
		freeze(c, cl, line + 7);
	} else if (strncmp(line, "follow ", 7) == 0) {
		if (c->containers)
			r = live_table_follow(c->containers, line + 7, &err);
		if (r < 0)
			answer_result(cl, r, &err);
		else
			answer(cl, r ? "ok\n" : "none\n");
	} else if (strncmp(line, "close ", 6) == 0) {
		if (c->containers)
			r = live_table_close(c->containers, line + 6, &err);
		answer_result(cl, r == -ENOENT ? 0 : r, &err);
	} else if (strcmp(line, "where") == 0) {
		snprintf(where, sizeof(where), "%s\n", c->where);
		answer(cl, where);
	} else if (strcmp(line, "unmount") == 0) {
		c->wants_end = true;
	} else {
		answer(cl, "error unknown request\n");
	}
}

static void read_client(struct control *c, struct client *cl)
{
	ssize_t n = recv(cl->fd, cl->line + cl->len, sizeof(cl->line) - 1 - cl->len, 0);
	char *end;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	/* The end of a connection is the end of its freeze. */
	if (n <= 0) {
		client_free(c, cl);
		return;
	}
	cl->len += (size_t)n;
	cl->line[cl->len] = '\0';
	end = strchr(cl->line, '\n');
	if (!end) {
		if (cl->len == sizeof(cl->line) - 1)
			client_free(c, cl);
		return;
	}
	*end = '\0';
	cl->len = 0;
	do_request(c, cl, cl->line);
}

static void read_inotify(struct control *c)
{
	char data[8192] __attribute__((aligned(__alignof__(struct inotify_event))));
	bool images = false, containers = false;
	ssize_t n;
	char *p;

	while ((n = read(c->inotify_fd, data, sizeof(data))) > 0) {
		for (p = data; p < data + n;) {
			const struct inotify_event *ev = (const void *)p;

			if (ev->mask & IN_Q_OVERFLOW)
				images = containers = true;
			else if (ev->wd == c->watch_containers)
				containers = true;
			else if (ev->len && strcmp(ev->name, "index.json") == 0)
				images = true;
			p += sizeof(*ev) + ev->len;
		}
	}
	if (images && c->images)
		images_refresh(c->images);
	if (containers && c->containers)
		live_table_refresh(c->containers);
}

void control_handle(struct control *c)
{
	struct epoll_event ev[16];
	int i, n = epoll_wait(c->epoll_fd, ev, ARRAY_SIZE(ev), 0);

	for (i = 0; i < n; i++) {
		if (ev[i].data.ptr == &c->listen_fd)
			accept_client(c);
		else if (ev[i].data.ptr == &c->inotify_fd)
			read_inotify(c);
		else
			read_client(c, ev[i].data.ptr);
	}
}

void control_close(struct control *c)
{
	if (c->name[0])
		unlinkat(c->dirfd, c->name, 0);
	c->name[0] = '\0';
}

void control_free(struct control *c)
{
	if (!c)
		return;
	control_close(c);
	while (c->clients)
		client_free(c, c->clients);
	if (c->listen_fd >= 0)
		close(c->listen_fd);
	if (c->inotify_fd >= 0)
		close(c->inotify_fd);
	if (c->dirfd >= 0)
		close(c->dirfd);
	if (c->epoll_fd >= 0)
		close(c->epoll_fd);
	free(c);
}
