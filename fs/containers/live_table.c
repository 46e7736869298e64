/*
 * A container enters the table when it is looked up, and leaves it when it was removed. It is known
 * by its directory: where a name leads to that of a container in use, the container was renamed.
 */
#include "fs/containers/live_table.h"

#include <errno.h>
#include <fuse_lowlevel.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/beneath.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/file.h"
#include "base/log.h"
#include "fs/containers/freeze.h"
#include "fs/core/fs.h"
#include "fs/core/session.h"
#include "fs/core/trees.h"
#include "fs/live/node.h"
#include "store/container/container.h"
#include "store/disk/store.h"

/* Inode numbers have room for that many containers (fs/live/ino_map.h). */
#define ID_MAX ((1u << 23) - 1)

/* Milliseconds after which RELEASE must have come. */
#define CLOSE_BACKOFFS 1000

int live_table_init(struct live_table *t, const struct live_shared *shared, struct err *err)
{
	memset(t, 0, sizeof(*t));
	t->shared = *shared;
	pthread_mutex_init(&t->lock, NULL);
	clock_gettime(CLOCK_REALTIME, &t->changed);
	return container_list(shared->fs->store, &t->names, err);
}

static void unref(void *live)
{
	live_unref(live);
}

void live_table_fini(struct live_table *t)
{
	map_fini(&t->in_use, unref);
	container_list_free(t->names);
	pthread_mutex_destroy(&t->lock);
}

/* The container in use that has this name since a rename; lock is held. NULL: none. */
static struct live *follow(struct live_table *t, const char *name)
{
	_cleanup_free_ char *path = path_join("containers", name);
	const struct map_slot *slot;
	struct live *live = NULL;
	const char *before;
	struct stat st;
	size_t i = 0;

	if (!path || beneath_stat(t->shared.fs->store->imagefs_fd, path, &st) < 0)
		return NULL;
	while (!live && (slot = map_next(&t->in_use, &i))) {
		live = slot->value;
		if (live->dev != st.st_dev || live->ino != st.st_ino)
			live = NULL;
	}
	if (!live || map_put(&t->in_use, name, live) < 0)
		return NULL;
	before = live->name;
	if (live_rename(live, name) < 0) {
		map_del(&t->in_use, name);
		return NULL;
	}
	map_del(&t->in_use, before);
	return live;
}

int live_table_find(struct live_table *t, const char *name, struct live **out)
{
	struct err err = ERR_INIT;
	struct live *live;
	int r = container_name_check(name, NULL);

	if (r < 0)
		return -ENOENT;
	pthread_mutex_lock(&t->lock);
	live = map_get(&t->in_use, name);
	if (!live)
		live = follow(t, name);
	if (!live) {
		r = t->next_id < ID_MAX ? 0 : -ENFILE;
		if (r == 0)
			r = live_open(&t->shared, name, t->next_id + 1, &live, &err);
		if (r == 0 && map_put(&t->in_use, name, live) < 0) {
			live_unref(live);
			r = -ENOMEM;
		}
		if (r == 0)
			t->next_id++;
		else if (r != -ENOENT)
			log_warn("%s", err.msg[0] ? err.msg : strerror(-r));
	}
	if (r == 0) {
		live_ref(live);
		*out = live;
	}
	pthread_mutex_unlock(&t->lock);
	return r;
}

void live_table_stat(struct live_table *t, struct stat *st)
{
	memset(st, 0, sizeof(*st));
	st->st_ino = FUSE_ROOT_ID;
	st->st_mode = S_IFDIR | 0755;
	st->st_nlink = 2;
	st->st_uid = geteuid();
	st->st_gid = getegid();
	st->st_blksize = 4096;
	pthread_mutex_lock(&t->lock);
	st->st_atim = st->st_mtim = st->st_ctim = t->changed;
	pthread_mutex_unlock(&t->lock);
	fs_show_owner(t->shared.fs, st);
}

/* --- what the daemon's main thread asks for --- */

/*
 * The kernel drops a name, with or without a file. No lock is held, as the kernel may wait for a
 * thread that needs it.
 */
static void tell_name(struct live_table *t, const char *name)
{
	const struct session *s = t->shared.nodes->session;

	if (s)
		fuse_lowlevel_notify_inval_entry(session_fuse(s), FUSE_ROOT_ID, name, strlen(name));
}

static void tell_list(struct live_table *t)
{
	const struct session *s = t->shared.nodes->session;

	pthread_mutex_lock(&t->lock);
	clock_gettime(CLOCK_REALTIME, &t->changed);
	pthread_mutex_unlock(&t->lock);
	if (s)
		fuse_lowlevel_notify_inval_inode(session_fuse(s), FUSE_ROOT_ID, 0, 0);
}

/* Take a container out of the table: the next look-up opens it anew. */
static struct live *take_out(struct live_table *t, const char *name)
{
	struct live *live;

	pthread_mutex_lock(&t->lock);
	live = map_del(&t->in_use, name);
	pthread_mutex_unlock(&t->lock);
	return live;
}

static struct live *borrow(struct live_table *t, const char *name)
{
	struct live *live;

	pthread_mutex_lock(&t->lock);
	live = map_get(&t->in_use, name);
	if (live)
		live_ref(live);
	pthread_mutex_unlock(&t->lock);
	return live;
}

