/*
 * One pass over the entries in their order, breadth first: a directory is checked before its
 * children, and the first of several hard links before the others.
 */
#include "store/layer/layer_check.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include <zstd.h>

#include "base/cleanup.h"
#include "store/layer/checksum.h"
#include "store/layer/decode.h"
#include "store/layer/overlay_xattr.h"
#include "store/oci/codec.h"

struct check {
	const struct layer_header *h;
	const char *names, *xattrs;
	const struct layer_entry *entries;
	const struct layer_extent *extents;
	uint64_t n_names, n_xattrs, n_entries, n_extents;
	/* The parts of the sections that the entries so far use. */
	uint64_t used_names, used_xattrs, used_extents;
	uint64_t next; /* the first entry that belongs to no directory yet */
	uint64_t n_links;
};

int layer_check_header(const struct layer_header *h, const struct digest *blob, uint64_t size)
{
	static const size_t record[SECTION_COUNT] = {
		[SECTION_ENTRIES] = sizeof(struct layer_entry),	 [SECTION_NAMES] = 1,
		[SECTION_EXTENTS] = sizeof(struct layer_extent), [SECTION_XATTRS] = 1,
		[SECTION_SPANS] = sizeof(struct layer_span),	 [SECTION_WINDOWS] = 1,
	};
	struct layer_header copy = *h;
	uint64_t end = sizeof(*h);
	struct digest diff_id;
	int i;

	copy.header_crc = 0;
	if (memcmp(h->magic, LAYER_MAGIC, sizeof(h->magic)) != 0 || h->version != LAYER_VERSION ||
	    h->header_crc != checksum_crc32(0, &copy, sizeof(copy)) || h->file_size != size ||
	    h->codec > CODEC_XZ || h->flags & ~LAYER_COPY || h->plain_size > INT64_MAX ||
	    h->blob_size > INT64_MAX)
		return -EBADMSG;
	if (!memchr(h->blob_digest, '\0', sizeof(h->blob_digest)) ||
	    strcmp(h->blob_digest, blob->str) != 0 ||
	    !memchr(h->diff_id, '\0', sizeof(h->diff_id)) ||
	    digest_parse(h->diff_id, &diff_id, NULL) < 0)
		return -EBADMSG;
	for (i = 0; i < SECTION_COUNT; i++) {
		if (h->section[i].offset < end || h->section[i].offset % 8 != 0 ||
		    h->section[i].offset > size ||
		    h->section[i].size > size - h->section[i].offset ||
		    h->section[i].size % record[i] != 0)
			return -EBADMSG;
		end = h->section[i].offset + h->section[i].size;
		if (i == SECTION_SPANS && end > LAYER_BODY_MAX)
			return -EBADMSG;
	}
	return 0;
}

/* A string of len bytes with its NUL in the names section, which no other entry uses. */
static bool good_text(struct check *c, uint32_t at, uint64_t len)
{
	c->used_names += len + 1;
	return at < c->n_names && len < c->n_names - at && c->used_names <= c->n_names &&
	       c->names[at + len] == '\0' && !memchr(c->names + at, '\0', len);
}

static bool good_name(struct check *c, const struct layer_entry *e)
{
	const char *s = c->names + e->name;
	size_t len = e->name_len;

	return len > 0 && len <= NAME_MAX && good_text(c, e->name, len) && !memchr(s, '/', len) &&
	       !(s[0] == '.' && (len == 1 || (len == 2 && s[1] == '.')));
}

/* Entry i is in the directory that it names, after a smaller name. */
static bool good_position(const struct check *c, uint64_t i)
{
	const struct layer_entry *e = &c->entries[i], *dir, *before;
	int order;

	if (e->parent >= i)
		return false;
	dir = &c->entries[e->parent];
	if (dir->type != ENTRY_DIR || i < dir->first || i - dir->first >= dir->count)
		return false;
	if (i == dir->first)
		return true;
	before = &c->entries[i - 1];
	order = memcmp(c->names + before->name, c->names + e->name,
		       MIN(before->name_len, e->name_len));
	return order < 0 || (order == 0 && before->name_len < e->name_len);
}

static bool good_extents(struct check *c, const struct layer_entry *e)
{
	const struct layer_extent *x = c->extents + e->first;
	uint64_t end = 0;
	uint32_t i;

	c->used_extents += e->count;
	if (e->size > INT64_MAX || c->used_extents > c->n_extents || e->first > c->n_extents ||
	    e->count > c->n_extents - e->first)
		return false;
	for (i = 0; i < e->count; i++) {
		if (!x[i].length || x[i].logical < end || x[i].logical > e->size ||
		    x[i].length > e->size - x[i].logical || x[i].plain > c->h->plain_size ||
		    x[i].length > c->h->plain_size - x[i].plain)
			return false;
		end = x[i].logical + x[i].length;
	}
	return true;
}

