/*
 * The layer is written by our own tar writer and brought in as any layer is.
 */
#include "config.h"

#include "damage.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <zstd.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/file.h"
#include "base/remove_tree.h"
#include "store/disk/store.h"
#include "store/disk/txn.h"
#include "store/layer/checksum.h"
#include "store/layer/decode.h"
#include "store/layer/encode.h"
#include "store/layer/ingest.h"
#include "store/layer/tar_write.h"

/* More than two spans of text that deflates to a few hundred kilobytes. */
#define BIG_SIZE 2600000u
/* As much of a file as is read: more than any of ours has. */
#define SHOWN_MAX (4u << 20)

uint32_t damage_seed = 1;

uint32_t damage_any(uint32_t n)
{
	damage_seed = damage_seed * 1664525u + 1013904223u;
	return (uint32_t)((uint64_t)(damage_seed >> 8) * n >> 24);
}

static void must(int r, const char *what)
{
	if (r == 0)
		return;
	fprintf(stderr, "%s: %s\n", what, strerror(r < 0 ? -r : r));
	abort();
}

static int to_buf(void *ctx, const void *data, size_t len, struct err *err)
{
	return buf_append(ctx, data, len) < 0 ? err_nomem(err) : 0;
}

static void add(const struct sink *s, mode_t mode, const char *path, const char *target)
{
	struct tar_entry e = { .path = path,
			       .target = target,
			       .hardlink = target && S_ISREG(mode) };

	e.st.st_mode = mode;
	e.st.st_uid = 1000;
	e.st.st_gid = 3000000;
	e.st.st_mtim.tv_sec = 1700000000;
	e.st.st_rdev = makedev(1, 3);
	must(tar_header(s, &e, NULL), path);
}

static void add_file(const struct sink *s, const char *path, const char *data, size_t len)
{
	struct tar_entry e = { .path = path, .xattrs = BUF_INIT };

	e.st.st_mode = S_IFREG | 0640;
	e.st.st_size = (off_t)len;
	must(tar_xattr(&e.xattrs, "user.note", "of a file", 9), path);
	must(tar_xattr(&e.xattrs, "user.other", path, strlen(path)), path);
	must(tar_header(s, &e, NULL), path);
	must(sink_write(s, data, len, NULL), path);
	must(tar_pad(s, len, NULL), path);
	buf_fini(&e.xattrs);
}

static void add_sparse(const struct sink *s, const char *path)
{
	static const struct tar_piece pieces[] = { { 4096, 10 }, { 100000, 7 } };
	struct tar_entry e = { .path = path, .pieces = pieces, .n_pieces = 2 };

	e.st.st_mode = S_IFREG | 0600;
	e.st.st_size = 200000;
	must(tar_header(s, &e, NULL), path);
	must(sink_write(s, "ten bytes.seven..", 17, NULL), path);
	must(tar_pad(s, 17, NULL), path);
}

static void make_tar(struct buf *tar)
{
	struct sink s = { to_buf, tar };
	_cleanup_free_ char *big = malloc(BIG_SIZE);
	char name[32];
	uint32_t x = 12345, i;

	must(big ? 0 : -ENOMEM, "big");
	for (i = 0; i < BIG_SIZE; i++) {
		x = x * 1664525 + 1013904223;
		big[i] = (char)("0123456789abcdef"[x >> 28]);
	}
	add(&s, S_IFDIR | 0755, "d", NULL);
	add(&s, S_IFDIR | 0700, "d/e", NULL);
	add_file(&s, "a", "first\n", 6);
	add_file(&s, "d/big", big, BIG_SIZE);
	add(&s, S_IFREG | 0640, "d/e/other", "d/big");
	add(&s, S_IFREG | 0640, "z/linked", "a");
	add(&s, S_IFLNK | 0777, "d/link", "../a");
	add(&s, S_IFCHR | 0666, "d/null", NULL);
	add(&s, S_IFIFO | 0600, "d/pipe", NULL);
	add_sparse(&s, "d/sparse");
	add_file(&s, "d/.wh.gone", "", 0);
	add_file(&s, "d/e/.wh..wh..opq", "", 0);
	for (i = 0; i < 40; i++) {
		snprintf(name, sizeof(name), "many/%u", i);
		add_file(&s, name, name, strlen(name));
	}
}

static void pack_gzip(const struct buf *tar, struct buf *packed)
{
	struct sink s = { to_buf, packed };
	struct encoder *e = encoder_new(CODEC_GZIP, &s);

	must(encoder_write(e, tar->data, tar->len, NULL), "encoder");
	must(encoder_end(e, NULL), "encoder");
	encoder_free(e);
}

/* In one large frame, which cannot be entered. */
static void pack_zstd(const struct buf *tar, struct buf *packed)
{
	size_t bound = ZSTD_compressBound(tar->len);

	must(buf_reserve(packed, bound), "zstd");
	packed->len = ZSTD_compress(packed->data, bound, tar->data, tar->len, 1);
	must(ZSTD_isError(packed->len) ? -EINVAL : 0, "zstd");
}

static void bring_in(struct damage *d, const struct buf *packed)
{
	struct ingest_result res;
	struct ingest *in;
	struct txn *t;

	must(txn_begin(d->s, &t, NULL), "transaction");
	must(ingest_begin(t, NULL, &in, NULL), "ingest");
	must(ingest_write(in, packed->data, packed->len, NULL), "ingest");
	must(ingest_end(in, &res, NULL), "ingest");
	must(res.layer_error, res.layer_message);
	must(txn_publish(t, NULL), "publish");
	txn_free(t);
	d->blob = res.digest;
	layer_index_path(&d->blob, d->path);
	must(file_read(d->s->fd, d->path, 1u << 30, &d->index, NULL), d->path);
}

