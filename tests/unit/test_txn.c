/*
 * A transaction's files, while others publish the same ones.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/file.h"
#include "base/remove_tree.h"
#include "store/disk/store.h"
#include "store/disk/txn.h"

#define PATH "blobs/sha256/file"

struct world {
	char dir[32];
	struct store *store;
	atomic_bool end;
};

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	strcpy(w->dir, "/tmp/imagefs-txn.XXXXXX");
	assert_non_null(mkdtemp(w->dir));
	assert_int_equal(store_open(w->dir, &w->store, NULL), 0);
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

static int publish(struct world *w)
{
	struct txn *t;
	char name[16];
	int fd, r = txn_begin(w->store, &t, NULL);

	if (r < 0)
		return r;
	fd = txn_create(t, name, NULL);
	r = fd < 0 ? fd : txn_add(t, name, PATH, NULL);
	if (fd >= 0)
		close(fd);
	if (r == 0)
		r = txn_publish(t, NULL);
	txn_free(t);
	return r;
}

/*
 * What a load of what is there already does: the name always leads to a file, each time to another.
 */
static void *replace(void *arg)
{
	struct world *w = arg;

	while (!atomic_load(&w->end))
		if (publish(w) < 0)
			return w;
	return NULL;
}

static void test_keep_what_is_replaced(void **state)
{
	struct world *w = *state;
	pthread_t other;
	void *failed;
	int i, r = 0;

	assert_int_equal(publish(w), 0);
	assert_int_equal(pthread_create(&other, NULL, replace, w), 0);
	for (i = 0; i < 3000 && r == 0; i++) {
		struct err err = ERR_INIT;
		struct txn *t;

		r = txn_begin(w->store, &t, &err);
		if (r == 0) {
			r = txn_keep(t, PATH, &err);
			txn_free(t);
		}
		if (r < 0)
			print_message("after %d: %s\n", i, err.msg);
	}
	atomic_store(&w->end, true);
	pthread_join(other, &failed);
	assert_null(failed);
	assert_int_equal(r, 0);
}

/*
 * A kept object that is removed before the commit is restored. Keeping a missing one is reported.
 */
static void test_keep_what_is_removed(void **state)
{
	struct world *w = *state;
	struct txn *t;

	assert_int_equal(publish(w), 0);
	assert_int_equal(txn_begin(w->store, &t, NULL), 0);
	assert_int_equal(txn_keep(t, PATH, NULL), 0);
	assert_int_equal(txn_keep(t, "blobs/sha256/none", NULL), -ENOENT);
	assert_int_equal(unlinkat(w->store->fd, PATH, 0), 0);
	assert_int_equal(txn_publish(t, NULL), 0);
	txn_free(t);
	assert_int_equal(faccessat(w->store->fd, PATH, F_OK, 0), 0);
}

static bool no_locks;

/* Replaces the library's function in this program. */
int flock(int fd, int operation)
{
	if (no_locks) {
		errno = ENOLCK;
		return -1;
	}
	return (int)syscall(SYS_flock, fd, operation);
}

static int count(const struct dirent *e, void *n)
{
	(void)e;
	++*(size_t *)n;
	return 0;
}

/* A file system without locks is an error, and leaves no directory. */
static void test_no_locks(void **state)
{
	struct world *w = *state;
	struct err err = ERR_INIT;
	struct txn *t;
	size_t n = 0;
	int fd, r;

	no_locks = true;
	alarm(60);
	r = txn_begin(w->store, &t, &err);
	alarm(0);
	no_locks = false;
	assert_int_equal(r, -ENOLCK);
	fd = openat(w->store->imagefs_fd, "tmp", O_RDONLY | O_DIRECTORY);
	assert_int_equal(file_each(fd, count, &n), 0);
	close(fd);
	assert_int_equal(n, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_keep_what_is_replaced, setup, teardown),
		cmocka_unit_test_setup_teardown(test_keep_what_is_removed, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_locks, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
