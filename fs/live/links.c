/*
 * The groups come from one scan of the tree, at the first question.
 */
#include "fs/live/links.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "store/container/upper.h"
#include "store/image/tree.h"

void links_init(struct links *l)
{
	pthread_mutex_init(&l->lock, NULL);
	l->made = false;
	l->v = NULL;
	l->n = 0;
}

void links_fini(struct links *l)
{
	pthread_mutex_destroy(&l->lock);
	free(l->v);
}

static int by_ino(const void *a, const void *b)
{
	const struct link *x = a, *y = b;

	if (x->ino != y->ino)
		return x->ino < y->ino ? -1 : 1;
	return x->node < y->node ? -1 : x->node > y->node;
}

static int add(struct links *l, uint32_t *cap, uint64_t ino, uint32_t node)
{
	if (l->n == *cap) {
		uint32_t more = *cap ? *cap * 2 : 64;
		struct link *v = realloc(l->v, more * sizeof(*v));

		if (!v)
			return -ENOMEM;
		l->v = v;
		*cap = more;
	}
	l->v[l->n].ino = ino;
	l->v[l->n++].node = node;
	return 0;
}

/* All names that are reachable in the tree, breadth first. */
static int scan(struct links *l, const struct tree *tree)
{
	uint32_t size = tree_size(tree), head = 0, tail = 0, cap = 0, i, n;
	_cleanup_free_ uint32_t *queue = malloc(((size_t)size + 1) * sizeof(*queue));
	int r = 0;

	if (!queue)
		return -ENOMEM;
	queue[tail++] = TREE_ROOT;
	while (r == 0 && head < tail) {
		const uint32_t *children = tree_children(tree, queue[head++], &n);

		for (i = 0; i < n && r == 0; i++) {
			struct stat st;

			tree_stat(tree, children[i], &st);
			if (S_ISDIR(st.st_mode) && tail <= size)
				queue[tail++] = children[i];
			else if (!S_ISDIR(st.st_mode) && st.st_nlink > 1)
				r = add(l, &cap, st.st_ino, children[i]);
		}
	}
	if (r == 0 && l->n)
		qsort(l->v, l->n, sizeof(*l->v), by_ino);
	return r;
}

static int make(struct links *l, const struct tree *tree)
{
	int r = 0;

	pthread_mutex_lock(&l->lock);
	if (!l->made) {
		l->n = 0;
		r = scan(l, tree);
		l->made = r == 0;
	}
	pthread_mutex_unlock(&l->lock);
	return r;
}

int links_group(struct links *l, const struct tree *tree, uint32_t node, const struct link **out)
{
	uint32_t low = 0, high, end;
	struct stat st;
	int r;

	*out = NULL;
	tree_stat(tree, node, &st);
	if (S_ISDIR(st.st_mode) || st.st_nlink < 2)
		return 1;
	r = make(l, tree);
	if (r < 0)
		return r;
	for (high = l->n; low < high;) {
		uint32_t mid = low + (high - low) / 2;

		if (l->v[mid].ino < st.st_ino)
			low = mid + 1;
		else
			high = mid;
	}
	for (end = low; end < l->n && l->v[end].ino == st.st_ino;)
		end++;
	if (end == low)
		return 1;
	*out = l->v + low;
	return (int)(end - low);
}

int links_visible(const struct upper *upper, const struct tree *tree, uint32_t node)
{
	_cleanup_free_ uint32_t *chain = NULL;
	_cleanup_close_ int fd = fcntl(upper->fd, F_DUPFD_CLOEXEC, 0);
	size_t n;

	if (fd < 0)
		return -errno;
	if (tree_chain(tree, node, &chain, &n) < 0)
		return -ENOMEM;
	while (n--) {
		const char *name = tree_name(tree, chain[n]);
		bool whiteout;
		struct stat st;
		int next, r = upper_lookup(upper, fd, name, &st, &whiteout);

		if (r == -ENOENT)
			return 1;
		/* A damaged file hides the name as well. */
		if (r == -EIO && !n)
			return 0;
		if (r < 0)
			return r;
		if (whiteout || !n || !S_ISDIR(st.st_mode))
			return 0;
		next = openat(fd, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (next < 0)
			return -errno;
		close(fd);
		fd = next;
		r = upper_is_opaque(upper, fd);
		if (r)
			return r < 0 ? r : 0;
	}
	return 0;
}

int links_count(struct links *l, const struct upper *upper, const struct tree *tree, uint32_t node)
{
	const struct link *group;
	int i, count = 0, n = links_group(l, tree, node, &group);

	if (n < 0)
		return n;
	if (!group)
		return links_visible(upper, tree, node);
	for (i = 0; i < n; i++) {
		int r = links_visible(upper, tree, group[i].node);

		if (r < 0)
			return r;
		count += r;
	}
	return count;
}
