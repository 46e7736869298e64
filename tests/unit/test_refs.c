/*
 * index.json: what is noted of an image survives its names coming and going, in memory and in the
 * file.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/remove_tree.h"
#include "store/disk/refs.h"
#include "store/disk/spare.h"
#include "store/disk/store.h"
#include "store/disk/store_lock.h"
#include "store/disk/txn.h"

struct world {
	char dir[32];
	struct store *store;
	struct refs refs;
};

static struct digest numbered(unsigned n)
{
	struct digest d;

	snprintf(d.str, sizeof(d.str), "sha256:%064x", n);
	return d;
}

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	strcpy(w->dir, "/tmp/imagefs-refs.XXXXXX");
	assert_non_null(mkdtemp(w->dir));
	assert_int_equal(store_open(w->dir, &w->store, NULL), 0);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	refs_fini(&w->refs);
	store_close(w->store);
	remove_tree(AT_FDCWD, w->dir);
	free(w);
	return 0;
}

/* Image n, whose manifest is number 100 + n. */
static void set(struct world *w, const char *name, unsigned n)
{
	struct descriptor desc = { .media_type = (char *)MEDIA_OCI_MANIFEST, .size = 1 };
	struct digest id = numbered(n);

	desc.digest = numbered(100 + n);
	assert_int_equal(refs_set(&w->refs, name, &desc, &id), 0);
}

static void set_parent(struct world *w, unsigned n, unsigned parent)
{
	struct digest id = numbered(n), p = numbered(parent);

	assert_int_equal(refs_set_parent(&w->refs, &id, &p), 0);
}

static unsigned parent_of(const struct world *w, unsigned n)
{
	struct digest id = numbered(n);
	const struct digest *p = refs_parent(&w->refs, &id);

	return p ? (unsigned)strtoul(digest_hex(p), NULL, 16) : 0;
}

static bool has_children(const struct world *w, unsigned n)
{
	struct digest id = numbered(n);

	return refs_has_children(&w->refs, &id);
}

/* Through the file and back. */
static void again(struct world *w)
{
	struct txn *t;

	assert_int_equal(store_lock(w->store, STORE_LOCK_EXCLUSIVE, NULL), 0);
	assert_int_equal(txn_begin(w->store, &t, NULL), 0);
	assert_int_equal(refs_stage(t, &w->refs, NULL), 0);
	assert_int_equal(txn_publish(t, NULL), 0);
	txn_free(t);
	store_unlock(w->store);
	refs_fini(&w->refs);
	assert_int_equal(refs_read(w->store, &w->refs, NULL), 0);
}

static void drop_name(struct world *w, const char *name)
{
	struct ref *ref = refs_find(&w->refs, name);

	assert_non_null(ref);
	refs_untag(&w->refs, (size_t)(ref - w->refs.v));
}

static void test_parent(void **state)
{
	struct world *w = *state;

	set(w, "docker.io/library/base:1", 1);
	set(w, "docker.io/library/child:1", 2);
	assert_false(has_children(w, 1));
	set_parent(w, 2, 1);
	assert_int_equal(parent_of(w, 2), 1);
	assert_true(has_children(w, 1));
	assert_false(has_children(w, 2));
	again(w);
	assert_int_equal(parent_of(w, 2), 1);
	assert_true(has_children(w, 1));

	/* A second name, the first one gone, none, and one again. */
	set(w, "docker.io/library/child:2", 2);
	drop_name(w, "docker.io/library/child:1");
	assert_int_equal(w->refs.n, 2);
	drop_name(w, "docker.io/library/child:2");
	assert_int_equal(w->refs.n, 2);
	again(w);
	assert_int_equal(parent_of(w, 2), 1);
	set(w, "docker.io/library/child:3", 2);
	assert_int_equal(w->refs.n, 2);
	again(w);
	assert_int_equal(parent_of(w, 2), 1);
	assert_true(has_children(w, 1));

	/* The name moves to another image: the old one dangles with its parent. */
	set(w, "docker.io/library/child:3", 3);
	assert_int_equal(w->refs.n, 3);
	assert_int_equal(parent_of(w, 2), 1);
	assert_int_equal(parent_of(w, 3), 0);
	while (w->refs.n)
		refs_drop(&w->refs, 0);
	assert_false(has_children(w, 1));
}

/* A parent is one that is there, is not the image itself, and does not change. */
static void test_parent_rules(void **state)
{
	struct world *w = *state;

	set(w, "docker.io/library/a:1", 1);
	set(w, "docker.io/library/b:1", 2);
	set_parent(w, 1, 1);
	set_parent(w, 1, 9);
	assert_int_equal(parent_of(w, 1), 0);
	set_parent(w, 2, 1);
	set(w, "docker.io/library/c:1", 3);
	set_parent(w, 2, 3);
	assert_int_equal(parent_of(w, 2), 1);
	assert_false(has_children(w, 3));
}