static bool good_xattrs(struct check *c, const struct layer_entry *e)
{
	uint64_t at = e->xattr;
	uint32_t i;

	if (!e->n_xattr)
		return true;
	if (e->n_xattr > LAYER_XATTRS_PER_FILE_MAX || at % 4 != 0 || at > c->n_xattrs)
		return false;
	for (i = 0; i < e->n_xattr; i++) {
		const struct layer_xattr *x = (const void *)(c->xattrs + at);
		uint64_t left = c->n_xattrs - at, len = sizeof(*x);
		const char *name = c->xattrs + at + sizeof(*x);

		if (left < len)
			return false;
		len += x->name_len + 1ull + x->value_len;
		if (left < len || !x->name_len || x->name_len > NAME_MAX ||
		    x->value_len > LAYER_XATTR_VALUE_MAX || name[x->name_len] != '\0')
			return false;
		/* In indexes of older versions an empty name marks a replaced attribute. */
		if (*name && (memchr(name, '\0', x->name_len) || overlay_xattr_is_private(name)))
			return false;
		len = (len + 3) & ~3ull;
		c->used_xattrs += len;
		if (left < len || c->used_xattrs > c->n_xattrs)
			return false;
		at += len;
	}
	return true;
}

/* Check the members that belong to the inode, not to the name. */
static bool good_inode(struct check *c, uint64_t i)
{
	const struct layer_entry *e = &c->entries[i], *first;
	const size_t common = offsetof(struct layer_entry, mode);

	if (e->inode != i) {
		if (e->inode > i || e->type == ENTRY_DIR)
			return false;
		first = &c->entries[e->inode];
		return first->type == e->type &&
		       memcmp((const char *)first + common, (const char *)e + common,
			      sizeof(*e) - common) == 0;
	}
	if (e->mode > 07777 || e->uid > LAYER_ID_MAX || e->gid > LAYER_ID_MAX || !e->nlink ||
	    e->mtime_nsec >= 1000000000u || !good_xattrs(c, e))
		return false;
	switch (e->type) {
	case ENTRY_DIR:
		if (!e->count)
			return true;
		if (e->first != c->next || e->count > c->n_entries - c->next)
			return false;
		c->next += e->count;
		return true;
	case ENTRY_FILE:
		return good_extents(c, e);
	case ENTRY_SYMLINK:
		return e->count && e->count < PATH_MAX && e->size == e->count &&
		       good_text(c, e->first, e->count);
	case ENTRY_LINK:
		return e->count && e->count <= LAYER_PATH_LEN_MAX &&
		       good_text(c, e->first, e->count);
	case ENTRY_CHAR:
	case ENTRY_BLOCK:
	case ENTRY_FIFO:
	case ENTRY_WHITEOUT:
		return true;
	default:
		return false;
	}
}

static bool good_entries(struct check *c)
{
	const struct layer_entry *root = c->entries;
	uint64_t i;

	c->next = 1;
	if (!c->n_entries || c->n_entries > LAYER_ENTRIES_MAX || root->type != ENTRY_DIR ||
	    root->parent != 0 || root->name_len != 0 || !good_text(c, root->name, 0))
		return false;
	for (i = 0; i < c->n_entries; i++) {
		const struct layer_entry *e = &c->entries[i];

		if (e->flags & ~(ENTRY_IMPLICIT | ENTRY_OPAQUE | ENTRY_WHITED))
			return false;
		if (i && !(good_name(c, e) && good_position(c, i)))
			return false;
		if (!good_inode(c, i))
			return false;
		c->n_links += e->type == ENTRY_LINK;
	}
	return c->next == c->n_entries && c->n_links == c->h->n_links;
}

/* Spans cover the whole stream, and each is short enough to be read as a whole. */
static bool good_spans(const struct layer_header *h, const struct layer_span *s, uint64_t n)
{
	uint64_t windows = h->section[SECTION_WINDOWS].size, i;

	if (h->flags & LAYER_COPY)
		return n == 0;
	if (n == 0)
		return h->plain_size == 0;
	/* A reader numbers spans with 32 bits. */
	if (n > UINT32_MAX || s[0].plain != 0)
		return false;
	for (i = 0; i < n; i++) {
		uint64_t end = i + 1 < n ? s[i + 1].plain : h->plain_size;

		if (end < s[i].plain || (end == s[i].plain && i + 1 < n) ||
		    end - s[i].plain > SPAN_MAX || s[i].bits > 7 || s[i].blob < (s[i].bits > 0) ||
		    s[i].blob_end < s[i].blob || s[i].blob_end > h->blob_size ||
		    s[i].blob_end - s[i].blob >= SPAN_BLOB_MAX || s[i].flags & ~SPAN_START)
			return false;
		if (s[i].window > windows || s[i].window_len > windows - s[i].window ||
		    s[i].window_len > ZSTD_COMPRESSBOUND(LAYER_WINDOW_MAX))
			return false;
	}
	return true;
}

int layer_check(const char *data)
{
	const struct layer_header *h = (const void *)data;
	struct check c = {
		.h = h,
		.entries = (const void *)(data + h->section[SECTION_ENTRIES].offset),
		.n_entries = h->section[SECTION_ENTRIES].size / sizeof(struct layer_entry),
		.names = data + h->section[SECTION_NAMES].offset,
		.n_names = h->section[SECTION_NAMES].size,
		.extents = (const void *)(data + h->section[SECTION_EXTENTS].offset),
		.n_extents = h->section[SECTION_EXTENTS].size / sizeof(struct layer_extent),
		.xattrs = data + h->section[SECTION_XATTRS].offset,
		.n_xattrs = h->section[SECTION_XATTRS].size,
	};
	const struct layer_span *spans = (const void *)(data + h->section[SECTION_SPANS].offset);

	return good_entries(&c) &&
			       good_spans(h, spans, h->section[SECTION_SPANS].size / sizeof(*spans))
		       ? 0
		       : -EBADMSG;
}
