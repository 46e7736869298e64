/*
 * A stack of the names still to visit. On the way up, ".." is checked against the directory that
 * the walk came from.
 */
#include "base/walk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"

struct walk_level {
	dev_t dev;
	ino_t ino;
	char **names;
	size_t n, i;
	size_t path_len; /* of walk.path, up to this directory */
};

static void level_fini(struct walk_level *l)
{
	file_names_free(l->names);
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
	return file_names(fd, &l->names, &l->n);
}

/* Return to the parent directory, which must be the one the walk came from. */
static int leave(struct walk *w)
{
	const struct walk_level *l;
	struct stat st;
	int up;

	level_fini(&w->levels[--w->depth]);
	if (!w->depth)
		return 0;
	up = openat(w->fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	/* A removed directory has no "..". */
	if (up < 0)
		return errno == ENOENT ? -ESTALE : -errno;
	close(w->fd);
	w->fd = up;
	l = &w->levels[w->depth - 1];
	if (fstat(up, &st) < 0)
		return -errno;
	return st.st_dev == l->dev && st.st_ino == l->ino ? 0 : -ESTALE;
}

/* Make the last name of the list that was taken the current one. */
static int set_current(struct walk *w, const struct walk_level *l, const char **name)
{
	*name = l->names[l->i - 1];
	if ((l->path_len && buf_putc(&w->path, '/') < 0) || buf_puts(&w->path, *name) < 0)
		return -ENOMEM;
	return 1;
}

int walk_next(struct walk *w, const char **name)
{
	bool left = false;

	while (w->depth) {
		struct walk_level *l = &w->levels[w->depth - 1];
		int r;

		w->path.len = l->path_len;
		if (w->path.data)
			w->path.data[w->path.len] = '\0';
		if (left && w->again)
			return set_current(w, l, name);
		if (l->i < l->n) {
			l->i++;
			return set_current(w, l, name);
		}
		r = leave(w);
		if (r < 0)
			return r;
		left = true;
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
