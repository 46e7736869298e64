/*
 * Ingest, index and reading, for every codec: what went in comes out, from any
 * offset, and a damaged blob or index is noticed.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <zlib.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/file.h"
#include "base/remove_tree.h"
#include "store/disk/blob.h"
#include "store/disk/store.h"
#include "store/disk/txn.h"
#include "store/image/tree.h"
#include "store/layer/decode.h"
#include "store/layer/encode.h"
#include "store/layer/ingest.h"
#include "store/layer/layer.h"
#include "store/layer/layer_format.h"
#include "store/layer/layer_index.h"
#include "store/layer/tar_write.h"
#include "store/oci/digest.h"

#define BIG_SIZE 5000000u

struct fixture {
	char dir[32];
	struct store *s;
	struct buf tar;
	char *big;
};

static int to_buf(void *ctx, const void *data, size_t len, struct err *err)
{
	return buf_append(ctx, data, len) < 0 ? err_nomem(err) : 0;
}

/* Text that deflates, but not to nothing, and is different everywhere. */
static char *make_big(void)
{
	char *p = malloc(BIG_SIZE);
	uint32_t x = 12345, i;

	for (i = 0; i < BIG_SIZE; i++) {
		x = x * 1664525 + 1013904223;
		p[i] = (char)("0123456789abcdef"[x >> 28]);
	}
	return p;
}

