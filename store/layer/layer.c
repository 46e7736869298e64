/*
 * The index is used in memory as it is on disk. A read looks up the extent, then the span, then
 * the cache.
 */
#include "store/layer/layer.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/beneath.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/file.h"
#include "base/log.h"
#include "base/map.h"
#include "store/disk/blob.h"
#include "store/disk/store.h"
#include "store/disk/txn.h"
#include "store/layer/decode.h"
#include "store/layer/ingest.h"
#include "store/layer/layer_copy.h"
#include "store/layer/layer_index.h"
#include "store/layer/span_cache.h"

struct layers {
	struct store *store;
	struct txn *txn;
	struct span_cache *cache;
	/*
	 * Held while a layer is opened or repaired, which may take as long as reading its blob.
	 * Lock order: making, then lock, so that open layers are not blocked.
	 */
	pthread_mutex_t making;
	pthread_mutex_t lock; /* of what follows */
	struct map open;      /* digest -> struct layer */
	uint32_t next_id;
};

/* How contents are found: the spans of an index with their windows, or the seekable copy. */
struct source {
	uint32_t id; /* the cache's key */
	const struct layer_index *index;
	struct layer_copy *copy; /* LAYER_COPY */
};

struct layer {
	struct layers *all;
	unsigned refs; /* under all->lock */
	uint32_t id;
	struct digest digest;
	struct layer_index *index;
	const struct layer_header *h; /* of index */
	int blob_fd;
	/*
	 * The original source, and one regenerated from the blob if the original is damaged.
	 * Entries always come from the first index.
	 */
	struct source source[2];
	atomic_uint current; /* the one in use */
	bool repaired;	     /* attempted once, successfully or not; under all->making */
	struct layer_index *regenerated;
};

struct layers *layers_new(struct store *s, size_t cache_bytes)
{
	struct layers *ls = calloc(1, sizeof(*ls));

	if (!ls)
		return NULL;
	ls->store = s;
	ls->next_id = 1;
	ls->cache = span_cache_new(cache_bytes);
	if (!ls->cache) {
		free(ls);
		return NULL;
	}
	pthread_mutex_init(&ls->lock, NULL);
	pthread_mutex_init(&ls->making, NULL);
	return ls;
}

static void layer_free(void *p)
{
	struct layer *l = p;

	layer_index_free(l->index);
	layer_index_free(l->regenerated);
	if (l->blob_fd >= 0)
		close(l->blob_fd);
	layer_copy_free(l->source[0].copy);
	layer_copy_free(l->source[1].copy);
	free(l);
}

void layers_free(struct layers *ls)
{
	if (!ls)
		return;
	map_fini(&ls->open, layer_free);
	span_cache_free(ls->cache);
	pthread_mutex_destroy(&ls->lock);
	pthread_mutex_destroy(&ls->making);
	free(ls);
}

struct store *layers_store(struct layers *ls)
{
	return ls->store;
}

void layers_look_in(struct layers *ls, struct txn *t)
{
	ls->txn = t;
}

static int open_path(struct store *s, struct txn *t, const char *path)
{
	return t ? txn_open(t, path) : beneath_open(s->fd, path, O_RDONLY, 0);
}

/* Remove a derived file (index or seekable copy) that is unusable. */
static void discard(struct store *s, const char *path)
{
	if (!s->read_only)
		beneath_unlink(s->fd, path);
}

/*
 * Publish a derived file without the store's lock, because a mount must not wait for a load. The
 * collector removes a blob before its derived files. So either it still finds this file, or the
 * blob is already gone, and the file is removed here.
 */
static int publish_derived(struct txn *t, const struct digest *blob, struct err *err)
{
	struct store *s = txn_store(t);
	char index[LAYER_PATH_MAX], copy[DIGEST_MAX + 32];
	int r = txn_publish(t, err);

	if (r < 0 || blob_exists(s, blob, -1))
		return r;
	layer_index_path(blob, index);
	layer_copy_path(blob, copy);
	discard(s, index);
	discard(s, copy);
	return 0;
}

