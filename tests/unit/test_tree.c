/*
 * What a layer does to the tree below it, and that the work grows with the entries whatever they
 * are.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/remove_tree.h"
#include "store/disk/blob.h"
#include "store/disk/store.h"
#include "store/disk/txn.h"
#include "store/image/image.h"
#include "store/image/tree_private.h"
#include "store/layer/ingest.h"
#include "store/layer/layer.h"
#include "store/layer/tar_write.h"

#define MANY 3000u

struct fixture {
	char dir[32];
	struct store *s;
	struct buf tar; /* of the layer that is being made */
	struct sink to;
	struct descriptor layers[2];
	size_t n;
	struct layers *ls;
};

static int to_buf(void *ctx, const void *data, size_t len, struct err *err)
{
	return buf_append(ctx, data, len) < 0 ? err_nomem(err) : 0;
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	strcpy(f->dir, "/tmp/test_tree.XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	assert_int_equal(store_open(f->dir, &f->s, NULL), 0);
	f->to = (struct sink){ to_buf, &f->tar };
	f->ls = layers_new(f->s, 1u << 20);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	layers_free(f->ls);
	store_close(f->s);
	remove_tree(AT_FDCWD, f->dir);
	buf_fini(&f->tar);
	free(f);
	return 0;
}

/*
 * An entry without contents; target: of a symbolic link. A path that ends in '/' is a directory's.
 */
static void add(struct fixture *f, const char *target, const char *format, unsigned i)
{
	char path[64];
	struct tar_entry e = { .path = path, .target = target };
	size_t len;

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	len = (size_t)snprintf(path, sizeof(path), format, i);
#pragma GCC diagnostic pop
	e.st.st_mode = target ? S_IFLNK | 0777 : S_IFREG | 0644;
	if (path[len - 1] == '/') {
		path[len - 1] = '\0';
		e.st.st_mode = S_IFDIR | 0755;
	}
	assert_int_equal(tar_header(&f->to, &e, NULL), 0);
}

static void bring_in(struct fixture *f, struct ingest_result *res)
{
	struct ingest *in;
	struct txn *t;

	assert_int_equal(tar_end(&f->to, NULL), 0);
	assert_int_equal(txn_begin(f->s, &t, NULL), 0);
	assert_int_equal(ingest_begin(t, NULL, &in, NULL), 0);
	assert_int_equal(ingest_write(in, f->tar.data, f->tar.len, NULL), 0);
	assert_int_equal(ingest_end(in, res, NULL), 0);
	assert_int_equal(txn_publish(t, NULL), 0);
	txn_free(t);
	buf_clear(&f->tar);
}

/* What was added becomes the next layer. */
static void end_layer(struct fixture *f)
{
	struct ingest_result res;

	bring_in(f, &res);
	assert_int_equal(res.layer_error, 0);
	f->layers[f->n++].digest = res.digest;
}

static struct tree *merge(struct fixture *f)
{
	struct image image = { .manifest = { .layers = f->layers, .n_layers = f->n } };
	struct tree *t;

	assert_int_equal(tree_open(f->ls, &image.manifest, &t, NULL), 0);
	return t;
}

/* Sorted, each name once, each found by its name. */
static void assert_dir(const struct tree *t, uint32_t dir, uint32_t expected)
{
	uint32_t n, i;
	const uint32_t *children = tree_children(t, dir, &n);

	assert_int_equal(n, expected);
	for (i = 0; i < n; i++) {
		const char *name = tree_name(t, children[i]);

		assert_false(t->nodes[children[i]].dead);
		assert_int_equal(tree_lookup(t, dir, name, strlen(name)), children[i]);
		if (i)
			assert_true(strcmp(tree_name(t, children[i - 1]), name) < 0);
	}
}

/* Thousands of links to one directory, and an entry through each of them. */
static void test_many_links(void **state)
{
	struct fixture *f = *state;
	struct tree *t;
	unsigned i;

	for (i = 0; i < MANY; i++)
		add(f, NULL, "dir/f%06u", i);
	for (i = 0; i < MANY; i++)
		add(f, "dir", "l%06u", i);
	end_layer(f);
	for (i = 0; i < MANY; i++) {
		char path[32];

		snprintf(path, sizeof(path), "l%06u/x%%06u", i);
		add(f, NULL, path, MANY - i);
	}
	end_layer(f);
	t = merge(f);
	assert_dir(t, tree_walk(t, "dir"), 2 * MANY);
	assert_dir(t, TREE_ROOT, MANY + 1);
	/*
	 * Each entry of either layer, and dir once more for what came late; without that MANY times
	 * dir.
	 */
	assert_true(t->copied < 10 * MANY);
	tree_free(t);
}

/* The same where the links lead to directories that are yet to be made, each before the others. */
static void test_many_dead_links(void **state)
{
	struct fixture *f = *state;
	char target[32];
	struct tree *t;
	unsigned i;

	for (i = 0; i < MANY; i++) {
		snprintf(target, sizeof(target), "dir/n%06u", MANY - i);
		add(f, target, "l%06u", i);
	}
	end_layer(f);
	for (i = 0; i < MANY; i++)
		add(f, NULL, "l%06u/x", i);
	end_layer(f);
	t = merge(f);
	assert_dir(t, tree_walk(t, "dir"), MANY);
	assert_true(tree_walk(t, "dir/n000001/x") != TREE_NONE);
	assert_true(t->copied < 10 * MANY);
	tree_free(t);
}

static void test_many_whiteouts(void **state)
{
	struct fixture *f = *state;
	struct tree *t;
	unsigned i;

	for (i = 0; i < MANY; i++)
		add(f, NULL, "dir/f%06u", i);
	for (i = 0; i < MANY; i++)
		add(f, NULL, "dir/.wh.x%06u", i);
	end_layer(f);
	assert_int_equal(tree_open_layer(f->ls, &f->layers[0].digest, &t, NULL), 0);
	assert_dir(t, tree_walk(t, "dir"), 2 * MANY);
	assert_true(t->copied < 10 * MANY);
	tree_free(t);
}

/* A large directory below, with links to it. */
static void begin_large(struct fixture *f)
{
	unsigned i;

	add(f, NULL, "dir/", 0);
	for (i = 0; i < 100; i++)
		add(f, NULL, "dir/f%02u", i);
	add(f, NULL, "dir/sub/old", 0);
	for (i = 0; i < 9; i++)
		add(f, "dir", "l%u", i);
	end_layer(f);
}

static bool is_dir_at(const struct tree *t, const char *path)
{
	uint32_t node = tree_walk(t, path);

	return node != TREE_NONE && tree_is_dir(t, node);
}

static bool is_file_at(const struct tree *t, const char *path)
{
	uint32_t node = tree_walk(t, path);

	return node != TREE_NONE && !tree_is_dir(t, node);
}

/* Each kind of entry, through a link each, and one after the other for one name. */
static void test_kinds(void **state)
{
	struct fixture *f = *state;
	struct tree *t;

	begin_large(f);
	add(f, NULL, "l0/.wh.f01", 0);	  /* gone */
	add(f, NULL, "l0/f02/", 0);	  /* a directory in a file's place */
	add(f, NULL, "l1/f02/inside", 0); /* more in it */
	add(f, NULL, "l1/f03", 0);	  /* replaced, then gone, then there again */
	add(f, NULL, "l2/.wh.f03", 0);
	add(f, NULL, "l3/f03", 0);
	add(f, NULL, "l4/g", 0); /* new, then gone */
	add(f, NULL, "l5/.wh.g", 0);
	add(f, NULL, "l6/sub/new", 0); /* below a directory that is there, twice */
	add(f, NULL, "l7/sub/newer", 0);
	add(f, NULL, "l7/.wh.nothing", 0);
	add(f, NULL, "l8/sub", 0); /* and that gives way to a file */
	end_layer(f);
	t = merge(f);
	assert_dir(t, TREE_ROOT, 10);
	assert_dir(t, tree_walk(t, "dir"), 100);
	assert_int_equal(tree_walk(t, "dir/f01"), TREE_NONE);
	assert_true(is_dir_at(t, "dir/f02"));
	assert_true(is_file_at(t, "dir/f02/inside"));
	assert_true(is_file_at(t, "dir/f03"));
	assert_int_equal(tree_walk(t, "dir/g"), TREE_NONE);
	assert_true(is_file_at(t, "dir/sub"));
	tree_free(t);
}

/* An opaque directory hides what came through other links too, settled or not. */
static void test_opaque(void **state)
{
	struct fixture *f = *state;
	struct tree *t;
	unsigned i;

	begin_large(f);
	add(f, NULL, "l0/before", 0);
	add(f, NULL, "l0/both/one", 0);
	add(f, NULL, "l1/.wh..wh..opq", 0);
	for (i = 0; i < 90; i++)
		add(f, NULL, "l1/own%02u", i);
	add(f, NULL, "l2/after", 0);
	add(f, NULL, "l2/both/two", 0);
	add(f, NULL, "l2/f05", 0);
	end_layer(f);
	t = merge(f);
	assert_dir(t, tree_walk(t, "dir"), 93);
	assert_true(is_file_at(t, "dir/own39"));
	assert_true(is_file_at(t, "dir/after"));
	assert_true(is_file_at(t, "dir/f05"));
	assert_true(is_file_at(t, "dir/both/two"));
	tree_free(t);
}

/*
 * A chain of links, each with slashes more than enough: what it leads through is bounded for all
 * entries together.
 */
static void add_chain(struct fixture *f)
{
	char target[4000];
	unsigned i;

	add(f, NULL, "end/", 0);
	for (i = 0; i < 39; i++) {
		memset(target, '/', sizeof(target));
		snprintf(target + sizeof(target) - 8, 8, "k%u", i + 1);
		add(f, i < 38 ? target : "end", "k%u", i);
	}
}

static void test_chain_below(void **state)
{
	struct fixture *f = *state;
	struct image image = { .manifest = { .layers = f->layers } };
	struct err err = { 0 };
	struct tree *t;
	unsigned i;

	add_chain(f);
	for (i = 0; i < MANY; i++)
		add(f, "k0", "l%06u", i);
	end_layer(f);
	for (i = 0; i < MANY; i++)
		add(f, NULL, "l%06u/x", i);
	end_layer(f);
	image.manifest.n_layers = f->n;
	assert_int_equal(tree_open(f->ls, &image.manifest, &t, &err), -E2BIG);
	assert_non_null(strstr(err.msg, "symbolic links"));
}

static void test_chain_in_a_layer(void **state)
{
	struct fixture *f = *state;
	struct ingest_result res;
	unsigned i;

	add_chain(f);
	for (i = 0; i < MANY; i++)
		add(f, NULL, "k0/x%06u", i);
	bring_in(f, &res);
	assert_int_equal(res.layer_error, -E2BIG);
	assert_non_null(strstr(res.layer_message, "symbolic links"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_many_links, setup, teardown),
		cmocka_unit_test_setup_teardown(test_many_dead_links, setup, teardown),
		cmocka_unit_test_setup_teardown(test_many_whiteouts, setup, teardown),
		cmocka_unit_test_setup_teardown(test_kinds, setup, teardown),
		cmocka_unit_test_setup_teardown(test_opaque, setup, teardown),
		cmocka_unit_test_setup_teardown(test_chain_below, setup, teardown),
		cmocka_unit_test_setup_teardown(test_chain_in_a_layer, setup, teardown),
	};

	return cmocka_run_group_tests_name("tree", tests, NULL, NULL);
}
