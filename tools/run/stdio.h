/*
 * Relays data between descriptors that may block, driven by poll(2), and the container's terminal.
 */
#ifndef TOOLS_RUN_STDIO_H
#define TOOLS_RUN_STDIO_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

struct buf;

#define STDIO_MAX 4

/* Kinds of descriptors, which differ in how they are read and written without blocking. */
enum stdio_kind {
	STDIO_OTHER, /* a terminal or another device */
	STDIO_PIPE,
	STDIO_FILE, /* also a directory, whose reads fail */
	STDIO_NULL, /* /dev/null */
	STDIO_SOCKET
};

struct stdio_way {
	int from, to; /* -1: closed */
	enum stdio_kind from_kind, to_kind;
	bool from_ours, to_ours; /* our own nonblocking pipes, closed here */
	bool splices;		 /* use splice(2) until it fails */
	bool ready;		 /* data to splice is available */
	const char *what;	 /* names the user's descriptor in messages */
	int error;		 /* of the user's descriptor; 0: none */
	int between[2];		 /* second pipe before a file; -1: none */
	size_t held;		 /* bytes in the second pipe */
	size_t off, len;
	char data[256 << 10];
};

struct stdio {
	struct stdio_way ways[STDIO_MAX];
	size_t n;
};

/*
 * stdio_in - relay from a descriptor of the user, which stays open, to one of ours, which is closed
 * at
 *            the end.
 * stdio_out - the reverse direction.
 * what       names the user's descriptor in messages; borrowed
 */
void stdio_in(struct stdio *r, int from, int to, const char *what);
void stdio_out(struct stdio *r, int from, int to, const char *what);

/* stdio_pipe - create a large pipe whose end 1 - theirs is nonblocking. 0 or -errno. */
int stdio_pipe(int fds[static 2], int theirs) MUST_CHECK;

/*
 * stdio_is_safe - true if the container may have fd: an unnamed pipe, which no other process can
 * open, or /dev/null, which a runtime replaces by the container's own.
 */
bool stdio_is_safe(int fd);

/* stdio_is_same - true if both are the same open file description; false for /dev/null. */
bool stdio_is_same(int a, int b);

/*
 * stdio_poll - fill fds for poll(2) and return their number.
 * stdio_move - transfer data after poll(2).
 */
size_t stdio_poll(const struct stdio *r, struct pollfd fds[static STDIO_MAX]);
void stdio_move(struct stdio *r, const struct pollfd *fds);

/* stdio_is_over - true if no more data can come, except from the user. */
bool stdio_is_over(const struct stdio *r);

/* stdio_error - first error of a user's descriptor, and its name; 0: none. */
int stdio_error(const struct stdio *r, const char **what) MUST_CHECK;
void stdio_end(struct stdio *r);

/* stdio_listen - create a socket that receives a terminal from a runtime; -errno. */
int stdio_listen(int dirfd, const char *name) MUST_CHECK;

/* stdio_receive - receive the terminal; -errno. */
int stdio_receive(int listen_fd) MUST_CHECK;

/* stdio_window - copy the window size of terminal from to terminal to. */
void stdio_window(int from, int to);

#endif
