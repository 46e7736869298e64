/*
 * What counts as in use: by every way that leads to a blob, and in doubt.
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
#include "base/map.h"
#include "base/remove_tree.h"
#include "store/disk/blob.h"
#include "store/disk/refs.h"
#include "store/disk/store.h"
#include "store/disk/txn.h"
#include "store/upkeep/gc.h"
#include "store/upkeep/reachable.h"

struct world {
	char dir[32];
	struct store *store;
	struct refs refs;
};

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	strcpy(w->dir, "/tmp/imagefs-reach.XXXXXX");
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

static struct digest put(struct world *w, const char *text)
{
	struct digest d;
	struct txn *t;

	assert_int_equal(txn_begin(w->store, &t, NULL), 0);
	assert_int_equal(blob_put(t, text, strlen(text), &d, NULL), 0);
	assert_int_equal(txn_publish(t, NULL), 0);
	txn_free(t);
	return d;
}

static struct digest put_format(struct world *w, const char *format, const char *a, const char *b)
{
	struct buf text = BUF_INIT;
	struct digest d;

	assert_int_equal(buf_printf(&text, format, a, b), 0);
	d = put(w, buf_str(&text));
	buf_fini(&text);
	return d;
}

static void list(struct world *w, const char *name, const struct digest *d, const char *media)
{
	struct descriptor desc = { .media_type = (char *)media, .digest = *d, .size = 1 };

	assert_int_equal(refs_set(&w->refs, name, &desc, d), 0);
}

#define MANIFEST                                                                         \
	"{\"schemaVersion\":2,\"config\":{\"mediaType\":\"" MEDIA_OCI_CONFIG             \
	"\",\"digest\":\"%s\",\"size\":1},\"layers\":[{\"mediaType\":\"" MEDIA_OCI_LAYER \
	"\",\"digest\":\"%s\",\"size\":1}]}"

static bool has(struct world *w, const struct digest *d, bool *uncertain)
{
	struct reachable *r;
	bool result;

	assert_int_equal(reachable_new(w->store, &w->refs, &r, NULL), 0);
	result = reachable_has(r, d);
	if (uncertain)
		*uncertain = reachable_uncertain(r) != NULL;
	reachable_free(r);
	return result;
}

/* Through an index in an index; a platform's manifest that is not there is no doubt. */
static void test_nested(void **state)
{
	struct world *w = *state;
	struct digest config = put(w, "{}"), layer = put(w, "layer"), other = put(w, "other");
	struct digest m = put_format(w, MANIFEST, config.str, layer.str);
	struct digest x, top,
		missing = { "sha256:0000000000000000000000000000000000000000000000000"
			    "000000000000001" };
	bool uncertain;

	x = put_format(w,
		       "{\"schemaVersion\":2,\"manifests\":[{\"mediaType\":\"" MEDIA_OCI_MANIFEST
		       "\",\"digest\":\"%s\",\"size\":1},{\"mediaType\":\"" MEDIA_OCI_MANIFEST
		       "\",\"digest\":\"%s\",\"size\":1}]}",
		       m.str, missing.str);
	top = put_format(w, "{\"manifests\":[{\"mediaType\":\"%s\",\"digest\":\"%s\",\"size\":1}]}",
			 MEDIA_OCI_INDEX, x.str);
	list(w, "docker.io/library/a:1", &top, MEDIA_OCI_INDEX);
	assert_true(has(w, &top, &uncertain));
	assert_false(uncertain);
	assert_true(has(w, &x, NULL));
	assert_true(has(w, &m, NULL));
	assert_true(has(w, &config, NULL));
	assert_true(has(w, &layer, NULL));
	assert_true(has(w, &missing, NULL));
	assert_false(has(w, &other, NULL));
}

/* An escape in a digest hides nothing, nor does a place where no descriptor is expected. */
static void test_odd_places(void **state)
{
	struct world *w = *state;
	struct digest a = put(w, "a"), b = put(w, "b"), m;

	m = put_format(w,
		       "{\"schemaVersion\":2,\"subject\":{\"digest\":\"\\u0073ha256:%s\"},"
		       "\"blobs\":[[{\"x\":{\"digest\":\"%s\"}}]]}",
		       digest_hex(&a), b.str);
	list(w, "docker.io/library/a:1", &m, MEDIA_OCI_MANIFEST);
	assert_true(has(w, &a, NULL));
	assert_true(has(w, &b, NULL));
}

static void test_uncertain(void **state)
{
	struct world *w = *state;
	struct digest orphan = put(w, "orphan"), broken = put(w, "{\"layers\":[");
	struct gc_result gone;
	bool uncertain;

	list(w, "docker.io/library/a:1", &broken, MEDIA_OCI_MANIFEST);
	assert_false(has(w, &orphan, &uncertain));
	assert_true(uncertain);
	assert_int_equal(gc_all(w->store, &w->refs, false, &gone, NULL), 0);
	assert_true(gone.uncertain[0]);
	assert_int_equal(gone.files, 0);
	gc_result_fini(&gone);
	assert_true(blob_exists(w->store, &orphan, -1));

	refs_drop(&w->refs, 0);
	assert_int_equal(gc_all(w->store, &w->refs, true, &gone, NULL), 0);
	assert_int_equal(gone.bytes, strlen("orphan") + strlen("{\"layers\":["));
	assert_int_equal(gone.files, 2);
	gc_result_fini(&gone);
	assert_true(blob_exists(w->store, &orphan, -1));
	assert_int_equal(gc_all(w->store, &w->refs, false, &gone, NULL), 0);
	assert_int_equal(gone.files, 2);
	assert_non_null(map_get(&gone.blobs, orphan.str));
	gc_result_fini(&gone);
	assert_false(blob_exists(w->store, &orphan, -1));
}

/* What a transaction keeps comes back with it, and only then. */
static void test_keep(void **state)
{
	struct world *w = *state;
	struct digest kept = put(w, "kept"), nothing = kept;
	struct gc_result gone;
	struct txn *t;
	int fd;

	nothing.str[10] = nothing.str[10] == '0' ? '1' : '0';
	assert_int_equal(txn_begin(w->store, &t, NULL), 0);
	assert_int_equal(blob_keep(t, &nothing, NULL), -ENOENT);
	assert_int_equal(blob_keep(t, &kept, NULL), 0);
	assert_int_equal(blob_keep(t, &kept, NULL), 0);
	assert_int_equal(gc_all(w->store, &w->refs, false, &gone, NULL), 0);
	gc_result_fini(&gone);
	assert_false(blob_exists(w->store, &kept, -1));
	assert_int_equal(txn_publish(t, NULL), 0);
	txn_free(t);
	assert_true(blob_exists(w->store, &kept, 4));

	/* A newer file in its place is left alone. */
	assert_int_equal(txn_begin(w->store, &t, NULL), 0);
	assert_int_equal(blob_keep(t, &kept, NULL), 0);
	assert_int_equal(gc_all(w->store, &w->refs, false, &gone, NULL), 0);
	gc_result_fini(&gone);
	put(w, "kept");
	fd = blob_open(w->store, &kept, NULL, NULL);
	assert_true(fd >= 0);
	assert_int_equal(txn_publish(t, NULL), 0);
	txn_free(t);
	assert_true(blob_exists(w->store, &kept, 4));
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_nested, setup, teardown),
		cmocka_unit_test_setup_teardown(test_odd_places, setup, teardown),
		cmocka_unit_test_setup_teardown(test_uncertain, setup, teardown),
		cmocka_unit_test_setup_teardown(test_keep, setup, teardown),
	};

	return cmocka_run_group_tests_name("reach", tests, NULL, NULL);
}
