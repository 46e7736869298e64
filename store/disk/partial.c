/* One file per blob, locked with flock(2): the lock ends with the process that holds it. */
#include "store/disk/partial.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/beneath.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/file.h"
#include "base/lock.h"
#include "base/log.h"
#include "store/disk/blob.h"
#include "store/disk/store.h"
#include "store/disk/txn.h"

#define POLL_MS 100
/*
 * How long another process may make no progress: a stalled transfer is aborted after half a
 * minute and retried.
 */
#define STALLED_MS 90000

struct partial {
	struct store *store;
	struct digest digest;
	char path[DIGEST_MAX + 16]; /* relative to imagefs/ */
	int fd;
};

static void make_path(const struct digest *d, char out[static DIGEST_MAX + 16])
{
	char path[DIGEST_MAX];

	digest_path(d, path);
	snprintf(out, DIGEST_MAX + 16, "partial/%s", path);
}

/* True if the path still names the open file and it is a regular file. */
static bool is_current(struct store *s, const char *path, int fd, struct stat *st)
{
	struct stat named;

	return fstat(fd, st) == 0 && S_ISREG(st->st_mode) &&
	       beneath_stat(s->imagefs_fd, path, &named) == 0 && named.st_ino == st->st_ino &&
	       named.st_dev == st->st_dev;
}

static int open_file(struct partial *p, struct err *err)
{
	struct store *s = p->store;
	char dir[32];
	int fd;

	snprintf(dir, sizeof(dir), "partial/%.*s", (int)strcspn(p->digest.str, ":"), p->digest.str);
	/* Anything but a regular file here is an error of the user. */
	fd = beneath_open(s->imagefs_fd, p->path, O_RDWR | O_CREAT | O_APPEND, 0600);
	if (fd == -ENOENT) {
		int r = beneath_mkdirs(s->imagefs_fd, dir, 0700);

		if (r < 0)
			return err_sys(err, -r, "store %s: imagefs/%s", s->path, dir);
		fd = beneath_open(s->imagefs_fd, p->path, O_RDWR | O_CREAT | O_APPEND, 0600);
	}
	if (fd < 0)
		return err_sys(err, -fd, "store %s: imagefs/%s", s->path, p->path);
	return fd;
}

/* The size of the file and since when it has not changed. */
struct wait_state {
	off_t size;
	unsigned still_ms;
};

/* Returns 0 to try again, -EAGAIN to give up, or the result of waiting(). */
static int wait_a_little(int fd, struct wait_state *w, int (*waiting)(void *arg, struct err *err),
			 void *arg, struct err *err)
{
	const struct timespec step = { .tv_nsec = POLL_MS * 1000000L };
	struct stat st;

	if (fstat(fd, &st) == 0 && st.st_size != w->size) {
		w->size = st.st_size;
		w->still_ms = 0;
	} else if ((w->still_ms += POLL_MS) > STALLED_MS) {
		return -EAGAIN;
	}
	nanosleep(&step, NULL);
	return waiting ? waiting(arg, err) : 0;
}

/* Lock the current file of that name. */
static int lock_file(struct partial *p, int (*waiting)(void *arg, struct err *err), void *arg,
		     struct stat *st, struct err *err)
{
	struct wait_state w = { .size = -1 };
	int r;

	for (;;) {
		_cleanup_close_ int fd = open_file(p, err);

		if (fd < 0)
			return fd;
		r = lock_try(fd, LOCK_MODE_EXCLUSIVE, "download", p->path);
		for (; r < 0; r = lock_again(fd, LOCK_MODE_EXCLUSIVE)) {
			if (r != -EWOULDBLOCK)
				return err_sys(err, -r, "store %s: imagefs/%s: cannot lock",
					       p->store->path, p->path);
			r = wait_a_little(fd, &w, waiting, arg, err);
			if (r < 0)
				return r;
		}
		/* The previous holder may have completed the blob and removed the name. */
		if (is_current(p->store, p->path, fd, st)) {
			p->fd = TAKE_FD(fd);
			return 0;
		}
		if (fstat(fd, st) == 0 && !S_ISREG(st->st_mode))
			return err_set(err, EINVAL, "store %s: imagefs/%s: not a regular file",
				       p->store->path, p->path);
	}
}

int partial_open(struct store *s, const struct digest *d, uint64_t size,
		 int (*waiting)(void *arg, struct err *err), void *arg, struct partial **out,
		 struct err *err)
{
	struct partial *p;
	struct stat st;
	int r = store_writable(s, err);