static int make_index(struct txn *t, const struct digest *blob, int blob_fd, struct err *err)
{
	char path[LAYER_PATH_MAX];
	struct ingest_result res;
	int r;

	/*
	 * The existing file is outdated or damaged, and must not be kept because its size
	 * matches.
	 */
	layer_index_path(blob, path);
	txn_drop(t, path);
	r = ingest_fd(t, blob_fd, blob, true, &res, err);
	if (r < 0)
		return r;
	if (!digest_eq(&res.digest, blob))
		return err_set(err, EBADMSG, "blob %s: its content does not match its digest",
			       blob->str);
	if (res.layer_error)
		return err_set(err, -res.layer_error, "blob %s: %s", blob->str, res.layer_message);
	discard(txn_store(t), path);
	return 0;
}

/*
 * Regenerate the index of a blob and verify the blob at the same time.
 * t        searched for blobs and receives the index; NULL: the store
 * returns  a descriptor of the index that the caller closes; -errno
 */
static int rebuild(struct store *s, struct txn *t, const struct digest *blob, struct err *err)
{
	char path[DIGEST_MAX + 8], index[LAYER_PATH_MAX];
	_cleanup_close_ int blob_fd = -1, fd = -1;
	struct txn *own = NULL;
	int r = 0;

	log_debug("making the index of %s", blob->str);
	blob_store_path(blob, path);
	layer_index_path(blob, index);
	blob_fd = open_path(s, t, path);
	if (blob_fd < 0)
		return blob_fd == -ENOENT ? err_set(err, ENOENT, "blob %s is missing", blob->str)
					  : err_sys(err, -blob_fd, "blob %s", blob->str);
	if (!t) {
		r = txn_begin_reading(s, &own, err);
		t = own;
	}
	if (r == 0)
		r = make_index(t, blob, blob_fd, err);
	if (r == 0) {
		fd = txn_open(t, index);
		r = fd < 0 ? err_sys(err, -fd, "index of blob %s", blob->str) : 0;
	}
	if (r == 0 && own)
		r = publish_derived(own, blob, err);
	txn_free(own);
	return r < 0 ? r : TAKE_FD(fd);
}

/*
 * Open the seekable copy; regenerate it if it is missing, since it is only a cache.
 * afresh  the existing copy is damaged
 */
static int open_copy(struct layer *l, bool afresh, struct layer_copy **out, struct err *err)
{
	struct store *s = l->all->store;
	struct txn *t = l->all->txn, *own = NULL;
	char path[DIGEST_MAX + 32];
	int fd, r = 0;

	layer_copy_path(&l->digest, path);
	fd = afresh ? -ENOENT : open_path(s, t, path);
	if (fd >= 0 && layer_copy_open(fd, &l->digest, l->h->plain_size, out) == 0)
		return 0;
	discard(s, path);
	if (t)
		txn_drop(t, path);
	else
		r = txn_begin_reading(s, &own, err);
	if (r == 0)
		r = layer_copy_make(t ? t : own, &l->digest, false, err);
	if (r == 0) {
		fd = txn_open(t ? t : own, path);
		r = fd < 0 ? fd : layer_copy_open(fd, &l->digest, l->h->plain_size, out);
		if (r < 0)
			err_sys(err, -r, "blob %s: seekable copy", l->digest.str);
	}
	if (r == 0 && own)
		r = publish_derived(own, &l->digest, err);
	txn_free(own);
	return r;
}

/* Regenerate the index and load it. */
static int remake_index(struct layer *l, struct layer_index **out, struct err *err)
{
	_cleanup_close_ int fd = rebuild(l->all->store, l->all->txn, &l->digest, err);
	int r;

	if (fd < 0)
		return fd;
	r = layer_index_load(fd, &l->digest, out);
	return r < 0 ? err_sys(err, -r, "index of blob %s", l->digest.str) : 0;
}

/* Load the index, or regenerate it. */
static int open_index(struct layer *l, struct err *err)
{
	char path[LAYER_PATH_MAX];
	_cleanup_close_ int fd = -1;
	int r;

	layer_index_path(&l->digest, path);
	fd = open_path(l->all->store, l->all->txn, path);
	r = fd < 0 ? fd : layer_index_load(fd, &l->digest, &l->index);
	/* Missing, damaged, or not a regular file. */
	if (r == -ENOENT || r == -EBADMSG || r == -ELOOP || r == -ENXIO)
		return remake_index(l, &l->index, err);
	return r < 0 ? err_sys(err, -r, "index of blob %s", l->digest.str) : 0;
}