struct damage *damage_begin(bool copy)
{
	struct damage *d = calloc(1, sizeof(*d));
	struct buf tar _cleanup_buf_ = BUF_INIT, packed _cleanup_buf_ = BUF_INIT;
	struct sink s = { to_buf, &tar };
	struct layers *ls;
	struct tree *t;

	must(d ? 0 : -ENOMEM, "damage");
	strcpy(d->dir,
	       access("/dev/shm", W_OK) == 0 ? "/dev/shm/damage.XXXXXX" : "/tmp/damage.XXXXXX");
	must(mkdtemp(d->dir) ? 0 : -errno, d->dir);
	must(store_open(d->dir, &d->s, NULL), d->dir);
	make_tar(&tar);
	if (copy) {
		_cleanup_free_ char *zeros = calloc(1, SPAN_MAX);

		must(zeros ? 0 : -ENOMEM, "zeros");
		add_file(&s, "zeros", zeros, SPAN_MAX);
	}
	must(tar_end(&s, NULL), "end");
	if (copy)
		pack_zstd(&tar, &packed);
	else
		pack_gzip(&tar, &packed);
	bring_in(d, &packed);
	ls = layers_new(d->s, 4u << 20);
	must(tree_open_layer(ls, &d->blob, &t, NULL), "tree");
	damage_show(t, &d->truth);
	tree_free(t);
	layers_free(ls);
	return d;
}

void damage_end(struct damage *d)
{
	store_close(d->s);
	remove_tree(AT_FDCWD, d->dir);
	buf_fini(&d->index);
	buf_fini(&d->truth);
	free(d);
}

void damage_put(const struct damage *d, const char *path, const struct buf *data)
{
	_cleanup_close_ int fd = openat(d->s->fd, path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	must(fd < 0 ? -errno : 0, path);
	must(file_write_all(fd, data->data, data->len), path);
	must(ftruncate(fd, (off_t)data->len) < 0 ? -errno : 0, path);
}

void damage_sign(struct buf *index)
{
	struct layer_header *h = (void *)index->data;
	uint64_t end = h->section[SECTION_SPANS].offset + h->section[SECTION_SPANS].size;

	if (end >= sizeof(*h) && end <= index->len)
		h->body_crc = checksum_crc32(0, index->data + sizeof(*h), end - sizeof(*h));
	h->header_crc = 0;
	h->header_crc = checksum_crc32(0, h, sizeof(*h));
}

static void show_contents(struct layer *l, const struct layer_entry *e, struct buf *out)
{
	_cleanup_free_ char *data = malloc(SHOWN_MAX);
	struct digest digest;
	ssize_t n;

	must(data ? 0 : -ENOMEM, "contents");
	n = layer_pread(l, e, data, SHOWN_MAX, 0);
	if (n < 0) {
		IGNORE(buf_printf(out, " error %zd", n));
		return;
	}
	IGNORE(digest_of(data, (size_t)n, &digest));
	/* Another place, to begin at some other span. */
	if (layer_pread(l, e, data, 4096, e->size / 2) < 0)
		IGNORE(buf_puts(out, " error"));
	IGNORE(buf_printf(out, " %zd %s hole %lld data %lld", n, digest.str,
			  (long long)layer_seek(l, e, 0, SEEK_HOLE),
			  (long long)layer_seek(l, e, 5000, SEEK_DATA)));
}

static void show_node(const struct tree *t, uint32_t node, struct buf *out)
{
	_cleanup_free_ char *path = tree_path(t, node);
	const struct layer_entry *e, *first;
	const char *name;
	const void *value;
	struct layer *l;
	struct stat st;
	uint64_t pos = 0;
	size_t len;

	tree_stat(t, node, &st);
	IGNORE(buf_printf(out, "%s %o %u:%u %lld %lld.%09ld %ju %jx %ju", path, st.st_mode,
			  st.st_uid, st.st_gid, (long long)st.st_size, (long long)st.st_mtim.tv_sec,
			  st.st_mtim.tv_nsec, (uintmax_t)st.st_nlink, (uintmax_t)st.st_rdev,
			  (uintmax_t)st.st_ino));
	e = tree_entry(t, node, &l, NULL);
	if (!e)
		return;
	first = e->type == ENTRY_DIR || tree_name(t, node)[0] == '.' ? e : layer_entry(l, e->inode);
	IGNORE(buf_printf(out, " %s", layer_target(l, e)));
	while (layer_xattr(l, first, &pos, &name, &value, &len) > 0)
		IGNORE(buf_printf(out, " %s=%.*s", name, (int)len, (const char *)value));
	if (first->type == ENTRY_FILE)
		show_contents(l, first, out);
}

void damage_show(const struct tree *t, struct buf *out)
{
	uint32_t i, n, k;

	for (i = 0; i < tree_size(t); i++) {
		const uint32_t *children = tree_children(t, i, &n);

		show_node(t, i, out);
		for (k = 0; k < n; k++)
			IGNORE(buf_printf(out, " %u", children[k]));
		IGNORE(buf_putc(out, '\n'));
	}
}

void damage_some(struct buf *b)
{
	uint32_t times = damage_any(3) ? 1 : 1 + damage_any(20);

	while (b->len && times--) {
		/* The head and the entries as often as all that follows. */
		uint32_t at = damage_any((uint32_t)(damage_any(2) ? b->len : MIN(b->len, 3000u)));

		switch (damage_any(8)) {
		case 0:
			b->len = at;
			break;
		case 1:
			memset(b->data + at, (int)damage_any(2) * 255,
			       MIN(b->len - at, (size_t)1 + damage_any(64)));
			break;
		case 2:
			b->data[at] = (char)damage_any(256);
			break;
		default:
			b->data[at] ^= (char)(1u << damage_any(8));
		}
	}
}
