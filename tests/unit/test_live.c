/*
 * What a live container has in memory: its gate, its inode numbers, the names of its nodes; also
 * when memory runs out.
 */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "fs/live/gate.h"
#include "fs/live/ino_map.h"
#include "fs/live/live.h"
#include "fs/live/node.h"

/* --- an allocation that fails --- */

static long allocations = -1; /* how many succeed; -1: all */

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);

static bool is_out_of_memory(void)
{
	if (allocations < 0)
		return false;
	if (allocations == 0)
		return true;
	allocations--;
	return false;
}

void *__wrap_malloc(size_t size)
{
	return is_out_of_memory() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size)
{
	return is_out_of_memory() ? NULL : __real_calloc(n, size);
}

/* --- gate --- */

struct opener {
	int calls, result;
};

static int open_it(void *arg)
{
	struct opener *o = arg;

	o->calls++;
	return o->result;
}

static void gate_opens_at_the_first_use(void **state)
{
	struct opener o = { .result = -EBUSY };
	struct gate g;

	(void)state;
	gate_init(&g, open_it, &o);
	assert_int_equal(gate_visit(&g), 0);
	gate_leave(&g, false);
	assert_int_equal(o.calls, 0);
	assert_int_equal(gate_enter(&g, false), -EBUSY);
	o.result = 0;
	assert_int_equal(gate_enter(&g, true), 0);
	assert_int_equal(gate_enter(&g, false), 0);
	assert_int_equal(o.calls, 2);
	gate_leave(&g, false);
	gate_leave(&g, true);
	gate_close(&g);
	assert_int_equal(gate_enter(&g, false), -ESTALE);
	assert_int_equal(gate_visit(&g), -ESTALE);
	gate_fini(&g);
}

static void *change(void *arg)
{
	return (void *)(intptr_t)gate_enter(arg, true);
}

static void gate_freezes(void **state)
{
	struct opener o = { 0 };
	pthread_t writer;
	struct gate g;
	void *r;

	(void)state;
	gate_init(&g, open_it, &o);
	gate_freeze(&g);
	gate_freeze(&g);
	assert_int_equal(gate_enter(&g, false), 0);
	gate_leave(&g, false);
	assert_int_equal(pthread_create(&writer, NULL, change, &g), 0);
	gate_thaw(&g);
	assert_true(gate_is_frozen(&g));
	assert_int_equal(g.changing, 0);
	gate_thaw(&g);
	assert_int_equal(pthread_join(writer, &r), 0);
	assert_int_equal((intptr_t)r, 0);
	gate_leave(&g, true);
	gate_freeze(&g);
	assert_int_equal(pthread_create(&writer, NULL, change, &g), 0);
	gate_give_up(&g);
	assert_int_equal(pthread_join(writer, &r), 0);
	assert_int_equal((intptr_t)r, -ESTALE);
	gate_fini(&g);
}

/* --- inode numbers --- */

static uint64_t number(struct ino_map *m, uint64_t upper)
{
	uint64_t ino = 0;

	assert_int_equal(ino_map_upper(m, upper, &ino), 0);
	return ino;
}

static void numbers_are_kept(void **state)
{
	const uint64_t base = 3ULL << INO_CONTAINER_SHIFT, big = INO_UPPER / 2 + 5;
	struct ino_map m;
	uint64_t first;

	(void)state;
	ino_map_init(&m, 3);
	assert_int_equal(ino_map_lower(&m, 7), base | 7);
	assert_int_equal(number(&m, 9), base | INO_UPPER | 9);
	assert_int_equal(ino_map_put(&m, 9, base | 7), 0);
	assert_int_equal(number(&m, 9), base | 7);
	first = number(&m, big);
	assert_int_not_equal(first, number(&m, big + 1));
	assert_int_equal(first, number(&m, big));
	ino_map_drop(&m, 9);
	assert_int_equal(number(&m, 9), base | INO_UPPER | 9);
	ino_map_fini(&m);
}

/*
 * File 20 is replaced by 21, and that by 22, all shown as 20: then 20 on disk must get another
 * number.
 */
static void a_taken_number_is_given_once(void **state)
{
	struct ino_map m;
	uint64_t ino;

	(void)state;
	ino_map_init(&m, 1);
	ino = number(&m, 20);
	assert_int_equal(ino_map_put(&m, 21, ino), 0);
	assert_int_not_equal(number(&m, 20), ino);
	/* Both have it until the change is done, or taken back. */
	assert_int_equal(ino_map_put(&m, 22, ino), 0);
	ino_map_drop(&m, 22);
	ino_map_drop(&m, 20);
	assert_int_not_equal(number(&m, 20), ino);
	assert_int_equal(ino_map_put(&m, 22, ino), 0);
	ino_map_drop(&m, 21);
	ino_map_drop(&m, 20);
	assert_int_not_equal(number(&m, 20), ino);
	ino_map_drop(&m, 22);
	ino_map_drop(&m, 20);
	assert_int_equal(number(&m, 20), ino);
	ino_map_fini(&m);
}