/* From now on, the layer is only accessed in memory and through descriptors. */
static int layer_open(struct layer *l, struct err *err)
{
	char path[DIGEST_MAX + 8];
	int r = open_index(l, err);

	if (r < 0)
		return r;
	l->h = layer_index_header(l->index);
	l->source[0].id = l->id;
	l->source[0].index = l->index;
	blob_store_path(&l->digest, path);
	l->blob_fd = open_path(l->all->store, l->all->txn, path);
	if (l->blob_fd == -ENOENT)
		return err_set(err, ENOENT, "blob %s is missing", l->digest.str);
	if (l->blob_fd < 0)
		return err_sys(err, -l->blob_fd, "blob %s", l->digest.str);
	return l->h->flags & LAYER_COPY ? open_copy(l, false, &l->source[0].copy, err) : 0;
}

/* Take a reference to an open layer; NULL: not open. */
static struct layer *find_open(struct layers *ls, const struct digest *blob)
{
	struct layer *l;

	pthread_mutex_lock(&ls->lock);
	l = map_get(&ls->open, blob->str);
	if (l)
		l->refs++;
	pthread_mutex_unlock(&ls->lock);
	return l;
}

static uint32_t new_id(struct layers *ls)
{
	uint32_t id;

	pthread_mutex_lock(&ls->lock);
	id = ls->next_id++;
	pthread_mutex_unlock(&ls->lock);
	return id;
}

static int layer_new(struct layers *ls, const struct digest *blob, struct layer **out,
		     struct err *err)
{
	struct layer *l = calloc(1, sizeof(*l));
	int r;

	if (!l)
		return err_nomem(err);
	l->all = ls;
	l->refs = 1;
	l->blob_fd = -1;
	l->digest = *blob;
	l->id = new_id(ls);
	r = layer_open(l, err);
	if (r == 0) {
		pthread_mutex_lock(&ls->lock);
		if (map_put(&ls->open, blob->str, l) < 0)
			r = err_nomem(err);
		pthread_mutex_unlock(&ls->lock);
	}
	if (r < 0) {
		layer_free(l);
		return r;
	}
	*out = l;
	return 0;
}

int layers_get(struct layers *ls, const struct digest *blob, struct layer **out, struct err *err)
{
	struct layer *l = find_open(ls, blob);
	int r = 0;

	if (!l) {
		pthread_mutex_lock(&ls->making);
		l = find_open(ls, blob);
		if (!l)
			r = layer_new(ls, blob, &l, err);
		pthread_mutex_unlock(&ls->making);
	}
	if (r == 0)
		*out = l;
	return r;
}

void layer_ref(struct layer *l)
{
	pthread_mutex_lock(&l->all->lock);
	l->refs++;
	pthread_mutex_unlock(&l->all->lock);
}

void layer_unref(struct layer *l)
{
	struct layers *ls;

	if (!l)
		return;
	ls = l->all;
	pthread_mutex_lock(&ls->lock);
	if (--l->refs == 0) {
		map_del(&ls->open, l->digest.str);
		layer_free(l);
	}
	pthread_mutex_unlock(&ls->lock);
}

bool layer_is_removed(const struct layer *l)
{
	char path[DIGEST_MAX + 8];
	struct stat ours, there;
	int r;

	blob_store_path(&l->digest, path);
	if (fstat(l->blob_fd, &ours) < 0)
		return false;
	r = beneath_stat(l->all->store->fd, path, &there);
	if (r < 0)
		return r == -ENOENT;
	return ours.st_ino != there.st_ino || ours.st_dev != there.st_dev;
}

static int peek(struct store *s, struct txn *t, const struct digest *blob, struct layer_header *out,
		struct err *err)
{
	char path[LAYER_PATH_MAX];
	_cleanup_close_ int fd = -1;

	layer_index_path(blob, path);
	fd = open_path(s, t, path);
	if (fd >= 0 && layer_index_peek(fd, blob, out) == 0)
		return 0;
	if (fd >= 0)
		close(fd);
	fd = rebuild(s, t, blob, err);
	if (fd < 0)
		return fd;
	if (layer_index_peek(fd, blob, out) < 0)
		return err_set(err, EIO, "index of blob %s cannot be read", blob->str);
	return 0;
}

int layer_peek(struct store *s, const struct digest *blob, struct layer_header *out,
	       struct err *err)
{
	return peek(s, NULL, blob, out, err);
}