static void test_tagged(void **state)
{
	struct world *w = *state;
	struct digest id = numbered(1);
	struct timespec when = { 1700000000, 123456789 };

	set(w, "docker.io/library/a:1", 1);
	set(w, "docker.io/library/b:1", 1);
	assert_int_equal(w->refs.v[0].tagged.tv_sec, 0);
	refs_set_tagged(&w->refs, &id, when);
	again(w);
	assert_int_equal(w->refs.v[0].tagged.tv_sec, when.tv_sec);
	assert_int_equal(w->refs.v[1].tagged.tv_nsec, when.tv_nsec);
	drop_name(w, "docker.io/library/a:1");
	drop_name(w, "docker.io/library/b:1");
	again(w);
	assert_int_equal(w->refs.n, 1);
	assert_null(w->refs.v[0].name);
	assert_int_equal(w->refs.v[0].tagged.tv_sec, when.tv_sec);
}

/* The registry's digest belongs to a repository's name for an image. */
static void test_digest(void **state)
{
	struct world *w = *state;
	struct digest d = numbered(77);

	set(w, "localhost:5000/a:1", 1);
	refs_set_digest(&w->refs, "localhost:5000/a:1", &d);
	again(w);
	assert_string_equal(refs_find(&w->refs, "localhost:5000/a:1")->repo_digest.str, d.str);
	set(w, "localhost:5000/a:2", 1);
	set(w, "localhost:5000/a/b:2", 1);
	set(w, "localhost:5000/a:3", 2);
	again(w);
	assert_string_equal(refs_find(&w->refs, "localhost:5000/a:2")->repo_digest.str, d.str);
	assert_false(digest_is_set(&refs_find(&w->refs, "localhost:5000/a/b:2")->repo_digest));
	assert_false(digest_is_set(&refs_find(&w->refs, "localhost:5000/a:3")->repo_digest));
	set(w, "localhost:5000/a:1", 2);
	assert_false(digest_is_set(&refs_find(&w->refs, "localhost:5000/a:1")->repo_digest));
}

/* What was pulled by a digest is known by it, unless a tag says the same. */
static void test_digest_names(void **state)
{
	struct world *w = *state;
	struct digest d = numbered(77), e = numbered(78);
	char by_d[DIGEST_MAX + 32], by_e[DIGEST_MAX + 32];

	snprintf(by_d, sizeof(by_d), "localhost:5000/a@%s", d.str);
	snprintf(by_e, sizeof(by_e), "localhost:5000/a@%s", e.str);
	set(w, by_d, 1);
	again(w);
	assert_int_equal(w->refs.n, 1);
	assert_string_equal(w->refs.v[0].name, by_d);
	assert_string_equal(w->refs.v[0].repo_digest.str, d.str);
	assert_false(ref_has_tag(&w->refs.v[0]));
	assert_ptr_equal(refs_find_digest(&w->refs, "localhost:5000/a:9", &d), &w->refs.v[0]);
	assert_null(refs_find_digest(&w->refs, "localhost:5000/a/b:9", &d));
	/* A tag takes its place. */
	set(w, "localhost:5000/a:1", 1);
	refs_set_digest(&w->refs, "localhost:5000/a:1", &d);
	again(w);
	assert_int_equal(w->refs.n, 1);
	set(w, by_d, 1);
	assert_int_equal(w->refs.n, 1);
	/* Known by another digest, too. */
	set(w, by_e, 1);
	again(w);
	assert_int_equal(w->refs.n, 2);
	assert_true(refs_has_tag(&w->refs, &w->refs.v[0].id));
	/* The tag moves: the image stays known by the digest. */
	set(w, "localhost:5000/a:1", 2);
	again(w);
	assert_int_equal(w->refs.n, 3);
	assert_non_null(refs_find(&w->refs, by_d));
	assert_false(digest_is_set(&refs_find(&w->refs, "localhost:5000/a:1")->repo_digest));
}

/* Entries whose image cannot be told are one image only by their manifest. */
static void test_unknown_ids(void **state)
{
	struct world *w = *state;
	struct descriptor desc = { .media_type = (char *)MEDIA_OCI_INDEX, .size = 1 };
	struct digest none = { "" };

	desc.digest = numbered(1);
	assert_int_equal(refs_set(&w->refs, "docker.io/library/a:1", &desc, &none), 0);
	desc.digest = numbered(2);
	assert_int_equal(refs_set(&w->refs, "docker.io/library/b:1", &desc, &none), 0);
	assert_int_equal(refs_set(&w->refs, "docker.io/library/a:1", &desc, &none), 0);
	assert_int_equal(w->refs.n, 3);
	assert_null(w->refs.v[0].name);
	assert_string_equal(w->refs.v[0].desc.digest.str, numbered(1).str);
}

static void put_index(struct world *w, const char *text)
{
	int fd = openat(w->store->fd, "index.json", O_WRONLY | O_TRUNC);

	assert_true(fd >= 0);
	assert_int_equal(file_write_all(fd, text, strlen(text)), 0);
	close(fd);
}

