/*
 * The table of nodes, and the directory descriptors that they are reached by.
 */
#include "fs/live/node.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "fs/core/session.h"
#include "fs/live/live.h"
#include "store/container/upper.h"

/* How many descriptors of directories are cached, at most and at least. */
#define CACHED_MAX 8192
#define CACHED_MIN 16

void nodes_init(struct nodes *t, void (*destroy)(struct node *n))
{
	struct rlimit lim;

	memset(t, 0, sizeof(*t));
	t->destroy = destroy;
	pthread_mutex_init(&t->lock, NULL);
	/* Open files need descriptors, too. */
	t->max_cached = CACHED_MAX;
	if (getrlimit(RLIMIT_NOFILE, &lim) == 0 && lim.rlim_cur / 4 < t->max_cached)
		t->max_cached = (unsigned)lim.rlim_cur / 4;
	if (t->max_cached < CACHED_MIN)
		t->max_cached = CACHED_MIN;
}

/* The key of a name in by_name. */
struct name_key {
	const struct node *parent;
	char text[NAME_MAX];
};

/* Its length; 0: the name is too long to be in the table. */
static size_t name_key(struct name_key *key, const struct node *parent, const char *name)
{
	size_t len = strlen(name);

	if (len > NAME_MAX)
		return 0;
	key->parent = parent;
	memcpy(key->text, name, len);
	return offsetof(struct name_key, text) + len;
}

static struct name *find_name(struct nodes *t, const struct node *parent, const char *name)
{
	struct name_key key;
	size_t len = name_key(&key, parent, name);

	return len ? map_getn(&t->by_name, (const char *)&key, len) : NULL;
}

/* --- a least recently used cache of the descriptors of directories --- */

static void uncache(struct nodes *t, struct node *n)
{
	if (n->newer)
		n->newer->older = n->older;
	else
		t->newest = n->older;
	if (n->older)
		n->older->newer = n->newer;
	else
		t->oldest = n->newer;
	n->newer = n->older = NULL;
	t->n_cached--;
}

static void cache_front(struct nodes *t, struct node *n)
{
	n->older = t->newest;
	n->newer = NULL;
	if (t->newest)
		t->newest->newer = n;
	else
		t->oldest = n;
	t->newest = n;
	t->n_cached++;
}

static void drop_fd(struct nodes *t, struct node *n)
{
	if (n->fd < 0)
		return;
	if (!n->pinned)
		uncache(t, n);
	close(n->fd);
	n->fd = -1;
	n->pinned = false;
}

static void trim(struct nodes *t, unsigned max)
{
	struct node *n = t->oldest, *newer;

	for (; n && t->n_cached > max; n = newer) {
		newer = n->newer;
		if (!n->fd_users)
			drop_fd(t, n);
	}
}