/* What fails is told, and changes nothing. */
static void numbers_without_memory(void **state)
{
	const uint64_t big = INO_UPPER / 2 + 5;
	struct ino_map m;
	uint64_t ino, got;
	int i, r = -ENOMEM;

	(void)state;
	for (i = 0; r == -ENOMEM; i++) {
		ino_map_init(&m, 1);
		ino = number(&m, 20);
		allocations = i;
		r = ino_map_put(&m, 21, ino);
		allocations = -1;
		if (r < 0) {
			assert_int_equal(r, -ENOMEM);
			assert_int_equal(number(&m, 20), ino);
			assert_int_equal(number(&m, 21), ino + 1);
		}
		ino_map_fini(&m);
	}
	assert_true(i > 4);
	r = -ENOMEM;
	for (i = 0; r == -ENOMEM; i++) {
		ino_map_init(&m, 1);
		allocations = i;
		r = ino_map_upper(&m, big, &got);
		allocations = -1;
		if (r == 0)
			assert_int_equal(number(&m, big), got);
		ino_map_fini(&m);
	}
	assert_true(i > 4);
}

/* --- names of nodes --- */

struct world {
	struct live live;
	struct nodes nodes;
	struct node *root, *a, *b;
};

static void no_destructor(struct node *n)
{
	(void)n;
}

static struct node *take(struct world *w, uint64_t ino, mode_t type, const char *name)
{
	struct node template = { .ino = ino, .live = &w->live, .type = type };
	struct node *n = node_take(&w->nodes, &template, w->root, name);

	assert_non_null(n);
	return n;
}

static void make_world(struct world *w)
{
	memset(w, 0, sizeof(*w));
	w->live.refs = 100;
	ino_map_init(&w->live.inos, 1);
	nodes_init(&w->nodes, no_destructor);
	w->root = w->live.root = take(w, 1, S_IFDIR, NULL);
	w->a = take(w, 2, S_IFREG, "a");
	w->b = take(w, 3, S_IFREG, "b");
}

static void free_world(struct world *w)
{
	nodes_fini(&w->nodes);
	ino_map_fini(&w->live.inos);
}

/* A rename replaces b: what is to be allocated was allocated by node_add_name(). */
static void names_move_without_memory(void **state)
{
	struct world w;

	(void)state;
	make_world(&w);
	assert_int_equal(node_add_name(&w.nodes, w.a, w.root, "b"), 0);
	assert_ptr_equal(node_child(&w.nodes, w.root, "b"), w.b);
	allocations = 0;
	node_take_name(&w.nodes, w.a, w.root, "b");
	node_take_name(&w.nodes, NULL, w.root, "a");
	assert_false(node_drop_name(&w.nodes, w.b, w.root, "b"));
	assert_ptr_equal(node_child(&w.nodes, w.root, "b"), w.a);
	assert_null(node_child(&w.nodes, w.root, "a"));
	allocations = -1;
	assert_string_equal(w.a->names->text, "b");
	assert_null(w.a->names->next);
	assert_int_equal(w.root->children, 1);
	free_world(&w);
}

static void names_are_exchanged_without_memory(void **state)
{
	struct world w;

	(void)state;
	make_world(&w);
	allocations = 0;
	node_take_name(&w.nodes, w.a, w.root, "b");
	node_take_name(&w.nodes, w.b, w.root, "a");
	allocations = -1;
	assert_ptr_equal(node_child(&w.nodes, w.root, "b"), w.a);
	assert_ptr_equal(node_child(&w.nodes, w.root, "a"), w.b);
	assert_string_equal(w.a->names->text, "b");
	assert_string_equal(w.b->names->text, "a");
	assert_int_equal(w.root->children, 2);
	free_world(&w);
}

/* A new name that finds no memory leaves the node its old one, and nothing behind. */
static void a_new_name_without_memory(void **state)
{
	struct world w;
	int i, r = -ENOMEM;

	(void)state;
	make_world(&w);
	for (i = 0; r == -ENOMEM; i++) {
		allocations = i;
		r = node_add_name(&w.nodes, w.a, w.root, "new");
		allocations = -1;
		assert_int_equal(w.root->children, r == 0 ? 3 : 2);
		if (r < 0)
			assert_null(node_child(&w.nodes, w.root, "new"));
	}
	assert_int_equal(r, 0);
	assert_true(i > 2);
	/* The rename failed: back to one name. */
	assert_true(node_drop_name(&w.nodes, w.a, w.root, "new"));
	assert_ptr_equal(node_child(&w.nodes, w.root, "a"), w.a);
	free_world(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gate_opens_at_the_first_use),
		cmocka_unit_test(gate_freezes),
		cmocka_unit_test(numbers_are_kept),
		cmocka_unit_test(a_taken_number_is_given_once),
		cmocka_unit_test(numbers_without_memory),
		cmocka_unit_test(names_move_without_memory),
		cmocka_unit_test(names_are_exchanged_without_memory),
		cmocka_unit_test(a_new_name_without_memory),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
