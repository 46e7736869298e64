/*
 * Nodes: the files and directories of containers that the kernel knows.
 *
 * A node is one file with all its names. Its address is the node ID in FUSE. The file is in the
 * base image (lower) or in the container's upper directory (upper). A copy-up moves it from the
 * first to the second, and the node stays the same. A directory may be both: merged.
 *
 * On disk a file is reached by the descriptor of a directory and a name in it, never by a longer
 * path. So paths may be of any length, and symbolic links lead nowhere else. A file whose last
 * known name was removed is held by a descriptor (pinned).
 */
#ifndef FS_LIVE_NODE_H
#define FS_LIVE_NODE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "base/err.h"
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
	uint32_t children; /* number of names in it */
	/*
	 * the node in the base tree: of a file that is not copied up, of a merged directory;
	 * else TREE_NONE
	 */
	uint32_t lower;
	mode_t type;	    /* S_IFMT */
	bool upper;	    /* in the upper directory */
	bool dead;	    /* the last name is gone */
	bool pinned;	    /* fd holds the file, names are not used */
	bool checked;	    /* has no set-id bit and no file capability for a write to drop */
	bool lists_nothing; /* a directory without a default access list for new files */
	bool plain;	    /* has no file capability; cached, as the kernel asks often */
	uint64_t upper_ino; /* on disk */
	struct node_opens opens;
	/* Name in work/ of a copy in advance (fs/live/copyup.h); under copying. */
	char *prepared;
	uint64_t bytes_read; /* of a file from below, by requests; atomic */
	struct name *names;
	/* O_PATH: of a cached directory, of a pinned file; else -1. */
	int fd;
	unsigned fd_users;
	struct node *newer, *older; /* of the cached ones */
};

/*
 * All nodes of a session, under one lock that is held shortly. Names change only with the
 * container's ns lock held, too.
 */
struct nodes {
	struct session *session; /* for notifications; NULL: none yet */
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
 * node_take - the node of template->ino, with one more reference of the kernel. A new one is a copy
 * of template.
 * parent, name  where it was found; NULL for a container's root
 * returns NULL: no memory
 */
struct node *node_take(struct nodes *t, const struct node *template, struct node *parent,
		       const char *name);

/*
 * node_find - a node by its inode number; node_child - by a name. Borrowed; NULL: the kernel does
 * not know it.
 */
struct node *node_find(struct nodes *t, uint64_t ino);
struct node *node_child(struct nodes *t, const struct node *parent, const char *name);

/*
 * node_changed - make the kernel drop the attributes that it caches of the node with this inode
 * number.
 */
void node_changed(struct nodes *t, uint64_t ino);

/* node_parent_ino - the inode number of the directory of its first name; 0: it has no name. */
uint64_t node_parent_ino(struct nodes *t, const struct node *n);

/*
 * node_path - append the path of a directory, from the container's root, with a leading '/'; the
 * root's is empty.
 */
struct buf;
int node_path(struct nodes *t, const struct node *dir, struct buf *out) MUST_CHECK;

/* node_forget - the kernel gave n references back; the node is freed with the last. */
void node_forget(struct nodes *t, struct node *n, uint64_t count);

/*
 * node_add_name - one more name; 0 or -ENOMEM. A name that another node has stays that one's.
 * node_take_name - a name that some node has becomes n's; NULL: no node's. Needs no memory.
 */
int node_add_name(struct nodes *t, struct node *n, struct node *parent,
		  const char *name) MUST_CHECK;
void node_take_name(struct nodes *t, struct node *n, struct node *parent, const char *name);
/* node_drop_name - that name is gone; true where the node has another one. */
bool node_drop_name(struct nodes *t, struct node *n, struct node *parent, const char *name);

/*
 * node_pin - reach the file by fd (O_PATH), which is taken. node_unpin - reach it by its names
 * again.
 */
void node_pin(struct nodes *t, struct node *n, int fd);
void node_unpin(struct nodes *t, struct node *n);

/* node_die - the last name is gone: no look-up finds the node any more. */
void node_die(struct nodes *t, struct node *n);

/*
 * node_set_upper - the directory with this inode number, if it is known, has the upper directory fd
 * now. 0 or -errno.
 */
int node_set_upper(struct nodes *t, uint64_t ino, int fd) MUST_CHECK;

/*
 * nodes_close_live - close all descriptors of a container's nodes. Its gate is closed: they stay
 * so.
 */
void nodes_close_live(struct nodes *t, const struct live *live);

/*
 * The location of an upper node: name in the directory fd, or fd itself if name is NULL. It is
 * valid until location_end(), with the container's ns lock held.
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

/* node_locate - of any node. node_dir - of a directory: its upper directory as fd. */
int node_locate(struct nodes *t, struct node *n, struct location *out) MUST_CHECK;
int node_dir(struct nodes *t, struct node *dir, struct location *out) MUST_CHECK;
void location_end(struct location *a);

/*
 * location_stat - the attributes. location_path_fd - a new O_PATH descriptor. location_link - one
 * more name for the file.
 */
struct upper;
int location_stat(const struct upper *u, const struct location *a, struct stat *st) MUST_CHECK;
int location_path_fd(const struct location *a) MUST_CHECK;
int location_link(const struct location *a, int dirfd, const char *name) MUST_CHECK;

#endif
