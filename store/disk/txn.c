/* A locked directory below imagefs/tmp, and a list of its files with their destinations. */
#include "store/disk/txn.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/beneath.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/file.h"
#include "base/log.h"
#include "base/map.h"
#include "base/text.h"
#include "store/disk/spare.h"
#include "store/disk/store.h"
#include "store/disk/tmp_dir.h"

/* Attempts to link a file that is being replaced before it is copied. */
#define LINK_TRIES 16

struct txn_file {
	char name[16];
	char *path;   /* destination; NULL until txn_add() */
	bool kept;    /* from the store: txn_keep() */
	bool created; /* published, and did not exist before */
};

struct txn {
	struct store *store;
	struct tmp_dir tmp_dir;
	int fd; /* its directory */
	pthread_mutex_t lock;
	unsigned next;
	struct txn_file **files;
	size_t n, cap;
	struct map by_path; /* path -> struct txn_file */
	char last[16];	    /* txn_replace() */
	const char *last_path;
};

static int begin(struct store *s, bool aside, struct txn **out, struct err *err)
{
	struct txn *t = calloc(1, sizeof(*t));
	int r;

	if (!t)
		return err_nomem(err);
	t->store = s;
	r = aside ? tmp_dir_make_aside(s, &t->tmp_dir) : tmp_dir_make(s, &t->tmp_dir);
	if (r < 0) {
		free(t);
		return aside ? err_sys(err, -r, "read-only store %s: a temporary file", s->path)
			     : err_sys(err, -r, "store %s: imagefs/tmp", s->path);
	}
	t->fd = t->tmp_dir.fd;
	pthread_mutex_init(&t->lock, NULL);
	*out = t;
	return 0;
}

int txn_begin(struct store *s, struct txn **out, struct err *err)
{
	int r = store_writable(s, err);

	return r < 0 ? r : begin(s, false, out, err);
}

int txn_begin_reading(struct store *s, struct txn **out, struct err *err)
{
	return begin(s, s->read_only != NULL, out, err);
}

struct store *txn_store(struct txn *t)
{
	return t->store;
}