/* Open one directory below a descriptor. Where descriptors run out, close the cached ones. */
static int open_dir(struct nodes *t, int parent, const char *name)
{
	int fd = openat(parent, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0 && (errno == EMFILE || errno == ENFILE)) {
		trim(t, 0);
		fd = openat(parent, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	}
	return fd < 0 ? -errno : fd;
}

static bool is_root(const struct node *n)
{
	return n == n->live->root;
}

/* Open all directories on the way down from the nearest open one. The lock is held. */
static int open_chain(struct nodes *t, struct node *dir)
{
	_cleanup_free_ struct node **chain = NULL;
	size_t n = 0, cap = 0;
	struct node *at = dir;
	int fd;

	while (at->fd < 0 && !is_root(at)) {
		if (!at->names)
			return -ENOENT;
		if (n == cap) {
			struct node **more =
				realloc(chain, (cap = cap ? cap * 2 : 16) * sizeof(*chain));

			if (!more)
				return -ENOMEM;
			chain = more;
		}
		chain[n++] = at;
		at = at->names->parent;
	}
	fd = at->fd >= 0 ? at->fd : dir->live->upper.fd;
	while (n--) {
		/* A directory is in use until the next one is open. */
		at->fd_users++;
		fd = open_dir(t, fd, chain[n]->names->text);
		at->fd_users--;
		if (fd < 0)
			return fd;
		at = chain[n];
		at->fd = fd;
		cache_front(t, at);
	}
	return 0;
}

int node_dir(struct nodes *t, struct node *dir, struct location *out)
{
	int r = 0;

	pthread_mutex_lock(&t->lock);
	if (dir->fd < 0 && !is_root(dir)) {
		r = open_chain(t, dir);
	} else if (dir->fd >= 0 && !dir->pinned && t->newest != dir) {
		uncache(t, dir);
		cache_front(t, dir);
	}
	if (r == 0) {
		dir->fd_users++;
		out->nodes = t;
		out->holder = dir;
		out->fd = is_root(dir) ? dir->live->upper.fd : dir->fd;
		out->name = NULL;
		trim(t, t->max_cached);
	}
	pthread_mutex_unlock(&t->lock);
	return r;
}

int node_locate(struct nodes *t, struct node *n, struct location *out)
{
	struct name *name;
	bool pinned;
	int r;

	if (S_ISDIR(n->type))
		return node_dir(t, n, out);
	pthread_mutex_lock(&t->lock);
	pinned = n->pinned;
	name = n->names;
	if (pinned) {
		n->fd_users++;
		out->nodes = t;
		out->holder = n;
		out->fd = n->fd;
		out->name = NULL;
	}
	pthread_mutex_unlock(&t->lock);
	if (pinned)
		return 0;
	if (!name)
		return -ENOENT;
	r = node_dir(t, name->parent, out);
	if (r == 0)
		out->name = name->text;
	return r;
}

void location_end(struct location *a)
{
	if (!a->holder)
		return;
	pthread_mutex_lock(&a->nodes->lock);
	a->holder->fd_users--;
	pthread_mutex_unlock(&a->nodes->lock);
	a->holder = NULL;
}

int location_stat(const struct upper *u, const struct location *a, struct stat *st)
{
	return a->name ? upper_stat(u, a->fd, a->name, st) : upper_fstat(u, a->fd, st);
}

int location_path_fd(const struct location *a)
{
	int fd = a->name ? openat(a->fd, a->name, O_PATH | O_NOFOLLOW | O_CLOEXEC)
			 : fcntl(a->fd, F_DUPFD_CLOEXEC, 0);

	return fd < 0 ? -errno : fd;
}

int location_link(const struct location *a, int dirfd, const char *name)
{
	char path[40];

	if (a->name)
		return linkat(a->fd, a->name, dirfd, name, 0) < 0 ? -errno : 0;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", a->fd);
	return linkat(AT_FDCWD, path, dirfd, name, AT_SYMLINK_FOLLOW) < 0 ? -errno : 0;
}

/* --- the table --- */

/* At the end: another thread may use the first one. */
static void append_name(struct node *n, struct name *nm)
{
	struct name **end = &n->names;

	while (*end)
		end = &(*end)->next;
	*end = nm;
	nm->next = NULL;
	nm->node = n;
}

static void unlink_name(struct name *nm)
{
	struct name **at = &nm->node->names;

	while (*at != nm)
		at = &(*at)->next;
	*at = nm->next;
}

static int add_name(struct nodes *t, struct node *n, struct node *parent, const char *name)
{
	struct name_key key;
	size_t len = name_key(&key, parent, name);
	struct name *nm;

	if (!len)
		return -ENAMETOOLONG;
	if (find_name(t, parent, name))
		return 0;
	nm = malloc(sizeof(*nm) + strlen(name) + 1);
	if (!nm)
		return -ENOMEM;
	nm->parent = parent;
	strcpy(nm->text, name);
	if (map_putn(&t->by_name, (const char *)&key, len, nm) < 0) {
		free(nm);
		return -ENOMEM;
	}
	append_name(n, nm);
	parent->children++;
	return 0;
}

static void free_if_unused(struct nodes *t, struct node *n);

static void remove_name(struct nodes *t, struct name *nm)
{
	struct name_key key;
	size_t len = name_key(&key, nm->parent, nm->text);

	map_deln(&t->by_name, (const char *)&key, len);
	unlink_name(nm);
	nm->parent->children--;
	free(nm);
}

static void hide(struct nodes *t, struct node *n)
{
	if (map_getn(&t->by_ino, (const char *)&n->ino, sizeof(n->ino)) == n)
		map_deln(&t->by_ino, (const char *)&n->ino, sizeof(n->ino));
	/* So that nodes_fini() finds it. After a failure the node leaks when the daemon ends. */
	IGNORE(map_putn(&t->dead, (const char *)&n, sizeof(n), n));
}

static void release(struct nodes *t, struct node *n)
{
	if (map_getn(&t->by_ino, (const char *)&n->ino, sizeof(n->ino)) == n)
		map_deln(&t->by_ino, (const char *)&n->ino, sizeof(n->ino));
	map_deln(&t->dead, (const char *)&n, sizeof(n));
	drop_fd(t, n);
	t->destroy(n);
	if (n->live->root == n)
		n->live->root = NULL;
	if (n->dead && n->upper)
		ino_map_drop(&n->live->inos, n->upper_ino);
	live_unref(n->live);
	free(n);
}

/* Upwards in a loop: a chain of forgotten directories may be long. */
static void free_if_unused(struct nodes *t, struct node *n)
{
	while (n && n->live && !n->lookups && !n->children) {
		struct node *parent = NULL;

		while (n->names) {
			parent = n->names->parent;
			remove_name(t, n->names);
			/* The loop goes on with the last parent; the others are freed here. */
			if (n->names)
				free_if_unused(t, parent);
		}
		release(t, n);
		n = parent;
	}
}

struct node *node_take(struct nodes *t, const struct node *template, struct node *parent,
		       const char *name)
{
	struct node *n;

	pthread_mutex_lock(&t->lock);
	n = map_getn(&t->by_ino, (const char *)&template->ino, sizeof(template->ino));
	if (!n) {
		n = malloc(sizeof(*n));
		if (!n)
			goto out;
		*n = *template;
		n->fd = -1;
		if (map_putn(&t->by_ino, (const char *)&n->ino, sizeof(n->ino), n) < 0) {
			free(n);
			n = NULL;
			goto out;
		}
		live_ref(n->live);
	}
	n->lookups++;
	if (parent && add_name(t, n, parent, name) < 0) {
		n->lookups--;
		free_if_unused(t, n);
		n = NULL;
	}
	/* It has a valid name again. */
	if (n && parent && n->pinned && !n->dead && !n->fd_users)
		drop_fd(t, n);
out:
	pthread_mutex_unlock(&t->lock);
	return n;
}

struct node *node_find(struct nodes *t, uint64_t ino)
{
	struct node *n;

	pthread_mutex_lock(&t->lock);
	n = map_getn(&t->by_ino, (const char *)&ino, sizeof(ino));
	pthread_mutex_unlock(&t->lock);
	return n;
}

void node_changed(struct nodes *t, uint64_t ino)
{
	struct node *n = node_find(t, ino);

	/* Only the address is used, so the node may be forgotten at any time. */
	if (n && t->session)
		fuse_lowlevel_notify_inval_inode(session_fuse(t->session), (fuse_ino_t)(uintptr_t)n,
						 -1, 0);
}

struct node *node_child(struct nodes *t, const struct node *parent, const char *name)
{
	struct name *nm;

	pthread_mutex_lock(&t->lock);
	nm = find_name(t, parent, name);
	pthread_mutex_unlock(&t->lock);
	return nm ? nm->node : NULL;
}

uint64_t node_parent_ino(struct nodes *t, const struct node *n)
{
	uint64_t ino;

	pthread_mutex_lock(&t->lock);
	ino = n->names ? n->names->parent->ino : 0;
	pthread_mutex_unlock(&t->lock);
	return ino;
}

int node_path(struct nodes *t, const struct node *dir, struct buf *out)
{
	const char *names[PATH_MAX / 2];
	size_t n = 0;
	int r = 0;

	pthread_mutex_lock(&t->lock);
	for (; dir->names && n < ARRAY_SIZE(names); dir = dir->names->parent)
		names[n++] = dir->names->text;
	while (r == 0 && n)
		r = buf_printf(out, "/%s", names[--n]);
	pthread_mutex_unlock(&t->lock);
	return r;
}

void node_forget(struct nodes *t, struct node *n, uint64_t count)
{
	if (!n->live)
		return;
	pthread_mutex_lock(&t->lock);
	n->lookups -= count < n->lookups ? count : n->lookups;
	free_if_unused(t, n);
	pthread_mutex_unlock(&t->lock);
}

int node_add_name(struct nodes *t, struct node *n, struct node *parent, const char *name)
{
	int r;

	pthread_mutex_lock(&t->lock);
	r = add_name(t, n, parent, name);
	pthread_mutex_unlock(&t->lock);
	return r;
}

void node_take_name(struct nodes *t, struct node *n, struct node *parent, const char *name)
{
	struct name *nm;

	pthread_mutex_lock(&t->lock);
	nm = find_name(t, parent, name);
	if (nm && !n) {
		remove_name(t, nm);
	} else if (nm && nm->node != n) {
		unlink_name(nm);
		append_name(n, nm);
	}
	pthread_mutex_unlock(&t->lock);
}

bool node_drop_name(struct nodes *t, struct node *n, struct node *parent, const char *name)
{
	struct name *nm;
	bool more;

	pthread_mutex_lock(&t->lock);
	nm = find_name(t, parent, name);
	if (nm && nm->node == n)
		remove_name(t, nm);
	more = n->names != NULL;
	pthread_mutex_unlock(&t->lock);
	return more;
}

void node_pin(struct nodes *t, struct node *n, int fd)
{
	pthread_mutex_lock(&t->lock);
	drop_fd(t, n);
	n->fd = fd;
	n->pinned = true;
	pthread_mutex_unlock(&t->lock);
}

void node_unpin(struct nodes *t, struct node *n)
{
	pthread_mutex_lock(&t->lock);
	if (n->pinned)
		drop_fd(t, n);
	pthread_mutex_unlock(&t->lock);
}

void node_die(struct nodes *t, struct node *n)
{
	pthread_mutex_lock(&t->lock);
	n->dead = true;
	hide(t, n);
	pthread_mutex_unlock(&t->lock);
}

int node_set_upper(struct nodes *t, uint64_t ino, int fd)
{
	struct stat st;
	struct node *n;

	if (fstatat(fd, "", &st, AT_EMPTY_PATH) < 0)
		return -errno;
	pthread_mutex_lock(&t->lock);
	n = map_getn(&t->by_ino, (const char *)&ino, sizeof(ino));
	if (n && !n->upper) {
		n->upper_ino = st.st_ino;
		n->upper = true;
	}
	pthread_mutex_unlock(&t->lock);
	return 0;
}

static void close_live(struct nodes *t, const struct map *nodes, const struct live *live)
{
	const struct map_slot *s;
	size_t i = 0;

	while ((s = map_next(nodes, &i)))
		if (((struct node *)s->value)->live == live)
			drop_fd(t, s->value);
}

void nodes_close_live(struct nodes *t, const struct live *live)
{
	pthread_mutex_lock(&t->lock);
	close_live(t, &t->by_ino, live);
	close_live(t, &t->dead, live);
	pthread_mutex_unlock(&t->lock);
}

static void free_all(struct nodes *t, struct map *nodes)
{
	const struct map_slot *s;
	size_t i = 0;

	while ((s = map_next(nodes, &i))) {
		struct node *n = s->value;

		if (n->fd >= 0)
			close(n->fd);
		t->destroy(n);
		live_unref(n->live);
		free(n);
	}
	map_fini(nodes, NULL);
}

void nodes_fini(struct nodes *t)
{
	/* The session is over, so references of the kernel do not count. */
	free_all(t, &t->by_ino);
	free_all(t, &t->dead);
	map_fini(&t->by_name, free);
	pthread_mutex_destroy(&t->lock);
}
