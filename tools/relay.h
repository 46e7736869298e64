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

struct relay_way {
	int from, to;	/* -1: this way is over */
	bool keep_from; /* from is not ours to close */
	bool close_to;	/* at the end of what comes */
	size_t off, len;
	char data[16384];
};

struct relay {
	struct relay_way ways[RELAY_MAX];
	size_t n;
};

/* relay_add - carry from one to the other. */
void relay_add(struct relay *r, int from, bool keep_from, int to, bool close_to);

/* relay_poll - fill fds for poll(2); how many. relay_move - after poll(2) has looked at them. */
size_t relay_poll(const struct relay *r, struct pollfd fds[static RELAY_MAX]);
void relay_move(struct relay *r, const struct pollfd *fds);

/* relay_is_over - nothing comes any more that was not read from keep_from's. */
bool relay_is_over(const struct relay *r);
void relay_end(struct relay *r);

/* relay_listen - a socket named path that a runtime sends a terminal to; -errno. */
int relay_listen(int dirfd, const char *name);

/* relay_receive - the terminal that was sent there; -errno. */
int relay_receive(int listen_fd);

/* relay_window - terminal to gets the size that from has. */
void relay_window(int from, int to);

#endif
