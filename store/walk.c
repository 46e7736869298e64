/*
 * A stack of the names that are still to be seen; the way up is "..", checked
 * against where the walk came from.
 */
#include "store/walk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"

struct walk_level {
	dev_t dev;
	ino_t ino;
	char **names;
	size_t n, i;
	size_t path_len; /* of walk.path, up to this directory */
};

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void level_fini(struct walk_level *l)
{
	size_t i;

	for (i = 0; i < l->n; i++)
		free(l->names[i]);
	free(l->names);
}

static int read_names(struct walk_level *l, int fd)
{
	_cleanup_closedir_ DIR *d = NULL;
	int copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	size_t cap = 0;
	struct dirent *e;

	d = copy < 0 ? NULL : fdopendir(copy);
	if (!d)
		return -errno;
	while ((errno = 0, e = readdir(d))) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		if (l->n == cap) {
			char **names;

			cap = cap ? cap * 2 : 32;
			names = realloc(l->names, cap * sizeof(*names));
			if (!names)
				return -ENOMEM;
			l->names = names;
		}
		l->names[l->n] = strdup(e->d_name);
		if (!l->names[l->n])
			return -ENOMEM;
		l->n++;
	}
	if (errno)
		return -errno;
	if (l->n)
		qsort(l->names, l->n, sizeof(*l->names), by_name);
	return 0;
}

int walk_enter(struct walk *w, int fd)
{
	struct walk_level *l;
	struct stat st;

	if (w->fd >= 0)
		close(w->fd);
	w->fd = fd;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (w->depth == w->cap) {
		size_t cap = w->cap ? w->cap * 2 : 16;

		l = realloc(w->levels, cap * sizeof(*l));
		if (!l)
			return -ENOMEM;
		w->levels = l;
		w->cap = cap;
	}
	l = &w->levels[w->depth++];
	memset(l, 0, sizeof(*l));
	l->dev = st.st_dev;
	l->ino = st.st_ino;
	l->path_len = w->path.len;
	return read_names(l, fd);
}

/* Out of the directory at hand, to the one above; that must be the one that the walk came from. */
static int leave(struct walk *w)
{
	const struct walk_level *l;
	struct stat st;
	int up;

	level_fini(&w->levels[--w->depth]);
	if (!w->depth)
		return 0;
	up = openat(w->fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	/* There is no way up from a directory that was removed meanwhile. */
	if (up < 0)
		return errno == ENOENT ? -ESTALE : -errno;
	close(w->fd);
	w->fd = up;
	l = &w->levels[w->depth - 1];
	if (fstat(up, &st) < 0)
		return -errno;
	return st.st_dev == l->dev && st.st_ino == l->ino ? 0 : -ESTALE;
}

int walk_next(struct walk *w, const char **name)
{
	while (w->depth) {
		struct walk_level *l = &w->levels[w->depth - 1];
		int r;

		w->path.len = l->path_len;
		if (w->path.data)
			w->path.data[w->path.len] = '\0';
		if (l->i < l->n) {
			*name = l->names[l->i++];
			if ((l->path_len && buf_putc(&w->path, '/') < 0) ||
			    buf_puts(&w->path, *name) < 0)
				return -ENOMEM;
			return 1;
		}
		r = leave(w);
		if (r < 0)
			return r;
	}
	return 0;
}

size_t walk_dir_len(const struct walk *w)
{
	return w->depth ? w->levels[w->depth - 1].path_len : 0;
}

void walk_fini(struct walk *w)
{
	while (w->depth)
		level_fini(&w->levels[--w->depth]);
	if (w->fd >= 0)
		close(w->fd);
	w->fd = -1;
	free(w->levels);
	w->levels = NULL;
	w->cap = 0;
	buf_fini(&w->path);
}
