/* Sorting the collected nodes and writing the index file. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "store/layer/checksum.h"
#include "store/layer/decode.h"
#include "store/layer/layer_build.h"
#include "store/layer/layer_build_private.h"

/* The order in which nodes are written: breadth first, names sorted. */
struct order {
	uint32_t *node;	 /* position in the index -> node */
	uint32_t *first; /* position -> position of its first child */
	uint32_t *count;
	size_t n;
};

static int by_name(const void *pa, const void *pb, void *arg)
{
	const struct layer_build *b = arg;
	const struct build_node *x = &b->nodes[*(const uint32_t *)pa];
	const struct build_node *y = &b->nodes[*(const uint32_t *)pb];
	int c = memcmp(b->strings.data + x->name, b->strings.data + y->name,
		       MIN(x->name_len, y->name_len));

	return c ? c : (int)x->name_len - (int)y->name_len;
}

/*
 * A whiteout next to an entry of the same name hides the lower name. This becomes a flag of the
 * entry.
 */
static void fold_whiteouts(struct layer_build *b)
{
	char key[sizeof(uint32_t) + 1 + 256];
	size_t i;

	for (i = 1; i < b->n_nodes; i++) {
		struct build_node *w = &b->nodes[i], *n;
		uint32_t found;

		if (w->dead || b->inodes[w->inode].type != ENTRY_WHITEOUT)
			continue;
		memcpy(key, &w->parent, sizeof(w->parent));
		key[sizeof(w->parent)] = 'n';
		memcpy(key + sizeof(w->parent) + 1, b->strings.data + w->name, w->name_len);
		found = (uint32_t)(uintptr_t)map_getn(&b->names, key,
						      sizeof(w->parent) + 1 + w->name_len);
		if (!found)
			continue;
		n = &b->nodes[found - 1];
		n->flags |= ENTRY_WHITED;
		if (b->inodes[n->inode].type == ENTRY_DIR)
			n->flags |= ENTRY_OPAQUE;
		w->dead = true;
	}
}

/*
 * Counting sort of the live nodes by directory: start[d]..start[d+1] of list are the children of
 * d.
 */
static int group_by_parent(const struct layer_build *b, uint32_t **start, uint32_t **list)
{
	uint32_t *s = calloc(b->n_nodes + 2, sizeof(*s)), *l = calloc(b->n_nodes + 1, sizeof(*l));
	size_t i;

	if (!s || !l) {
		free(s);
		free(l);
		return -ENOMEM;
	}
	for (i = 1; i < b->n_nodes; i++)
		if (!b->nodes[i].dead)
			s[b->nodes[i].parent + 2]++;
	for (i = 2; i < b->n_nodes + 2; i++)
		s[i] += s[i - 1];
	for (i = 1; i < b->n_nodes; i++)
		if (!b->nodes[i].dead)
			l[s[b->nodes[i].parent + 1]++] = (uint32_t)i;
	*start = s;
	*list = l;
	return 0;
}

static int make_order(struct layer_build *b, struct order *o)
{
	_cleanup_free_ uint32_t *start = NULL, *list = NULL;
	size_t done;

	o->node = calloc(b->n_nodes, sizeof(*o->node));
	o->first = calloc(b->n_nodes, sizeof(*o->first));
	o->count = calloc(b->n_nodes, sizeof(*o->count));
	if (!o->node || !o->first || !o->count || group_by_parent(b, &start, &list) < 0)
		return -ENOMEM;
	o->n = 1;
	for (done = 0; done < o->n; done++) {
		uint32_t d = o->node[done];
		size_t n = start[d + 1] - start[d];

		if (b->inodes[b->nodes[d].inode].type != ENTRY_DIR || !n)
			continue;
		qsort_r(list + start[d], n, sizeof(*list), by_name, b);
		memcpy(o->node + o->n, list + start[d], n * sizeof(*list));
		o->first[done] = (uint32_t)o->n;
		o->count[done] = (uint32_t)n;
		o->n += n;
	}
	return 0;
}

/* Count the written names of each inode and find its first position. */
static void count_links(struct layer_build *b, const struct order *o)
{
	size_t i;

	for (i = 0; i < o->n; i++) {
		struct build_inode *ino = &b->inodes[b->nodes[o->node[i]].inode];

		if (ino->nlink++ == 0)
			ino->first_node = (uint32_t)i;
	}
}

static int put_entries(struct layer_build *b, const struct order *o, struct layer_header *h,
		       struct buf *out)
{
	_cleanup_free_ uint32_t *position = calloc(b->n_nodes, sizeof(*position));
	size_t i;