static void let_go(struct live_table *t, const char *name)
{
	struct live *live = take_out(t, name);

	tell_name(t, name);
	if (!live)
		return;
	live_close(live);
	nodes_close_live(live->nodes, live);
	freeze_drop(live);
	live_unref(live);
}

/* A container in use that has this name since a rename gets it. */
static void follow_renamed(struct live_table *t, const char *name)
{
	pthread_mutex_lock(&t->lock);
	if (!map_get(&t->in_use, name))
		follow(t, name);
	pthread_mutex_unlock(&t->lock);
}

/*
 * True: the container of that name was not removed, but renamed after or while the list was read.
 */
static bool is_renamed(struct live_table *t, const char *name)
{
	_cleanup_free_ char *to = NULL;
	struct live *live = borrow(t, name), *other;
	bool there = live && container_name_now(t->shared.fs->store, live->box, &to) == 0;

	if (there && strcmp(name, to) != 0) {
		other = borrow(t, to);
		/* The other one was removed, and this one got its name. */
		if (other && other != live)
			let_go(t, to);
		live_unref(other);
		follow_renamed(t, to);
		tell_name(t, name);
	}
	live_unref(live);
	return there;
}

/* One name that was listed before, is listed now, or both. */
static void refresh_name(struct live_table *t, const char *name, bool before, bool now)
{
	struct live *live = borrow(t, name);
	bool gone = !now || (live && live_gone(live));

	/* Removed, perhaps made again between two refreshes. */
	if (gone) {
		if (!is_renamed(t, name))
			let_go(t, name);
	} else if (!before || !live) {
		/* The kernel may remember that the name did not exist. */
		tell_name(t, name);
	}
	live_unref(live);
}

/* Compare the next names of two sorted lists; NULL: the end. */
static int compare(const char *before, const char *now)
{
	return !before ? 1 : !now ? -1 : strcmp(before, now);
}

void live_table_refresh(struct live_table *t)
{
	struct err err = ERR_INIT;
	char **now, **before = t->names;
	size_t i = 0, k = 0;

	if (container_list(t->shared.fs->store, &now, &err) < 0) {
		log_warn("%s", err.msg);
		return;
	}
	while (now[k]) {
		int d = compare(before[i], now[k]);

		if (d > 0)
			follow_renamed(t, now[k]);
		i += d <= 0;
		k += d >= 0;
	}
	for (i = k = 0; before[i] || now[k];) {
		int d = compare(before[i], now[k]);

		refresh_name(t, d <= 0 ? before[i] : now[k], d <= 0, d >= 0);
		i += d <= 0;
		k += d >= 0;
	}
	t->names = now;
	container_list_free(before);
	tell_list(t);
	trees_sweep(t->shared.fs->trees);
}

int live_table_freeze(struct live_table *t, const char *name, struct live **out, struct err *err)
{
	struct live *live;
	int r = live_table_find(t, name, &live);

	if (r == -ENOENT)
		return err_set(err, ENOENT, "No such container: %s", name);
	if (r < 0)
		return err_sys(err, -r, "container %s", name);
	r = freeze_begin(live, err);
	if (r < 0) {
		live_unref(live);
		return r;
	}
	gate_freeze(&live->gate);
	*out = live;
	return 0;
}

void live_table_thaw(struct live *live)
{
	gate_thaw(&live->gate);
	freeze_end(live);
	live_unref(live);
}

void live_table_give_up(struct live_table *t)
{
	const struct map_slot *s;
	struct live **all;
	size_t i = 0, n = 0;

	pthread_mutex_lock(&t->lock);
	all = calloc(t->in_use.n + 1, sizeof(struct live *));
	while ((s = map_next(&t->in_use, &i))) {
		gate_give_up(&((struct live *)s->value)->gate);
		if (!all)
			continue;
		live_ref(s->value);
		all[n++] = s->value;
	}
	pthread_mutex_unlock(&t->lock);
	/* Without the lock: this waits for threads that may wait for the lock. */
	for (i = 0; i < n; i++) {
		freeze_drop(all[i]);
		live_unref(all[i]);
	}
	free(all);
}

/*
 * How many of its files are open. RELEASE comes after close(2) has returned, so this waits a while
 * for the last ones.
 */
static unsigned count_open(const struct live *live)
{
	const struct timespec backoff = { .tv_nsec = 1000000 };
	unsigned n, tries = CLOSE_BACKOFFS;

	while ((n = __atomic_load_n(&live->open_files, __ATOMIC_RELAXED)) && tries--)
		nanosleep(&backoff, NULL);
	return n;
}

static int is_read(struct err *err, const char *name)
{
	return err_set(err, EBUSY, "container %s is in use: it is being committed or compared",
		       name);
}

int live_table_follow(struct live_table *t, const char *name, struct err *err)
{
	struct live *live = borrow(t, name);
	bool ours = live && live_is_locked(live), frozen = live && gate_is_frozen(&live->gate);

	live_unref(live);
	return frozen ? is_read(err, name) : ours;
}

int live_table_close(struct live_table *t, const char *name, struct err *err)
{
	struct live *live = borrow(t, name);
	unsigned n = live ? count_open(live) : 0;
	bool frozen = live && gate_is_frozen(&live->gate);

	live_unref(live);
	if (frozen)
		return is_read(err, name);
	if (n)
		return err_set(err, EBUSY, "container %s is in use: %u of its files %s open", name,
			       n, n == 1 ? "is" : "are");
	let_go(t, name);
	return 0;
}
