/*
 * Nodes: the files and directories of containers that the kernel knows.
 *
 * A node is one file, whatever names it has; its address is the node id that
 * FUSE speaks of. It comes from the base image (lower), or lies in the
 * container's upper directory (upper), and moves from there to here at its
 * copy-up without becoming another node. A directory may be both: merged.
 *
 * On disk a file is reached by the descriptor of a directory and its name in
 * it, never by a longer path: names may be deep, and nothing leads outside.
 * A file whose last known name went away is held by a descriptor (pinned).
 */
#ifndef FS_LIVE_NODE_H
#define FS_LIVE_NODE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "base/map.h"
#include "fs/live/node_opens.h"

struct live;
struct node;
struct session;

/* A name of a node in a directory. */
struct name {
	struct node *parent;
	struct node *node;
	struct name *next; /* of the same node */
	char text[];
};

struct node {
	uint64_t ino;
	struct live *live; /* NULL: the directory of all containers */
	uint64_t lookups;  /* references that the kernel holds */
	uint32_t children; /* names that have this as their parent */
	/*
	 * in the base tree: a file that is not copied up, what a merged directory shows; or
	 * TREE_NONE
	 */
	uint32_t lower;
	mode_t type;  /* S_IFMT */
	bool upper;   /* in the upper directory */
	bool dead;    /* the last name is gone */
	bool pinned;  /* fd holds the file, names are not asked */
	bool checked; /* has no set-id bit and no file capability that a write must take away */
	bool lists_nothing; /* a directory without a default access list: what is made in it inherits none */
	bool plain;	    /* has no file capability: the kernel asks for it at every turn */
	uint64_t upper_ino; /* on disk */
	struct node_opens opens;
	char *prepared; /* a copy of it in work/ (fs/live/copyup.h): its name; copying is held */
	uint64_t bytes_read; /* of a file from below, by requests; atomic */
	struct name *names;
	/* A directory's descriptor while it is cached, any pinned file's: O_PATH. */
	int fd;
	unsigned fd_users;
	struct node *newer, *older; /* of the cached ones */
};

/* All nodes of a session. One lock, held shortly; names change only under the container's ns lock too. */
struct nodes {
	struct session *session; /* NULL: no kernel knows them */
	pthread_mutex_t lock;
	struct map by_ino;  /* 8 bytes -> struct node */
	struct map by_name; /* parent's address, name -> struct name */
	struct map dead;    /* address -> struct node: known to the kernel only */
	struct node *newest, *oldest;
	unsigned n_cached, max_cached;
	void (*destroy)(struct node *n);
};

/* nodes_init - destroy is called, with the lock held, of each node that is about to be freed. */
void nodes_init(struct nodes *t, void (*destroy)(struct node *n));
void nodes_fini(struct nodes *t);

/*
 * node_take - the node of ino with one more reference by the kernel; made where
 * it is not known. template says what it is then.
 * parent, name  where it was found; NULL for a container's root
 * returns NULL: no memory
 */
struct node *node_take(struct nodes *t, const struct node *template, struct node *parent,
		       const char *name);

/* node_find - known by number; node_child - known by name. Borrowed; NULL: not known. */
struct node *node_find(struct nodes *t, uint64_t ino);
struct node *node_child(struct nodes *t, const struct node *parent, const char *name);

/* node_changed - the kernel, which keeps the attributes of the node of this number, asks for them again. */
void node_changed(struct nodes *t, uint64_t ino);

/* node_parent_ino - the number of the directory that has its first name; 0: it has no name. */
uint64_t node_parent_ino(struct nodes *t, const struct node *n);

/* node_path - append the path of a directory, from the container's root, with a leading '/'; the root's is empty. */
struct buf;
int node_path(struct nodes *t, const struct node *dir, struct buf *out);

/* node_forget - the kernel gave n references back; the node is freed with the last. */
void node_forget(struct nodes *t, struct node *n, uint64_t count);

/*
 * node_add_name - one more name; 0 or -ENOMEM. A name that another node has stays that one's.
 * node_take_name - a name that some node has becomes n's; NULL: no node's. Needs no memory.
 */
int node_add_name(struct nodes *t, struct node *n, struct node *parent, const char *name);
void node_take_name(struct nodes *t, struct node *n, struct node *parent, const char *name);
/* node_drop_name - that name is gone; true where the node has another one. */
bool node_drop_name(struct nodes *t, struct node *n, struct node *parent, const char *name);

/* node_pin - hold the file: fd (O_PATH) belongs to the node. node_unpin - names are good again. */
void node_pin(struct nodes *t, struct node *n, int fd);
void node_unpin(struct nodes *t, struct node *n);

/* node_die - no look-up finds it any more. */
void node_die(struct nodes *t, struct node *n);

/* node_set_upper - the directory of that number, if it is known, has an upper side now, fd (O_PATH). 0 or -errno. */
int node_set_upper(struct nodes *t, uint64_t ino, int fd);

/* nodes_close_live - close all descriptors of a container's nodes. Its gate is closed: they stay so. */
void nodes_close_live(struct nodes *t, const struct live *live);

/*
 * Where a node in an upper directory is: name in fd, or fd itself where name
 * is NULL. The caller holds the container's ns lock; location_end() gives it back.
 */
struct location {
	struct nodes *nodes;
	struct node *holder; /* whose descriptor fd is */
	int fd;
	const char *name;
};

#define LOCATION_INIT                \
	{                            \
		NULL, NULL, -1, NULL \
	}
#define _cleanup_location_ __attribute__((cleanup(location_end)))

int node_locate(struct nodes *t, struct node *n, struct location *out);
/* node_dir - the upper directory of a directory, itself. */
int node_dir(struct nodes *t, struct node *dir, struct location *out);
void location_end(struct location *a);

/* location_stat, location_path_fd (a new O_PATH descriptor) of the place; location_link gives the file there one more name. */
struct upper;
int location_stat(const struct upper *u, const struct location *a, struct stat *st);
int location_path_fd(const struct location *a);
int location_link(const struct location *a, int dirfd, const char *name);

#endif