int layer_peek_in(struct txn *t, const struct digest *blob, struct layer_header *out,
		  struct err *err)
{
	return peek(txn_store(t), t, blob, out, err);
}

int layer_keep(struct txn *t, const struct digest *blob, struct err *err)
{
	char path[DIGEST_MAX + 8], index[LAYER_PATH_MAX], copy[DIGEST_MAX + 32];
	int r;

	blob_store_path(blob, path);
	r = txn_keep(t, path, err);
	if (r == -ENOENT)
		return err_set(err, ENOENT, "blob %s is missing", blob->str);
	if (r < 0)
		return r;
	/* These are optional: they can be regenerated. */
	layer_index_path(blob, index);
	layer_copy_path(blob, copy);
	r = txn_keep(t, index, err);
	if (r == 0 || r == -ENOENT)
		r = txn_keep(t, copy, err);
	return r == -ENOENT ? 0 : r;
}

void layer_drop(struct txn *t, const struct digest *blob)
{
	char path[DIGEST_MAX + 8], index[LAYER_PATH_MAX], copy[DIGEST_MAX + 32];

	blob_store_path(blob, path);
	layer_index_path(blob, index);
	layer_copy_path(blob, copy);
	txn_drop(t, path);
	txn_drop(t, index);
	txn_drop(t, copy);
}

uint32_t layer_id(const struct layer *l)
{
	return l->id;
}

const struct layer_header *layer_header(const struct layer *l)
{
	return l->h;
}

const struct layer_entry *layer_entry(const struct layer *l, uint32_t i)
{
	return layer_index_at(l->index, SECTION_ENTRIES, i, 1, sizeof(struct layer_entry));
}

const char *layer_name(const struct layer *l, const struct layer_entry *e)
{
	const char *s = layer_index_at(l->index, SECTION_NAMES, e->name, e->name_len + 1ull, 1);

	return s ? s : "";
}

const char *layer_target(const struct layer *l, const struct layer_entry *e)
{
	const char *s = NULL;

	if (e->type == ENTRY_SYMLINK || e->type == ENTRY_LINK)
		s = layer_index_at(l->index, SECTION_NAMES, e->first, e->count + 1ull, 1);
	return s ? s : "";
}

void layer_stat(const struct layer *l, const struct layer_entry *e, struct stat *st)
{
	static const mode_t types[] = {
		[ENTRY_DIR] = S_IFDIR,	    [ENTRY_FILE] = S_IFREG,  [ENTRY_SYMLINK] = S_IFLNK,
		[ENTRY_CHAR] = S_IFCHR,	    [ENTRY_BLOCK] = S_IFBLK, [ENTRY_FIFO] = S_IFIFO,
		[ENTRY_WHITEOUT] = S_IFREG, [ENTRY_LINK] = S_IFREG,
	};

	(void)l;
	memset(st, 0, sizeof(*st));
	st->st_mode = (e->type < ARRAY_SIZE(types) ? types[e->type] : S_IFREG) | (e->mode & 07777);
	/* Linux ignores the mode of a symbolic link; tars contain arbitrary ones. */
	if (e->type == ENTRY_SYMLINK)
		st->st_mode = S_IFLNK | 0777;
	st->st_nlink = e->nlink;
	st->st_uid = e->uid;
	st->st_gid = e->gid;
	st->st_blksize = 4096;
	if (e->type == ENTRY_CHAR || e->type == ENTRY_BLOCK) {
		st->st_rdev = makedev((unsigned)(e->size >> 32), (unsigned)e->size);
	} else if (e->type == ENTRY_FILE || e->type == ENTRY_SYMLINK) {
		st->st_size = (off_t)MIN(e->size, (uint64_t)INT64_MAX);
	}
	if (e->type == ENTRY_FILE) {
		const struct layer_extent *x =
			layer_index_at(l->index, SECTION_EXTENTS, e->first, e->count, sizeof(*x));
		uint64_t bytes = 0;
		uint32_t i;

		for (i = 0; x && i < e->count; i++)
			bytes += x[i].length;
		st->st_blocks = (blkcnt_t)((bytes + 511) / 512);
	}
	st->st_mtim.tv_sec = e->mtime;
	st->st_mtim.tv_nsec = e->mtime_nsec;
	st->st_atim = st->st_ctim = st->st_mtim;
}

