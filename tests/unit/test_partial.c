/*
 * Partial blobs: gone on with, locked, thrown away, and made blobs.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/file.h"
#include "base/remove_tree.h"
#include "store/disk/blob.h"
#include "store/disk/partial.h"
#include "store/disk/store.h"
#include "store/disk/txn.h"
#include "store/layer/ingest.h"

/* Two blocks of zeros: an archive without entries. */
#define SIZE 1024

struct world {
	char dir[32], path[DIGEST_MAX + 32], blob[DIGEST_MAX + 8];
	struct store *store;
	struct digest digest;
	char data[SIZE];
	int waited;
};

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	char path[DIGEST_MAX];

	strcpy(w->dir, "/tmp/imagefs-part.XXXXXX");
	assert_non_null(mkdtemp(w->dir));
	assert_int_equal(store_open(w->dir, &w->store, NULL), 0);
	assert_int_equal(digest_of(w->data, SIZE, &w->digest), 0);
	digest_path(&w->digest, path);
	snprintf(w->path, sizeof(w->path), "imagefs/partial/%s", path);
	blob_store_path(&w->digest, w->blob);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	store_close(w->store);
	remove_tree(AT_FDCWD, w->dir);
	free(w);
	return 0;
}

/* The length of a file of the store, -1 where there is none. */
static long length(const struct world *w, const char *path)
{
	struct stat st;

	return fstatat(w->store->fd, path, &st, 0) < 0 ? -1 : (long)st.st_size;
}

static struct partial *hold(struct world *w)
{
	struct partial *p = NULL;

	assert_int_equal(partial_open(w->store, &w->digest, SIZE, NULL, NULL, &p, NULL), 0);
	return p;
}

/* From what is there up to end; how many bytes were there. */
static uint64_t fetch(struct world *w, struct txn *t, struct partial *p, size_t end,
		      struct ingest_result *res)
{
	struct ingest *in;
	uint64_t have;

	assert_int_equal(ingest_begin_partial(t, p, &in, &have, NULL), 0);
	assert_int_equal(ingest_write(in, w->data + have, end - have, NULL), 0);
	if (res)
		assert_int_equal(ingest_end(in, res, NULL), 0);
	else
		ingest_abort(in);
	return have;
}

static void test_resume(void **state)
{
	struct world *w = *state;
	struct ingest_result res;
	struct partial *p = hold(w);
	struct txn *t;

	assert_int_equal(txn_begin(w->store, &t, NULL), 0);
	assert_int_equal(fetch(w, t, p, 300, NULL), 0);
	partial_close(p);
	txn_free(t);
	assert_int_equal(length(w, w->path), 300);

	p = hold(w);
	assert_int_equal(txn_begin(w->store, &t, NULL), 0);
	assert_int_equal(fetch(w, t, p, SIZE, &res), 300);
	assert_true(digest_eq(&res.digest, &w->digest));
	assert_int_equal(length(w, w->path), SIZE);
	assert_int_equal(length(w, w->blob), -1);
	assert_int_equal(txn_publish(t, NULL), 0);
	partial_done(p);
	txn_free(t);
	assert_int_equal(length(w, w->blob), SIZE);
	assert_int_equal(length(w, w->path), -1);
}

static void test_garbage(void **state)
{
	struct world *w = *state;
	struct ingest_result res;
	struct partial *p = hold(w);
	struct txn *t;

	assert_int_equal(file_write_all(partial_fd(p), "not what was sent", 17), 0);
	assert_int_equal(txn_begin(w->store, &t, NULL), 0);
	assert_int_equal(fetch(w, t, p, SIZE, &res), 17);
	assert_false(digest_eq(&res.digest, &w->digest));
	assert_int_equal(partial_restart(p, NULL), 0);
	assert_int_equal(fetch(w, t, p, SIZE, &res), 0);
	assert_true(digest_eq(&res.digest, &w->digest));
	assert_int_equal(txn_publish(t, NULL), 0);
	partial_done(p);
	txn_free(t);
	assert_int_equal(length(w, w->blob), SIZE);
}

static int give_up(void *arg, struct err *err)
{
	struct world *w = arg;

	(void)err;
	return ++w->waited < 3 ? 0 : -ECANCELED;
}

static void test_locked(void **state)
{
	struct world *w = *state;
	struct partial *p = hold(w), *other;
	uint64_t bytes;

	assert_int_equal(partial_open(w->store, &w->digest, SIZE, give_up, w, &other, NULL),
			 -ECANCELED);
	assert_int_equal(w->waited, 3);
	assert_int_equal(file_write_all(partial_fd(p), w->data, 10), 0);
	assert_int_equal(partial_sweep(w->store, false, NULL, NULL, &bytes), 0);
	partial_close(p);
	assert_int_equal(partial_sweep(w->store, true, NULL, NULL, &bytes), 1);
	assert_int_equal(bytes, 10);
	assert_int_equal(partial_sweep(w->store, false, NULL, NULL, &bytes), 1);
	assert_int_equal(length(w, w->path), -1);
}

/* Nothing is kept of nothing, nor of what is longer than the blob is said to be. */
static void test_length(void **state)
{
	struct world *w = *state;
	struct partial *p = hold(w);

	partial_close(p);
	assert_int_equal(length(w, w->path), -1);
	p = hold(w);
	assert_int_equal(file_write_all(partial_fd(p), w->data, SIZE), 0);
	assert_int_equal(file_write_all(partial_fd(p), "x", 1), 0);
	partial_close(p);
	assert_int_equal(length(w, w->path), SIZE + 1);
	p = hold(w);
	assert_int_equal(length(w, w->path), 0);
	partial_close(p);
}

/* Killed when the blob was published and the name here still stood: it is not written to. */
static void test_second_name(void **state)
{
	struct world *w = *state;
	struct partial *p;
	int fd = openat(w->store->fd, w->blob, O_WRONLY | O_CREAT, 0600);

	assert_int_equal(file_write_all(fd, "damaged", 7), 0);
	close(fd);
	partial_close(hold(w)); /* makes the directory */
	assert_int_equal(linkat(w->store->fd, w->blob, w->store->fd, w->path, 0), 0);
	p = hold(w);
	assert_int_equal(length(w, w->path), 0);
	assert_int_equal(length(w, w->blob), 7);
	partial_close(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_resume, setup, teardown),
		cmocka_unit_test_setup_teardown(test_garbage, setup, teardown),
		cmocka_unit_test_setup_teardown(test_locked, setup, teardown),
		cmocka_unit_test_setup_teardown(test_length, setup, teardown),
		cmocka_unit_test_setup_teardown(test_second_name, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
