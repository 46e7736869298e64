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
#include "fs/live/copyup.h"
#include "fs/live/live.h"
#include "fs/core/session.h"
#include "store/container/upper.h"

/* Directories whose descriptors are kept at hand, and the least of them. */
#define CACHED_MAX 8192
#define CACHED_MIN 16

void nodes_init(struct nodes *t)
{
	struct rlimit lim;

	memset(t, 0, sizeof(*t));
	pthread_mutex_init(&t->lock, NULL);
	/* Open files are held by descriptors too: a good part is left to them. */
	t->max_cached = CACHED_MAX;
	if (getrlimit(RLIMIT_NOFILE, &lim) == 0 && lim.rlim_cur / 4 < t->max_cached)
		t->max_cached = (unsigned)lim.rlim_cur / 4;
	if (t->max_cached < CACHED_MIN)
		t->max_cached = CACHED_MIN;
}

static int name_key(const struct node *parent, const char *name, struct buf *key)
{
	int r = buf_append(key, &parent, sizeof(parent));

	return r < 0 ? r : buf_puts(key, name);
}

static struct name *find_name(struct nodes *t, const struct node *parent, const char *name)
{
	struct buf key _cleanup_buf_ = BUF_INIT;

	if (name_key(parent, name, &key) < 0)
		return NULL;
	return map_getn(&t->by_name, key.data, key.len);
}

/* --- the descriptors of directories, least recently used go first --- */

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

/* Open one directory below a descriptor; out of descriptors, give those back that are only kept. */
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

/* The lock is held. Opens what is not open on the way down from the nearest open directory. */
static int open_chain(struct nodes *t, struct node *dir)
{
	_cleanup_free_ struct node **chain = NULL;
	size_t n = 0, cap = 0;
	struct node *location = dir;
	int fd;

	while (location->fd < 0 && !is_root(location)) {
		if (!location->names)
			return -ENOENT;
		if (n == cap) {
			struct node **more =
				realloc(chain, (cap = cap ? cap * 2 : 16) * sizeof(*chain));

			if (!more)
				return -ENOMEM;
			chain = more;
		}
		chain[n++] = location;
		location = location->names->parent;
	}
	fd = location->fd >= 0 ? location->fd : dir->live->upper.fd;
	while (n--) {
		/* The one that was opened last is in use until the next is open. */
		location->fd_users++;
		fd = open_dir(t, fd, chain[n]->names->text);
		location->fd_users--;
		if (fd < 0)
			return fd;
		location = chain[n];
		location->fd = fd;
		cache_front(t, location);
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

static int add_name(struct nodes *t, struct node *n, struct node *parent, const char *name)
{
	struct buf key _cleanup_buf_ = BUF_INIT;
	struct name *nm, **end = &n->names;

	if (find_name(t, parent, name))
		return 0;
	nm = malloc(sizeof(*nm) + strlen(name) + 1);
	if (!nm)
		return -ENOMEM;
	nm->parent = parent;
	nm->node = n;
	nm->next = NULL;
	strcpy(nm->text, name);
	if (name_key(parent, name, &key) < 0 || map_putn(&t->by_name, key.data, key.len, nm) < 0) {
		free(nm);
		return -ENOMEM;
	}
	/* At the end: others may be using the first one. */
	while (*end)
		end = &(*end)->next;
	*end = nm;
	parent->children++;
	return 0;
}

static void free_if_unused(struct nodes *t, struct node *n);

static void remove_name(struct nodes *t, struct node *n, struct name *nm)
{
	struct buf key _cleanup_buf_ = BUF_INIT;
	struct name **location = &n->names;
	struct node *parent = nm->parent;

	if (name_key(parent, nm->text, &key) == 0)
		map_deln(&t->by_name, key.data, key.len);
	while (*location != nm)
		location = &(*location)->next;
	*location = nm->next;
	free(nm);
	parent->children--;
}

static void hide(struct nodes *t, struct node *n)
{
	if (map_getn(&t->by_ino, (const char *)&n->ino, sizeof(n->ino)) == n)
		map_deln(&t->by_ino, (const char *)&n->ino, sizeof(n->ino));
	/* Only to be found by nodes_fini(); a failure leaks the node at the end of the daemon. */
	map_putn(&t->dead, (const char *)&n, sizeof(n), n);
}

static void release(struct nodes *t, struct node *n)
{
	if (map_getn(&t->by_ino, (const char *)&n->ino, sizeof(n->ino)) == n)
		map_deln(&t->by_ino, (const char *)&n->ino, sizeof(n->ino));
	map_deln(&t->dead, (const char *)&n, sizeof(n));
	drop_fd(t, n);
	copyup_unprepare(n);
	if (n->live->root == n)
		n->live->root = NULL;
	if (n->dead && n->upper)
		live_alias_drop(n->live, n->upper_ino);
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
			remove_name(t, n, n->names);
			/* All but the last parent have to be looked at here. */
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
	/* It has a good name again. */
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

	/* Its address is all that is needed, so it may be forgotten meanwhile. */
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

bool node_drop_name(struct nodes *t, struct node *n, struct node *parent, const char *name)
{
	struct name *nm;
	bool more;

	pthread_mutex_lock(&t->lock);
	nm = find_name(t, parent, name);
	if (nm && nm->node == n)
		remove_name(t, n, nm);
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

void nodes_close_live(struct nodes *t, struct live *live)
{
	const struct map_slot *s;
	struct node **all = NULL;
	size_t i = 0, n = 0;

	pthread_mutex_lock(&t->lock);
	all = calloc(t->by_ino.n + 1, sizeof(*all));
	while (all && (s = map_next(&t->by_ino, &i)))
		if (((struct node *)s->value)->live == live)
			all[n++] = s->value;
	while (n)
		hide(t, all[--n]);
	i = 0;
	while ((s = map_next(&t->dead, &i)))
		if (((struct node *)s->value)->live == live)
			drop_fd(t, s->value);
	pthread_mutex_unlock(&t->lock);
	free(all);
}

static void free_node(void *p)
{
	struct node *n = p;

	if (n->fd >= 0)
		close(n->fd);
	copyup_unprepare(n);
	live_unref(n->live);
	free(n);
}

void nodes_fini(struct nodes *t)
{
	/* The session is over: what the kernel did not give back goes without it. */
	map_fini(&t->by_ino, free_node);
	map_fini(&t->dead, free_node);
	map_fini(&t->by_name, free);
	pthread_mutex_destroy(&t->lock);
}
