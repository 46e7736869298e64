/*
 * Bytes carried between descriptors that may block, as poll(2) allows it; and the terminal that a
 * container has.
 */
#ifndef TOOLS_RUN_STDIO_H
#define TOOLS_RUN_STDIO_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

struct buf;

#define STDIO_MAX 4

/* What a descriptor is: how it is read and written without waiting. */
enum stdio_kind {
	STDIO_OTHER, /* a terminal or another device */
	STDIO_PIPE,
	STDIO_FILE, /* also a directory, and what else fails when it is read */
	STDIO_NULL, /* /dev/null */
	STDIO_SOCKET
};

struct stdio_way {
	int from, to; /* -1: this way is over */
	enum stdio_kind from_kind, to_kind;
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

struct stdio {
	struct stdio_way ways[STDIO_MAX];
	size_t n;
};

/*
 * stdio_in - what comes from a descriptor of the user's, which stays open, goes to one of ours, which is
 *            closed at the end.
 * stdio_out - the other way round.
 * what       names the user's descriptor in messages; borrowed
 */
void stdio_in(struct stdio *r, int from, int to, const char *what);
void stdio_out(struct stdio *r, int from, int to, const char *what);

/* stdio_pipe - a pipe that holds much, whose end 1 - theirs is ours: it does not block. 0 or -errno. */
int stdio_pipe(int fds[static 2], int theirs) MUST_CHECK;

/*
 * stdio_is_safe - a container may have fd itself: a pipe without a name, which nobody else can open; or /dev/null,
 * in place of which a runtime opens the container's own.
 */
bool stdio_is_safe(int fd);

/* stdio_is_same - both are one open file, with one position; not of /dev/null, where that means nothing. */
bool stdio_is_same(int a, int b);

/* stdio_poll - fill fds for poll(2); how many. stdio_move - after poll(2) has looked at them. */
size_t stdio_poll(const struct stdio *r, struct pollfd fds[static STDIO_MAX]);
void stdio_move(struct stdio *r, const struct pollfd *fds);

/* stdio_is_over - nothing comes any more but from the user. */
bool stdio_is_over(const struct stdio *r);

/* stdio_error - an errno of the first of the user's descriptors that failed, and what it is; 0: none did. */
int stdio_error(const struct stdio *r, const char **what) MUST_CHECK;
void stdio_end(struct stdio *r);

/* stdio_listen - a socket named path that a runtime sends a terminal to; -errno. */
int stdio_listen(int dirfd, const char *name) MUST_CHECK;

/* stdio_receive - the terminal that was sent there; -errno. */
int stdio_receive(int listen_fd) MUST_CHECK;

/* stdio_window - terminal to gets the size that from has. */
void stdio_window(int from, int to);

#endif