	if (!position)
		return -ENOMEM;
	for (i = 0; i < o->n; i++)
		position[o->node[i]] = (uint32_t)i;
	for (i = 0; i < o->n; i++) {
		const struct build_node *n = &b->nodes[o->node[i]];
		const struct build_inode *ino = &b->inodes[n->inode];
		struct layer_entry e = {
			.name = n->name,
			.name_len = n->name_len,
			.type = (uint8_t)ino->type,
			.flags = n->flags,
			.parent = position[n->parent],
			.mode = ino->mode,
			.uid = ino->uid,
			.gid = ino->gid,
			.mtime = ino->mtime,
			.mtime_nsec = ino->mtime_nsec,
			.inode = ino->first_node,
			.nlink = ino->nlink,
			.xattr = ino->xattr,
			.n_xattr = ino->n_xattr,
			.size = ino->size,
		};

		if (ino->type == ENTRY_DIR) {
			e.first = o->first[i];
			e.count = o->count[i];
		} else if (ino->type == ENTRY_FILE) {
			e.first = ino->extent;
			e.count = ino->n_extents;
		} else if (ino->type == ENTRY_SYMLINK || ino->type == ENTRY_LINK) {
			e.first = ino->target;
			e.count = (uint32_t)ino->size;
		}
		if ((ino->type == ENTRY_FILE || ino->type == ENTRY_SYMLINK) && ino->first_node == i)
			h->content_size += ino->size;
		if (buf_append(out, &e, sizeof(e)) < 0)
			return -ENOMEM;
	}
	return 0;
}

/* Start a section at the next multiple of 8. */
static int begin_section(struct layer_header *h, enum layer_section s, struct buf *out)
{
	if (buf_append(out, "\0\0\0\0\0\0\0", -out->len & 7) < 0)
		return -ENOMEM;
	h->section[s].offset = out->len;
	return 0;
}

static int put_section(struct layer_header *h, enum layer_section s, const void *data, size_t len,
		       struct buf *out)
{
	if (begin_section(h, s, out) < 0 || buf_append(out, data, len) < 0)
		return -ENOMEM;
	h->section[s].size = len;
	return 0;
}

static int put_sections(struct layer_build *b, const struct order *o, struct layer_header *h,
			const struct spans *spans, struct buf *out)
{
	size_t i;

	if (buf_append(out, h, sizeof(*h)) < 0 || begin_section(h, SECTION_ENTRIES, out) < 0)
		return -ENOMEM;
	if (put_entries(b, o, h, out) < 0)
		return -ENOMEM;
	h->section[SECTION_ENTRIES].size = out->len - h->section[SECTION_ENTRIES].offset;
	if (put_section(h, SECTION_NAMES, b->strings.data, b->strings.len, out) < 0 ||
	    put_section(h, SECTION_EXTENTS, b->extents, b->n_extents * sizeof(*b->extents), out) <
		    0 ||
	    put_section(h, SECTION_XATTRS, b->xattrs.data, b->xattrs.len, out) < 0 ||
	    put_section(h, SECTION_SPANS, spans->v, spans->n * sizeof(*spans->v), out) < 0)
		return -ENOMEM;
	if (out->len > LAYER_BODY_MAX)
		return -E2BIG;
	h->body_crc = checksum_crc32(0, out->data + sizeof(*h), out->len - sizeof(*h));
	if (put_section(h, SECTION_WINDOWS, spans->windows.data, spans->windows.len, out) < 0)
		return -ENOMEM;
	h->n_links = 0;
	for (i = 0; i < o->n; i++)
		h->n_links += b->inodes[b->nodes[o->node[i]].inode].type == ENTRY_LINK;
	h->file_size = out->len;
	return 0;
}

int layer_build_finish(struct layer_build *b, struct layer_header *h, const struct spans *spans,
		       struct buf *out, struct err *err)
{
	struct order o = { 0 };
	int r;

	memcpy(h->magic, LAYER_MAGIC, sizeof(h->magic));
	h->version = LAYER_VERSION;
	fold_whiteouts(b);
	r = make_order(b, &o);
	if (r == 0) {
		count_links(b, &o);
		r = put_sections(b, &o, h, spans, out);
	}
	free(o.node);
	free(o.first);
	free(o.count);
	if (r == -E2BIG)
		return err_set(err, E2BIG, "its index would be larger than 4 GiB");
	if (r < 0)
		return err_nomem(err);
	h->header_crc = 0;
	h->header_crc = checksum_crc32(0, h, sizeof(*h));
	memcpy(out->data, h, sizeof(*h));
	return 0;
}
