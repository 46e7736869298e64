/*
 * The unresolved rest of the path is a string. A symbolic link puts its target in front of what
 * is left of it. 40 links of PATH_MAX bytes bound the length of the rest.
 */
#include "store/layer/link_walk.h"

#include <errno.h>
#include <string.h>

#include "base/buf.h"
#include "store/layer/layer_format.h"

#define LINKS_MAX 40
#define ROOT 0u

/* The next component other than "" and "."; NULL at the end. Moves *pos behind it. */
static const char *next_component(const struct buf *rest, size_t *pos, size_t *len)
{
	const char *s = buf_str(rest) + *pos;

	do {
		s += strspn(s, "/");
		*len = strcspn(s, "/");
		*pos = (size_t)(s - buf_str(rest)) + *len;
		if (*len != 1 || *s != '.')
			return *len ? s : NULL;
		s++;
	} while (true);
}

/* Replace rest, of which the first pos bytes are resolved, by target and what is left. */
static int follow(struct link_walk *w, const char *target, struct buf *rest, size_t pos,
		  struct err *err)
{
	struct buf next _cleanup_buf_ = BUF_INIT, old;

	if (buf_puts(&next, target) < 0 || buf_putc(&next, '/') < 0 ||
	    buf_puts(&next, buf_str(rest) + pos) < 0)
		return err_nomem(err);
	w->link_bytes += next.len;
	if (w->link_bytes > LAYER_LINK_BYTES_MAX)
		return err_set(err, E2BIG, "too many paths through symbolic links");
	old = *rest;
	*rest = next;
	next = old;
	return 0;
}

int link_walk(struct link_walk *w, uint32_t dir, const char *path, size_t len, unsigned flags,
	      uint32_t *out, struct err *err)
{
	struct buf rest _cleanup_buf_ = BUF_INIT;
	size_t pos = 0, n;
	const char *name;
	int links = 0, r;

	if (buf_append(&rest, path, len) < 0)
		return err_nomem(err);
	if (*buf_str(&rest) == '/')
		dir = ROOT;
	while ((name = next_component(&rest, &pos, &n))) {
		const char *target = NULL;
		uint32_t node;

		if (n == 2 && memcmp(name, "..", 2) == 0) {
			dir = w->parent(w->ctx, dir);
			continue;
		}
		r = w->lookup(w->ctx, dir, name, n, &node, err);
		if (r == -ENOENT && flags & LINK_WALK_MAKE)
			r = w->make(w->ctx, dir, name, n, &node, err);
		if (r < 0)
			return r;
		if (flags & LINK_WALK_FOLLOW || buf_str(&rest)[pos])
			target = w->target(w->ctx, node);
		if (!target) {
			dir = node;
			continue;
		}
		if (++links > LINKS_MAX)
			return err_set(err, ELOOP, "too many symbolic links");
		if (*target == '/')
			dir = ROOT;
		r = follow(w, target, &rest, pos, err);
		if (r < 0)
			return r;
		pos = 0;
	}
	*out = dir;
	return 0;
}