/* The upper half of *pos counts the attributes returned, the lower half their bytes. */
int layer_xattr(const struct layer *l, const struct layer_entry *e, uint64_t *pos,
		const char **name, const void **value, size_t *len)
{
	uint32_t i = (uint32_t)(*pos >> 32), done = (uint32_t)*pos;

	for (; i < e->n_xattr; i++) {
		uint64_t at = (uint64_t)e->xattr + done;
		const struct layer_xattr *x =
			layer_index_at(l->index, SECTION_XATTRS, at, sizeof(*x), 1);
		const char *s = x ? layer_index_at(l->index, SECTION_XATTRS, at + sizeof(*x),
						   x->name_len + 1ull + x->value_len, 1)
				  : NULL;

		if (!s || s[x->name_len] != '\0')
			return 0;
		done += (uint32_t)((sizeof(*x) + x->name_len + 1ull + x->value_len + 3) & ~3ull);
		/* In indexes of older versions an empty name marks a replaced attribute. */
		if (!*s)
			continue;
		*pos = (uint64_t)(i + 1) << 32 | done;
		*name = s;
		*value = s + x->name_len + 1;
		*len = x->value_len;
		return 1;
	}
	return 0;
}

struct load {
	const struct layer *l;
	const struct source *from;
};

/* Decode span i into the cache; -EUCLEAN: a derived file is damaged. */
static int load_span(void *ctx, uint32_t i, void *data, size_t len)
{
	const struct load *load = ctx;
	const struct source *from = load->from;
	enum codec codec = (enum codec)layer_index_header(from->index)->codec;
	unsigned char window[LAYER_WINDOW_MAX];
	const struct layer_span *s;
	size_t window_len = 0;
	int r = 0;

	if (from->copy) {
		r = layer_copy_read(from->copy, i, data, len);
		return r == -EBADMSG || r == -EIO ? -EUCLEAN : r;
	}
	s = layer_index_at(from->index, SECTION_SPANS, i, 1, sizeof(*s));
	if (!s)
		return -EUCLEAN;
	if (codec == CODEC_GZIP && !(s->flags & SPAN_START))
		r = layer_index_window(from->index, s, window, &window_len);
	if (r < 0)
		return r;
	return span_decode(load->l->blob_fd, codec, s, window, window_len, data, len);
}

/* Find the span that contains an offset of the decoded stream, with its start and end. */
static int find_span(const struct source *from, uint64_t plain, uint32_t *i, uint64_t *start,
		     uint64_t *end)
{
	const struct layer_header *h = layer_index_header(from->index);
	uint64_t n = h->section[SECTION_SPANS].size / sizeof(struct layer_span);
	const struct layer_span *s = layer_index_at(from->index, SECTION_SPANS, 0, n, sizeof(*s));
	uint64_t lo = 0, hi = n;

	if (plain >= h->plain_size)
		return -EBADMSG;
	if (from->copy) {
		*i = (uint32_t)(plain / LAYER_COPY_FRAME);
		*start = (uint64_t)*i * LAYER_COPY_FRAME;
		*end = MIN(*start + LAYER_COPY_FRAME, h->plain_size);
		return 0;
	}
	while (hi - lo > 1) {
		uint64_t mid = lo + (hi - lo) / 2;

		if (s[mid].plain <= plain)
			lo = mid;
		else
			hi = mid;
	}
	if (!n || s[lo].plain > plain)
		return -EBADMSG;
	*i = (uint32_t)lo;
	*start = s[lo].plain;
	*end = lo + 1 < n ? s[lo + 1].plain : h->plain_size;
	return *end > plain && *end - *start <= SPAN_MAX ? 0 : -EBADMSG;
}

/* Read up to len bytes from a single span. */
static ssize_t read_span(struct layer *l, const struct source *from, uint64_t plain, char *out,
			 size_t len)
{
	struct load load = { l, from };
	const struct span_data *d;
	uint64_t start, end;
	uint32_t i;
	int r = find_span(from, plain, &i, &start, &end);

	if (r == 0)
		r = span_cache_get(l->all->cache, from->id, i, (size_t)(end - start), load_span,
				   &load, &d);
	if (r < 0)
		return r;
	len = (size_t)MIN(end - plain, (uint64_t)len);
	memcpy(out, d->data + (plain - start), len);
	span_cache_put(l->all->cache, d);
	return (ssize_t)len;
}