int txn_create(struct txn *t, char name[static 16], struct err *err)
{
	int fd;

	pthread_mutex_lock(&t->lock);
	snprintf(name, 16, "%u", t->next++);
	pthread_mutex_unlock(&t->lock);
	fd = openat(t->fd, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_sys(err, errno, "store %s: cannot create a file", t->store->path);
	return fd;
}

static int add(struct txn *t, const char *name, const char *path, bool kept, struct err *err)
{
	struct txn_file *f = NULL;
	int r = -ENOMEM;

	pthread_mutex_lock(&t->lock);
	if (map_get(&t->by_path, path)) {
		pthread_mutex_unlock(&t->lock);
		txn_discard(t, name);
		return 0;
	}
	if (t->n == t->cap) {
		size_t cap = t->cap ? t->cap * 2 : 16;
		struct txn_file **files = realloc(t->files, cap * sizeof(*files));

		if (!files)
			goto out;
		t->files = files;
		t->cap = cap;
	}
	f = calloc(1, sizeof(*f));
	if (!f)
		goto out;
	snprintf(f->name, sizeof(f->name), "%s", name);
	f->kept = kept;
	f->path = strdup(path);
	if (!f->path || map_put(&t->by_path, path, f) < 0)
		goto out;
	t->files[t->n++] = TAKE_PTR(f);
	r = 0;
out:
	pthread_mutex_unlock(&t->lock);
	if (f)
		free(f->path);
	free(f);
	return r < 0 ? err_nomem(err) : 0;
}

int txn_add(struct txn *t, const char *name, const char *path, struct err *err)
{
	return add(t, name, path, false, err);
}

/* Copy instead of linking: on file systems without links, or for a file of another user. */
static int copy_in(struct txn *t, const char *path, const char *name)
{
	_cleanup_close_ int in = beneath_open(t->store->fd, path, O_RDONLY, 0);
	_cleanup_close_ int out = -1;
	struct stat st;
	int r;

	if (in < 0 || fstat(in, &st) < 0)
		return in < 0 ? in : -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	out = openat(t->fd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (out < 0)
		return -errno;
	r = file_copy(in, out, (uint64_t)st.st_size);
	return r == 0 && fdatasync(out) < 0 ? -errno : r;
}

/* linkat(2) also returns ENOENT if the file is replaced during the call. */
static int link_in(struct txn *t, const char *path, const char *name)
{
	int tries, r = -ENOENT;

	for (tries = 0; tries < LINK_TRIES && r == -ENOENT; tries++) {
		r = beneath_link(t->store->fd, path, t->fd, name);
		if (r == -ENOENT && !beneath_exists(t->store->fd, path))
			return r;
	}
	return r;
}

int txn_keep(struct txn *t, const char *path, struct err *err)
{
	char name[16];
	bool has;
	int r;

	pthread_mutex_lock(&t->lock);
	has = map_get(&t->by_path, path) != NULL;
	snprintf(name, sizeof(name), "%u", t->next++);
	pthread_mutex_unlock(&t->lock);
	if (has)
		return 0;
	if (t->tmp_dir.aside)
		return beneath_exists(t->store->fd, path)
			       ? 0
			       : err_sys(err, ENOENT, "store %s: %s", t->store->path, path);
	r = link_in(t, path, name);
	if (r < 0)
		r = copy_in(t, path, name);
	if (r < 0) {
		txn_discard(t, name);
		return err_sys(err, -r, "store %s: %s", t->store->path, path);
	}
	return add(t, name, path, true, err);
}

int txn_link(struct txn *t, int dirfd, const char *from, const char *path, struct err *err)
{
	char name[16];
	int r;

	pthread_mutex_lock(&t->lock);
	snprintf(name, sizeof(name), "%u", t->next++);
	pthread_mutex_unlock(&t->lock);
	r = beneath_link(dirfd, from, t->fd, name);
	if (r < 0)
		r = beneath_rename(dirfd, from, t->fd, name, 0);
	if (r < 0)
		return err_sys(err, -r, "store %s: cannot create a file", t->store->path);
	return add(t, name, path, false, err);
}

void txn_replace(struct txn *t, const char *name, const char *path)
{
	snprintf(t->last, sizeof(t->last), "%s", name);
	t->last_path = path;
}

void txn_discard(struct txn *t, const char *name)
{
	unlinkat(t->fd, name, 0);
}

static void drop(struct txn *t, size_t i)
{
	struct txn_file *f = t->files[i];

	t->files[i] = t->files[--t->n];
	map_del(&t->by_path, f->path);
	unlinkat(t->fd, f->name, 0);
	free(f->path);
	free(f);
}

void txn_drop(struct txn *t, const char *path)
{
	const struct txn_file *f;
	size_t i;

	pthread_mutex_lock(&t->lock);
	f = map_get(&t->by_path, path);
	for (i = 0; f && i < t->n; i++) {
		if (t->files[i] == f) {
			drop(t, i);
			break;
		}
	}
	pthread_mutex_unlock(&t->lock);
}

void txn_retain(struct txn *t, const struct map *paths)
{
	size_t i;

	pthread_mutex_lock(&t->lock);
	for (i = t->n; i-- > 0;)
		if (!map_get(paths, t->files[i]->path))
			drop(t, i);
	pthread_mutex_unlock(&t->lock);
}

int txn_open(struct txn *t, const char *path)
{
	const struct txn_file *f;
	char name[16] = "";

	pthread_mutex_lock(&t->lock);
	f = map_get(&t->by_path, path);
	if (f)
		memcpy(name, f->name, sizeof(name));
	pthread_mutex_unlock(&t->lock);
	return beneath_open(f ? t->fd : t->store->fd, f ? name : path, O_RDONLY, 0);
}

/* Create the missing parent directory of a path (blobs/sha512). */
static int make_parent(struct txn *t, const char *path)
{
	_cleanup_free_ char *dir = strdup(path);
	char *slash = dir ? strrchr(dir, '/') : NULL;

	if (!slash)
		return dir ? 0 : -ENOMEM;
	*slash = '\0';
	return beneath_mkdirs(t->store->fd, dir, 0700);
}

/*
 * An existing file is replaced: ours is verified, the old one may be damaged. A kept file is only
 * restored if it is missing.
 */
static int publish_one(struct txn *t, struct txn_file *f)
{
	int r = make_parent(t, f->path);

	if (r < 0)
		return r;
	f->created = !beneath_exists(t->store->fd, f->path);
	log_debug("transaction %s: %s: %s", t->tmp_dir.name, f->path,
		  f->created ? "new"
		  : f->kept  ? "in the store already"
			     : "replaced");
	if (f->kept && !f->created)
		return 0;
	return beneath_rename(t->fd, f->name, t->store->fd, f->path, 0);
}

/*
 * index.json is renamed last, when everything that it references is on the disk. After that, the
 * transaction cannot be undone.
 */
static int publish_last(struct txn *t)
{
	int r;

	if (!t->last[0])
		return 0;
	r = beneath_rename(t->fd, t->last, t->store->fd, t->last_path, 0);
	if (r < 0)
		return r;
	store_changed(t->store);
	if (file_sync_dir(t->store->fd, ".") < 0)
		log_warn("store %s: cannot sync the directory", t->store->path);
	if (strcmp(t->last_path, "index.json") == 0)
		spare_keep(t->store);
	return 0;
}

static int sync_file(struct txn *t, const char *name)
{
	_cleanup_close_ int fd = beneath_open(t->fd, name, O_RDONLY, 0);
	int r;

	if (fd < 0)
		return fd;
	r = t->tmp_dir.ours ? store_give(t->store, fd) : 0;
	return r == 0 && fdatasync(fd) < 0 ? -errno : r;
}

static int sync_files(struct txn *t)
{
	size_t i;
	int r = t->last[0] ? sync_file(t, t->last) : 0;

	for (i = 0; i < t->n && r == 0; i++)
		if (!t->files[i]->kept)
			r = sync_file(t, t->files[i]->name);
	return r;
}

static int sync_parents(struct txn *t)
{
	struct map seen = MAP_INIT;
	size_t i;
	int r = 0;

	for (i = 0; i < t->n && r == 0; i++) {
		const struct txn_file *f = t->files[i];
		size_t len = (size_t)(strrchr(f->path, '/') - f->path);
		_cleanup_free_ char *dir = strndup(f->path, len);

		if (f->kept && !f->created)
			continue;
		if (!dir)
			r = -ENOMEM;
		else if (!map_get(&seen, dir))
			r = map_put(&seen, dir, t) < 0 ? -ENOMEM
						       : beneath_sync_dir(t->store->fd, dir);
	}
	map_fini(&seen, NULL);
	return r;
}

int txn_publish(struct txn *t, struct err *err)
{
	size_t i;
	int r;

	if (t->tmp_dir.aside)
		return 0;
	r = sync_files(t);
	for (i = 0; i < t->n && r == 0; i++)
		r = publish_one(t, t->files[i]);
	if (r == 0)
		r = sync_parents(t);
	if (r == 0)
		r = publish_last(t);
	if (r == 0) {
		log_debug("transaction %s: published: %zu file%s%s%s", t->tmp_dir.name, t->n,
			  TEXT_S(t->n), t->last[0] ? ", then " : "",
			  t->last[0] ? t->last_path : "");
		return 0;
	}
	while (i-- > 0)
		if (t->files[i]->created)
			beneath_unlink(t->store->fd, t->files[i]->path);
	log_debug("transaction %s: undone: %s", t->tmp_dir.name, strerror(-r));
	return err_sys(err, -r, "store %s: cannot write", t->store->path);
}

void txn_free(struct txn *t)
{
	size_t i;

	if (!t)
		return;
	tmp_dir_remove(t->store, &t->tmp_dir);
	for (i = 0; i < t->n; i++) {
		free(t->files[i]->path);
		free(t->files[i]);
	}
	free(t->files);
	map_fini(&t->by_path, NULL);
	pthread_mutex_destroy(&t->lock);
	free(t);
}
