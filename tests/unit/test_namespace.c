/* The name space of the images tree: what references become, and what changes of them say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "fs/core/objects.h"
#include "fs/images/namespace.h"
#include "store/disk/refs.h"

static const struct timespec now = { .tv_sec = 1 };

struct world {
	struct objects objects;
	struct namespace ns;
	struct refs refs;
	struct ns_changes changes;
};

static void set_digest(struct digest *d, unsigned n)
{
	snprintf(d->str, sizeof(d->str), "sha256:%08x%056x", n, 0);
}

/* A reference to image number n; without a name it is there by its ID alone. */
static void add_ref(struct world *w, const char *name, unsigned n)
{
	struct descriptor desc = { .media_type = (char *)MEDIA_OCI_MANIFEST };
	struct digest id;

	set_digest(&desc.digest, 0xff000000 + n);
	set_digest(&id, n);
	assert_int_equal(refs_set(&w->refs, name, &desc, &id), 0);
}

static void free_dead(struct world *w)
{
	struct object *o, *next;

	for (o = objects_take_dead(&w->objects); o; o = next) {
		next = o->next_dead;
		namespace_forget(&w->ns, (struct ns_entry *)o);
		ns_entry_free((struct ns_entry *)o);
	}
}

static void update(struct world *w)
{
	ns_changes_fini(&w->changes);
	assert_int_equal(namespace_update(&w->ns, &w->refs, &now, &w->changes), 0);
	free_dead(w);
}

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	assert_non_null(w);
	assert_int_equal(namespace_init(&w->ns, &w->objects, &now), 0);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;
	uint32_t i;

	for (i = 0; i < w->objects.n; i++)
		if (w->objects.v[i])
			ns_entry_free((struct ns_entry *)w->objects.v[i]);
	objects_fini(&w->objects);
	namespace_fini(&w->ns);
	ns_changes_fini(&w->changes);
	refs_fini(&w->refs);
	free(w);
	return 0;
}

static struct ns_entry *walk(struct world *w, const char *path)
{
	_cleanup_free_ char *copy = strdup(path);
	struct ns_entry *p = w->ns.root;
	char *part, *save = NULL;

	for (part = strtok_r(copy, "/", &save); part && p; part = strtok_r(NULL, "/", &save))
		p = namespace_lookup(p, part);
	return p;
}

/* How many of the last update's changes are about name in dir. */
static unsigned changed(struct world *w, const struct ns_entry *dir, const char *name)
{
	unsigned n = 0;
	size_t i;

	for (i = 0; i < w->changes.n; i++)
		n += w->changes.v[i].dir == namespace_id(&w->ns, dir) &&
		     strcmp(w->changes.v[i].name, name) == 0;
	return n;
}

static void test_places(void **state)
{
	struct world *w = *state;

	add_ref(w, "docker.io/library/ubuntu:20.04", 1);
	add_ref(w, "docker.io/u/app:latest", 2);
	add_ref(w, "localhost:5000/team/app:v1", 3);
	update(w);
	assert_true(walk(w, "ubuntu/20.04")->has_image);
	assert_false(walk(w, "ubuntu")->has_image);
	assert_true(walk(w, "u/app/latest")->has_image);
	assert_true(walk(w, "localhost:5000/team/app/v1")->has_image);
	assert_null(walk(w, "docker.io"));
	assert_null(walk(w, "library"));
	assert_int_equal(changed(w, w->ns.root, "ubuntu"), 1);
	assert_int_equal(w->ns.root->children.n, 3);
	update(w);
	assert_int_equal(w->changes.n, 0);
}

static void test_retag_keeps_the_entry(void **state)
{
	struct world *w = *state;
	struct ns_entry *p;

	add_ref(w, "docker.io/library/a:1", 1);
	update(w);
	p = walk(w, "a/1");
	add_ref(w, "docker.io/library/a:1", 2);
	update(w);
	assert_ptr_equal(walk(w, "a/1"), p);
	assert_int_equal(changed(w, p, "rootfs"), 1);
	assert_int_equal(changed(w, p, "config.json"), 1);
	assert_int_equal(changed(w, walk(w, "a"), "1"), 0);
}

static void test_removal(void **state)
{
	struct world *w = *state;
	struct ns_entry *p;
	uint32_t number;

	add_ref(w, "docker.io/a/b/c:1", 1);
	update(w);
	p = walk(w, "a/b/c/1");
	number = p->obj.number;
	objects_ref(&p->obj); /* somebody stands in it */
	refs_drop(&w->refs, 0);
	update(w);
	assert_null(walk(w, "a"));
	assert_int_equal(changed(w, w->ns.root, "a"), 1);
	assert_int_equal(w->ns.root->children.n, 0);
	assert_ptr_equal(objects_get(&w->objects, NODE_NS_ENTRY, number), p);
	objects_unref(&w->objects, &p->obj, 1);
	free_dead(w);
	assert_null(objects_get(&w->objects, NODE_NS_ENTRY, number));
}