static void add_file(const struct sink *s, const char *path, const char *data, size_t len)
{
	struct tar_entry e = { .path = path };

	e.st.st_mode = S_IFREG | 0640;
	e.st.st_uid = 3000000;
	e.st.st_size = (off_t)len;
	e.st.st_mtim.tv_sec = -5;
	e.st.st_mtim.tv_nsec = 250000000;
	assert_int_equal(tar_header(s, &e, NULL), 0);
	assert_int_equal(sink_write(s, data, len, NULL), 0);
	assert_int_equal(tar_pad(s, len, NULL), 0);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct sink s = { to_buf, &f->tar };
	struct tar_entry link = { .path = "d/other", .target = "d/big", .hardlink = true };

	strcpy(f->dir, "/tmp/test_layer.XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	assert_int_equal(store_open(f->dir, &f->s, NULL), 0);
	f->big = make_big();
	add_file(&s, "a", "first\n", 6);
	add_file(&s, "d/big", f->big, BIG_SIZE);
	link.st.st_mode = S_IFREG | 0640;
	assert_int_equal(tar_header(&s, &link, NULL), 0);
	add_file(&s, "z", "last\n", 5);
	assert_int_equal(tar_end(&s, NULL), 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	store_close(f->s);
	remove_tree(AT_FDCWD, f->dir);
	buf_fini(&f->tar);
	free(f->big);
	free(f);
	return 0;
}

/* Bring bytes in; ragged pieces, so that nothing depends on where a block ends. */
static void bring_in(struct fixture *f, const struct buf *data, struct ingest_result *res)
{
	struct ingest *in;
	struct txn *t;
	size_t pos, n;

	assert_int_equal(txn_begin(f->s, &t, NULL), 0);
	assert_int_equal(ingest_begin(t, NULL, &in, NULL), 0);
	for (pos = 0; pos < data->len; pos += n) {
		n = MIN(data->len - pos, 1 + pos % 70001);
		assert_int_equal(ingest_write(in, data->data + pos, n, NULL), 0);
	}
	assert_int_equal(ingest_end(in, res, NULL), 0);
	assert_int_equal(txn_publish(t, NULL), 0);
	txn_free(t);
}

static void check_reads(struct fixture *f, const struct digest *blob)
{
	struct layers *ls = layers_new(f->s, 2u << 20);
	_cleanup_free_ char *got = malloc(BIG_SIZE);
	const struct layer_entry *e;
	struct tree *t;
	struct stat st;
	struct layer *l;
	uint32_t node;
	uint64_t off;

	assert_int_equal(tree_open_layer(ls, blob, &t, NULL), 0);
	node = tree_walk(t, "d/big");
	assert_true(node != TREE_NONE);
	tree_stat(t, node, &st);
	assert_int_equal(st.st_size, BIG_SIZE);
	assert_int_equal(st.st_nlink, 2);
	assert_int_equal(st.st_uid, 3000000);
	assert_int_equal(st.st_mtim.tv_sec, -5);
	assert_int_equal(st.st_mtim.tv_nsec, 250000000);
	e = tree_entry(t, node, &l, NULL);
	assert_int_equal(layer_pread(l, e, got, BIG_SIZE, 0), BIG_SIZE);
	assert_memory_equal(got, f->big, BIG_SIZE);
	for (off = 0; off < BIG_SIZE; off += 333331) {
		size_t n = MIN(4096u, BIG_SIZE - off);

		assert_int_equal(layer_pread(l, e, got, 4096, off), n);
		assert_memory_equal(got, f->big + off, n);
	}
	assert_int_equal(layer_pread(l, e, got, 10, BIG_SIZE), 0);
	e = tree_entry(t, tree_walk(t, "z"), &l, NULL);
	assert_int_equal(layer_pread(l, e, got, 100, 0), 5);
	assert_memory_equal(got, "last\n", 5);
	tree_free(t);
	layers_free(ls);
}

static void pack(const struct fixture *f, enum codec codec, struct buf *out)
{
	struct sink s = { to_buf, out };
	struct encoder *e = encoder_new(codec, &s);

	assert_int_equal(encoder_write(e, f->tar.data, f->tar.len, NULL), 0);
	assert_int_equal(encoder_end(e, NULL), 0);
	encoder_free(e);
}

static void test_codecs(void **state)
{
	static const enum codec codecs[] = { CODEC_NONE, CODEC_GZIP, CODEC_ZSTD };
	struct fixture *f = *state;
	struct digest plain;
	size_t i;

	IGNORE(digest_of(f->tar.data, f->tar.len, &plain));
	for (i = 0; i < ARRAY_SIZE(codecs); i++) {
		struct buf packed _cleanup_buf_ = BUF_INIT;
		struct ingest_result res;

		pack(f, codecs[i], &packed);
		bring_in(f, &packed, &res);
		assert_int_equal(res.layer_error, 0);
		assert_int_equal(res.codec, codecs[i]);
		assert_true(digest_eq(&res.diff_id, &plain));
		assert_int_equal(res.plain_size, f->tar.len);
		check_reads(f, &res.digest);
	}
}

/*
 * bzip2 and xz have no place to start from: the seekable copy is made, and made again when it is
 * gone.
 */
static void test_copy(void **state)
{
	static const char *const tools[] = { "bzip2 -1", "xz -0" };
	struct fixture *f = *state;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(tools); i++) {
		struct buf packed _cleanup_buf_ = BUF_INIT;
		struct ingest_result res;
		char command[128], path[DIGEST_MAX + 64], digest[DIGEST_MAX];

		snprintf(command, sizeof(command), "%s > %s/packed", tools[i], f->dir);
		FILE *p = popen(command, "w");
		assert_non_null(p);
		fwrite(f->tar.data, 1, f->tar.len, p);
		if (pclose(p) != 0) {
			print_message("# %s is not installed\n", tools[i]);
			skip();
		}
		assert_int_equal(file_read(f->s->fd, "packed", 1u << 30, &packed, NULL), 0);
		bring_in(f, &packed, &res);
		assert_int_equal(res.layer_error, 0);
		check_reads(f, &res.digest);
		digest_path(&res.digest, digest);
		snprintf(path, sizeof(path), "imagefs/cache/%s.zst", digest);
		assert_int_equal(unlinkat(f->s->fd, path, 0), 0);
		check_reads(f, &res.digest);
		assert_int_equal(faccessat(f->s->fd, path, F_OK, 0), 0);
	}
}

/*
 * NULs behind the last member are accepted, however many; what stands before them can be read
 * still.
 */
static void test_padding(void **state)
{
	struct fixture *f = *state;
	struct buf packed _cleanup_buf_ = BUF_INIT;
	struct ingest_result res;

	pack(f, CODEC_GZIP, &packed);
	assert_int_equal(buf_reserve(&packed, SPAN_BLOB_MAX), 0);
	memset(packed.data + packed.len, 0, SPAN_BLOB_MAX);
	packed.len += SPAN_BLOB_MAX;
	bring_in(f, &packed, &res);
	assert_int_equal(res.layer_error, 0);
	check_reads(f, &res.digest);
}

/* Every byte that is changed, and every place where the stream may end, must be noticed. */
static void test_damage(void **state)
{
	static const enum codec codecs[] = { CODEC_GZIP, CODEC_ZSTD };
	struct fixture *f = *state;
	size_t i, k;

	for (i = 0; i < ARRAY_SIZE(codecs); i++) {
		struct buf packed _cleanup_buf_ = BUF_INIT;
		struct ingest_result res;
		size_t len;

		pack(f, codecs[i], &packed);
		len = packed.len;
		for (k = 1; k < 12; k++) {
			packed.len = len - len * k / 12;
			bring_in(f, &packed, &res);
			assert_int_not_equal(res.layer_error, 0);
			packed.len = len;
			packed.data[len * k / 12] ^= 0x10;
			bring_in(f, &packed, &res);
			assert_int_not_equal(res.layer_error, 0);
			packed.data[len * k / 12] ^= 0x10;
		}
		assert_int_equal(buf_puts(&packed, "garbage"), 0);
		bring_in(f, &packed, &res);
		assert_int_not_equal(res.layer_error, 0);
	}
}

/* A blob that rots after it came in: the read fails, and nothing wrong is handed out. */
static void test_rot(void **state)
{
	struct fixture *f = *state;
	struct buf packed _cleanup_buf_ = BUF_INIT;
	_cleanup_free_ char *got = malloc(BIG_SIZE);
	char path[DIGEST_MAX + 8], byte;
	const struct layer_entry *e;
	struct ingest_result res;
	_cleanup_close_ int fd = -1;
	struct layers *ls;
	struct layer *l;
	struct tree *t;

	pack(f, CODEC_GZIP, &packed);
	bring_in(f, &packed, &res);
	blob_store_path(&res.digest, path);
	fd = openat(f->s->fd, path, O_RDWR | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(pread(fd, &byte, 1, (off_t)packed.len / 2), 1);
	byte ^= 1;
	assert_int_equal(pwrite(fd, &byte, 1, (off_t)packed.len / 2), 1);
	ls = layers_new(f->s, 2u << 20);
	assert_int_equal(tree_open_layer(ls, &res.digest, &t, NULL), 0);
	e = tree_entry(t, tree_walk(t, "d/big"), &l, NULL);
	assert_int_equal(layer_pread(l, e, got, BIG_SIZE, 0), -EBADMSG);
	e = tree_entry(t, tree_walk(t, "a"), &l, NULL);
	assert_int_equal(layer_pread(l, e, got, 6, 0), 6);
	tree_free(t);
	layers_free(ls);
}

/* A damaged index is made anew from the blob. */
static void test_index_rebuilt(void **state)
{
	struct fixture *f = *state;
	struct buf packed _cleanup_buf_ = BUF_INIT;
	char path[LAYER_PATH_MAX];
	struct ingest_result res;
	size_t at;

	pack(f, CODEC_GZIP, &packed);
	bring_in(f, &packed, &res);
	layer_index_path(&res.digest, path);
	for (at = 9; at < 1200; at += 97) {
		_cleanup_close_ int fd = openat(f->s->fd, path, O_RDWR | O_CLOEXEC);
		char byte;

		assert_true(fd >= 0);
		assert_int_equal(pread(fd, &byte, 1, (off_t)at), 1);
		byte ^= 0x40;
		assert_int_equal(pwrite(fd, &byte, 1, (off_t)at), 1);
		check_reads(f, &res.digest);
	}
	assert_int_equal(unlinkat(f->s->fd, path, 0), 0);
	check_reads(f, &res.digest);
}

/* A damaged index: a span from a header that starts within a byte. */
static void test_span_of_header_with_bits(void **state)
{
	/* A header, a byte too many, and a stored block. */
	static const unsigned char gzip[] = { 31, 139, 8, 0, 0, 0,    0,    0,	0,
					      3,  0,   1, 1, 0, 0xfe, 0xff, 'x' };
	struct layer_span s = {
		.blob = 1, .blob_end = sizeof(gzip), .bits = 1, .flags = SPAN_START
	};
	struct hash *h = hash_new(NULL);
	char out[2] = "";
	int fd = memfd_create("blob", MFD_CLOEXEC);

	(void)state;
	assert_int_equal(file_write_all(fd, gzip, sizeof(gzip)), 0);
	hash_update(h, gzip, sizeof(gzip));
	assert_int_equal(hash_final_raw(h, s.sha256), 0);
	hash_free(h);
	assert_int_equal(span_decode(fd, CODEC_GZIP, &s, NULL, 0, out, 1), -EUCLEAN);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_codecs, setup, teardown),
		cmocka_unit_test_setup_teardown(test_copy, setup, teardown),
		cmocka_unit_test_setup_teardown(test_padding, setup, teardown),
		cmocka_unit_test_setup_teardown(test_damage, setup, teardown),
		cmocka_unit_test_setup_teardown(test_rot, setup, teardown),
		cmocka_unit_test_setup_teardown(test_index_rebuilt, setup, teardown),
		cmocka_unit_test(test_span_of_header_with_bits),
	};

	return cmocka_run_group_tests_name("layer", tests, NULL, NULL);
}
