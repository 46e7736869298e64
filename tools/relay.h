/*
 * Bytes carried between descriptors that may block, as poll(2) allows it; and the terminal that a
 * container has.
 */
#ifndef TOOLS_RELAY_H
#define TOOLS_RELAY_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>

struct buf;
struct err;

#define RELAY_MAX 4

/* What a descriptor is: how it is read and written without waiting. */
enum relay_kind {
	RELAY_OTHER, /* a terminal or another device */
	RELAY_PIPE,
	RELAY_FILE, /* also a directory, and what else fails when it is read */
	RELAY_NULL, /* /dev/null */
	RELAY_SOCKET
};

struct relay_way {
	int from, to; /* -1: this way is over */
	enum relay_kind from_kind, to_kind;
	bool from_ours,
		to_ours; /* ends of pipes that were made for this: closed here, and never waited on */
	bool splices;	 /* the kernel moves it, until it refuses to */
	bool ready;	 /* there is something to splice */
	const char *what; /* the user's end, in a message */
	int error;	  /* of the user's end; 0: none */
	int between[2];	  /* a pipe on the way to a file; -1: none */
	size_t held;	  /* in it */
	size_t off, len;
	char data[256 << 10];
};

struct relay {
	struct relay_way ways[RELAY_MAX];
	size_t n;
};

/*
 * relay_in - what comes from a descriptor of the user's, which stays open, goes to one of ours, which is
 *            closed at the end.
 * relay_out - the other way round.
 * what       names the user's descriptor in messages; borrowed
 */
void relay_in(struct relay *r, int from, int to, const char *what);
void relay_out(struct relay *r, int from, int to, const char *what);

/* relay_pipe - a pipe that holds much, whose end 1 - theirs is ours: it does not block. 0 or -errno. */
int relay_pipe(int fds[static 2], int theirs);

/*
 * relay_is_safe - a container may have fd itself: a pipe without a name, which nobody else can open; or /dev/null,
 * in place of which a runtime opens the container's own.
 */
bool relay_is_safe(int fd);

/* relay_is_same - both are one open file, with one position; not of /dev/null, where that means nothing. */
bool relay_is_same(int a, int b);

/* relay_poll - fill fds for poll(2); how many. relay_move - after poll(2) has looked at them. */
size_t relay_poll(const struct relay *r, struct pollfd fds[static RELAY_MAX]);
void relay_move(struct relay *r, const struct pollfd *fds);

/* relay_is_over - nothing comes any more but from the user. */
bool relay_is_over(const struct relay *r);

/* relay_error - an errno of the first of the user's descriptors that failed, and what it is; 0: none did. */
int relay_error(const struct relay *r, const char **what);
void relay_end(struct relay *r);

/* relay_listen - a socket named path that a runtime sends a terminal to; -errno. */
int relay_listen(int dirfd, const char *name);

/* relay_receive - the terminal that was sent there; -errno. */
int relay_receive(int listen_fd);

/* relay_window - terminal to gets the size that from has. */
void relay_window(int from, int to);

#endif