/* a:b stands where the repository a/b does. */
static void test_clash(void **state)
{
	struct world *w = *state;
	_cleanup_free_ struct ns_entry **list = NULL;
	size_t n;

	add_ref(w, "docker.io/library/a:b", 1);
	add_ref(w, "docker.io/a/b:rootfs", 2);
	add_ref(w, "docker.io/a/b:x", 3);
	update(w);
	assert_true(walk(w, "a/b")->has_image);
	assert_int_equal(namespace_list(walk(w, "a/b"), 0, &list, &n), 0);
	assert_int_equal(n, 1);
	assert_string_equal(list[0]->name, "x");
	/* Without the image its names are the tags' again. */
	refs_drop(&w->refs, 0);
	update(w);
	assert_false(walk(w, "a/b")->has_image);
	assert_int_equal(changed(w, walk(w, "a/b"), "rootfs"), 1);
}

static struct ns_entry *by_id(struct world *w, const char *name)
{
	struct ns_entry *p = namespace_lookup_id(&w->ns, name, &now);

	/* The caller of the tests keeps no reference. */
	if (p && p->obj.refs > 1)
		objects_unref(&w->objects, &p->obj, 1);
	return p;
}

static void test_ids(void **state)
{
	struct world *w = *state;

	add_ref(w, NULL, 0x12345678);
	add_ref(w, NULL, 0x12345679);
	add_ref(w, "docker.io/library/a:1", 0xabcdef01);
	update(w);
	assert_non_null(by_id(w, "@12345678"));
	assert_ptr_equal(by_id(w, "@12345678"), by_id(w, "@12345678"));
	assert_non_null(by_id(w, "@abcd"));
	assert_null(by_id(w, "@abc"));
	assert_null(by_id(w, "@1234567"));
	assert_null(by_id(w, "@ABCD"));
	assert_null(by_id(w, "@"));
	assert_null(by_id(w, "abcd"));
	assert_null(by_id(w, "@abcd/"));
	/* Another image with that prefix: the short name means nothing any more. */
	add_ref(w, NULL, 0xabcdef02);
	update(w);
	assert_int_equal(changed(w, w->ns.root, "@abcd"), 1);
	assert_int_equal(changed(w, w->ns.root, "@12345678"), 0);
	assert_null(by_id(w, "@abcd"));
	assert_non_null(by_id(w, "@abcdef01"));
}

static void test_many(void **state)
{
	struct world *w = *state;
	_cleanup_free_ struct ns_entry **list = NULL;
	char name[64];
	size_t n, i;

	for (i = 0; i < 1000; i++) {
		snprintf(name, sizeof(name), "docker.io/library/many:t%zu", i);
		add_ref(w, name, (unsigned)i + 1);
	}
	update(w);
	assert_int_equal(namespace_list(walk(w, "many"), 0, &list, &n), 0);
	assert_int_equal(n, 1000);
	for (i = 1; i < n; i++)
		assert_true(list[i - 1]->obj.number < list[i]->obj.number);
	free(list);
	list = NULL;
	/* Going on behind the 500th finds the rest, no more and no less. */
	assert_int_equal(namespace_list(walk(w, "many"), walk(w, "many/t500")->obj.number, &list,
					&n),
			 0);
	assert_int_equal(n, 500);
}

static void test_object_numbers(void **state)
{
	struct world *w = *state;
	struct object a = { 0 }, b = { 0 }, c = { 0 }, d = { 0 };
	uint32_t number;

	assert_int_equal(objects_add(&w->objects, &a, NODE_TREE, "a"), 0);
	assert_int_equal(objects_add(&w->objects, &b, NODE_LAYER, NULL), 0);
	assert_int_not_equal(a.number, b.number);
	assert_null(objects_get(&w->objects, NODE_LAYER, a.number));
	objects_ref(&a);
	objects_unref(&w->objects, &a, 1);
	assert_ptr_equal(objects_get(&w->objects, NODE_TREE, a.number), &a);
	objects_unref(&w->objects, &a, 1);
	assert_ptr_equal(objects_take_dead(&w->objects), &a);
	assert_null(objects_take_dead(&w->objects));
	assert_int_equal(objects_add(&w->objects, &c, NODE_IMAGE, NULL), 0);
	/*
	 * A number that was free rests before it is given again: the kernel may still speak of the
	 * old one.
	 */
	assert_int_not_equal(c.number, a.number);
	/* What it is has it again: who walks a tree compares numbers. */
	number = a.number;
	assert_int_equal(objects_add(&w->objects, &a, NODE_TREE, "a"), 0);
	assert_int_equal(a.number, number);
	assert_int_equal(objects_add(&w->objects, &d, NODE_TREE, "a"), 0);
	assert_int_not_equal(d.number, number);
	objects_unref(&w->objects, &a, 1);
	objects_unref(&w->objects, &d, 1);
	assert_non_null(objects_take_dead(&w->objects));
	/* The kernel cannot take more than it was given. */
	objects_unref(&w->objects, &c, 5);
	objects_unref(&w->objects, &b, 1);
	assert_non_null(objects_take_dead(&w->objects));
	assert_null(objects_get(&w->objects, NODE_IMAGE, 1u << 30));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_places, setup, teardown),
		cmocka_unit_test_setup_teardown(test_retag_keeps_the_entry, setup, teardown),
		cmocka_unit_test_setup_teardown(test_removal, setup, teardown),
		cmocka_unit_test_setup_teardown(test_clash, setup, teardown),
		cmocka_unit_test_setup_teardown(test_ids, setup, teardown),
		cmocka_unit_test_setup_teardown(test_many, setup, teardown),
		cmocka_unit_test_setup_teardown(test_object_numbers, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