/* What a manifest was pushed as goes with the manifest, under all its names and without one. */
static void test_compressed(void **state)
{
	struct world *w = *state;
	struct digest manifest = numbered(101), made = numbered(7);

	set(w, "docker.io/library/a:1", 1);
	assert_false(refs_set_compressed(&w->refs, &made, &made));
	assert_true(refs_set_compressed(&w->refs, &manifest, &made));
	set(w, "docker.io/library/b:1", 1);
	set(w, "docker.io/library/c:1", 2);
	again(w);
	assert_true(digest_eq(&refs_find(&w->refs, "docker.io/library/b:1")->compressed, &made));
	assert_false(digest_is_set(&refs_find(&w->refs, "docker.io/library/c:1")->compressed));
	drop_name(w, "docker.io/library/a:1");
	drop_name(w, "docker.io/library/b:1");
	again(w);
	assert_int_equal(w->refs.n, 2);
	assert_true(digest_eq(&w->refs.v[0].compressed, &made) ||
		    digest_eq(&w->refs.v[1].compressed, &made));
	assert_true(refs_set_compressed(&w->refs, &manifest, NULL));
	again(w);
	assert_false(digest_is_set(&w->refs.v[0].compressed) ||
		     digest_is_set(&w->refs.v[1].compressed));
}

/* An index.json of the largest size is read, but not enlarged, and gets no spare. */
static void test_largest(void **state)
{
	struct world *w = *state;
	struct buf json = BUF_INIT;
	struct err err = ERR_INIT;
	struct txn *t;
	int fd;

	assert_int_equal(buf_puts(&json, "{\"schemaVersion\":2,\"manifests\":[],\"x\":\""), 0);
	assert_int_equal(buf_reserve(&json, STORE_INDEX_MAX), 0);
	memset(json.data + json.len, 'x', STORE_INDEX_MAX - json.len - 2);
	json.len = STORE_INDEX_MAX - 2;
	assert_int_equal(buf_puts(&json, "\"}"), 0);
	put_index(w, buf_str(&json));
	buf_fini(&json);
	assert_int_equal(refs_read(w->store, &w->refs, NULL), 0);
	set(w, "docker.io/library/a:1", 1);
	assert_int_equal(txn_begin(w->store, &t, NULL), 0);
	assert_int_equal(refs_stage(t, &w->refs, &err), -EFBIG);
	assert_non_null(strstr(err.msg, "index.json would be larger than 67108864 bytes"));
	txn_free(t);
	fd = openat(w->store->fd, "index.json", O_WRONLY);
	assert_int_equal(ftruncate(fd, STORE_INDEX_MAX + 1), 0);
	close(fd);
	spare_keep(w->store);
	assert_int_equal(faccessat(w->store->imagefs_fd, "spare", F_OK, 0), -1);
}

/* Notes that are not ours, or damaged, are none; what other tools wrote stays. */
static void test_hostile(void **state)
{
	struct world *w = *state;
	struct buf text _cleanup_buf_ = BUF_INIT, json = BUF_INIT;

	IGNORE(buf_printf(
		&json,
		"{\"schemaVersion\":2,\"manifests\":[{\"mediaType\":\"%s\",\"digest\":\"%s\","
		"\"size\":2,\"annotations\":{\"containerimage.config.digest\":\"%s\","
		"\"imagefs.parent\":\"sha256:../../x\",\"imagefs.tagged\":\"yesterday\","
		"\"imagefs.digest\":7,\"imagefs.compressed\":\"sha256:../"
		"y\",\"org.example\":\"theirs\"}}]}",
		MEDIA_OCI_MANIFEST, numbered(101).str, numbered(1).str));
	put_index(w, buf_str(&json));
	buf_fini(&json);
	assert_int_equal(refs_read(w->store, &w->refs, NULL), 0);
	assert_int_equal(w->refs.n, 1);
	assert_int_equal(parent_of(w, 1), 0);
	assert_int_equal(w->refs.v[0].tagged.tv_sec, 0);
	assert_false(digest_is_set(&w->refs.v[0].repo_digest));
	assert_false(digest_is_set(&w->refs.v[0].compressed));
	set(w, "docker.io/library/a:1", 2);
	again(w);
	assert_int_equal(file_read(w->store->fd, "index.json", 4096, &text, NULL), 0);
	assert_non_null(strstr(text.data, "\"org.example\":\"theirs\""));
	assert_null(strstr(text.data, "yesterday"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_parent, setup, teardown),
		cmocka_unit_test_setup_teardown(test_parent_rules, setup, teardown),
		cmocka_unit_test_setup_teardown(test_tagged, setup, teardown),
		cmocka_unit_test_setup_teardown(test_digest, setup, teardown),
		cmocka_unit_test_setup_teardown(test_digest_names, setup, teardown),
		cmocka_unit_test_setup_teardown(test_compressed, setup, teardown),
		cmocka_unit_test_setup_teardown(test_unknown_ids, setup, teardown),
		cmocka_unit_test_setup_teardown(test_hostile, setup, teardown),
		cmocka_unit_test_setup_teardown(test_largest, setup, teardown),
	};

	return cmocka_run_group_tests_name("refs", tests, NULL, NULL);
}