	if (r < 0)
		return r;
	p = calloc(1, sizeof(*p));
	if (!p)
		return err_nomem(err);
	p->store = s;
	p->digest = *d;
	p->fd = -1;
	make_path(d, p->path);
	r = lock_file(p, waiting, arg, &st, err);
	/*
	 * A second link: a process was killed after adding the complete blob. If the content is
	 * not the complete blob, the other link must not be changed.
	 */
	if (r == 0 &&
	    ((uint64_t)st.st_size > size || (st.st_nlink > 1 && (uint64_t)st.st_size != size)))
		r = partial_restart(p, err);
	if (r < 0) {
		partial_close(p);
		return r;
	}
	*out = p;
	return 0;
}

int partial_fd(const struct partial *p)
{
	return p->fd;
}

const struct digest *partial_digest(const struct partial *p)
{
	return &p->digest;
}

/*
 * Replace the file, which may have a second link in the store. The new file is locked before it
 * gets the name, so no other process can take it.
 */
int partial_restart(struct partial *p, struct err *err)
{
	char name[DIGEST_MAX + 48];
	_cleanup_close_ int fd = -1;
	int r;

	snprintf(name, sizeof(name), "%s.%d", p->path, (int)getpid());
	beneath_unlink(p->store->imagefs_fd, name);
	r = fd = beneath_open(p->store->imagefs_fd, name, O_RDWR | O_CREAT | O_EXCL | O_APPEND,
			      0600);
	if (r >= 0)
		r = lock_try(fd, LOCK_MODE_EXCLUSIVE, "download", p->path);
	if (r == 0)
		r = beneath_rename(p->store->imagefs_fd, name, p->store->imagefs_fd, p->path, 0);
	if (r < 0) {
		beneath_unlink(p->store->imagefs_fd, name);
		return err_sys(err, -r, "store %s: imagefs/%s", p->store->path, p->path);
	}
	close(p->fd);
	p->fd = TAKE_FD(fd);
	return 0;
}

int partial_add(struct partial *p, struct txn *t, struct err *err)
{
	char path[DIGEST_MAX + 8];

	blob_store_path(&p->digest, path);
	return txn_link(t, p->store->imagefs_fd, p->path, path, err);
}

void partial_done(struct partial *p)
{
	if (!p)
		return;
	beneath_unlink(p->store->imagefs_fd, p->path);
	close(p->fd);
	free(p);
}

void partial_close(struct partial *p)
{
	struct stat st;

	if (!p)
		return;
	if (p->fd >= 0) {
		/* An empty file is useless for resuming. */
		if (fstat(p->fd, &st) == 0 && st.st_size == 0)
			beneath_unlink(p->store->imagefs_fd, p->path);
		close(p->fd);
	}
	free(p);
}

/* Sweep one file; returns 1 if no process holds it. */
static unsigned sweep_one(struct store *s, const char *path, bool dry, uint64_t *bytes)
{
	_cleanup_close_ int fd = beneath_open(s->imagefs_fd, path, O_RDONLY, 0);
	struct stat st;
	int r;

	if (fd < 0 || lock_try(fd, LOCK_MODE_EXCLUSIVE, "download", path) < 0 ||
	    !is_current(s, path, fd, &st))
		return 0;
	r = dry ? 0 : beneath_unlink(s->imagefs_fd, path);
	if (r < 0) {
		log_warn("store %s: cannot remove imagefs/%s: %s", s->path, path, strerror(-r));
		return 0;
	}
	if (st.st_nlink == 1)
		*bytes += (uint64_t)st.st_size;
	return 1;
}

unsigned partial_sweep(struct store *s, bool dry, void (*say)(void *arg, const char *path),
		       void *arg, uint64_t *bytes)
{
	static const char *const dirs[] = { "partial/sha256", "partial/sha512" };
	size_t i, k, n;
	unsigned found = 0;
	char **names;

	*bytes = 0;
	for (i = 0; i < ARRAY_SIZE(dirs); i++) {
		_cleanup_close_ int fd = beneath_dir(s->imagefs_fd, dirs[i]);

		if (fd < 0 || file_names(fd, &names, &n) < 0)
			continue;
		for (k = 0; k < n; k++) {
			char path[320], shown[340];

			snprintf(path, sizeof(path), "%s/%.255s", dirs[i], names[k]);
			if (!sweep_one(s, path, dry, bytes))
				continue;
			found++;
			snprintf(shown, sizeof(shown), "imagefs/%s", path);
			if (say)
				say(arg, shown);
		}
		file_names_free(names);
	}
	return found;
}