/* Regenerate the source from the blob. */
static int make_source(struct layer *l, struct source *s, struct err *err)
{
	int r;

	s->id = new_id(l->all);
	s->index = l->index;
	if (l->h->flags & LAYER_COPY)
		return open_copy(l, true, &s->copy, err);
	r = remake_index(l, &l->regenerated, err);
	s->index = l->regenerated;
	return r;
}

/*
 * A derived file is damaged: regenerate it, once.
 * used     the source that turned out damaged
 * returns  0 if there is another source now
 */
static int repair(struct layer *l, unsigned used)
{
	struct err err = ERR_INIT;
	int r = -EBADMSG;

	pthread_mutex_lock(&l->all->making);
	if (atomic_load(&l->current) != used) {
		r = 0;
	} else if (!l->repaired) {
		l->repaired = true;
		r = make_source(l, &l->source[1], &err);
		if (r == 0)
			atomic_store(&l->current, 1);
		log_warn("blob %s: its %s is damaged: %s", l->digest.str,
			 l->h->flags & LAYER_COPY ? "seekable copy" : "index",
			 r == 0 ? "regenerated" : err.msg);
	}
	pthread_mutex_unlock(&l->all->making);
	return r < 0 ? -EBADMSG : 0;
}

static int read_plain(struct layer *l, uint64_t plain, char *out, size_t len)
{
	while (len) {
		unsigned used = atomic_load(&l->current);
		ssize_t n = read_span(l, &l->source[used], plain, out, len);

		if (n == -EUCLEAN) {
			int r = repair(l, used);

			if (r < 0)
				return r;
			continue;
		}
		if (n < 0)
			return (int)n;
		plain += (uint64_t)n;
		out += n;
		len -= (size_t)n;
	}
	return 0;
}

/* The first extent that ends after off; extents are sorted. */
static uint32_t find_extent(const struct layer_extent *x, uint32_t n, uint64_t off)
{
	uint32_t lo = 0, hi = n;

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (x[mid].logical + x[mid].length > off)
			hi = mid;
		else
			lo = mid + 1;
	}
	return lo;
}

ssize_t layer_pread(struct layer *l, const struct layer_entry *e, void *buf, size_t len,
		    uint64_t off)
{
	const struct layer_extent *x =
		layer_index_at(l->index, SECTION_EXTENTS, e->first, e->count, sizeof(*x));
	char *out = buf;
	size_t done = 0;
	uint32_t i;

	if (e->type != ENTRY_FILE)
		return -EINVAL;
	if (!x)
		return -EBADMSG;
	if (off >= e->size)
		return 0;
	len = (size_t)MIN((uint64_t)len, MIN(e->size - off, (uint64_t)SSIZE_MAX));
	for (i = find_extent(x, e->count, off); done < len; i++) {
		uint64_t pos = off + done;
		uint64_t next = i < e->count ? x[i].logical : UINT64_MAX;
		size_t n;
		int r;

		if (next > pos) {
			n = (size_t)MIN(next - pos, (uint64_t)(len - done));
			memset(out + done, 0, n);
			done += n;
			if (done == len)
				break;
			pos += n;
		}
		n = (size_t)MIN(x[i].logical + x[i].length - pos, (uint64_t)(len - done));
		r = read_plain(l, x[i].plain + (pos - x[i].logical), out + done, n);
		if (r < 0)
			return r;
		done += n;
	}
	return (ssize_t)done;
}

int64_t layer_seek(const struct layer *l, const struct layer_entry *e, uint64_t off, int whence)
{
	const struct layer_extent *x =
		layer_index_at(l->index, SECTION_EXTENTS, e->first, e->count, sizeof(*x));
	uint32_t i;

	if (e->type != ENTRY_FILE || !x)
		return -EINVAL;
	if (off >= e->size)
		return -ENXIO;
	i = find_extent(x, e->count, off);
	if (whence == SEEK_DATA) {
		if (i == e->count)
			return -ENXIO;
		return (int64_t)MAX(off, x[i].logical);
	}
	while (i < e->count && x[i].logical <= off) {
		off = x[i].logical + x[i].length;
		i++;
	}
	return (int64_t)MIN(off, e->size);
}
