/*
 * Damage to an index, before it is opened and afterwards, never shows: it is made again from the
 * blob. What somebody forged, with good checksums, is refused or leads nowhere. TEST_SEED=N repeats
 * a run.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fanotify.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/log.h"
#include "damage.h"
#include "store/disk/blob.h"
#include "store/disk/store.h"
#include "store/layer/layer_copy.h"
#include "store/layer/layer_index.h"
#include "store/oci/codec.h"

#define TRIALS 60

static uint32_t first_seed;

static int setup(void **state)
{
	damage_seed = first_seed;
	*state = damage_begin(false);
	return 0;
}

static int teardown(void **state)
{
	damage_end(*state);
	return 0;
}

static void copy_index(const struct damage *d, struct buf *out)
{
	buf_clear(out);
	assert_int_equal(buf_append(out, d->index.data, d->index.len), 0);
}

static void assert_truth(const struct damage *d, const struct tree *t, const char *what)
{
	struct buf got _cleanup_buf_ = BUF_INIT;

	damage_show(t, &got);
	if (strcmp(buf_str(&got), buf_str(&d->truth)) != 0)
		fail_msg("%s: another tree:\n%s", what, buf_str(&got));
}

static void open_and_compare(const struct damage *d, const char *what)
{
	struct layers *ls = layers_new(d->s, 4u << 20);
	struct tree *t;

	assert_int_equal(tree_open_layer(ls, &d->blob, &t, NULL), 0);
	assert_truth(d, t, what);
	tree_free(t);
	layers_free(ls);
}

static void assert_index_is_whole(const struct damage *d)
{
	struct buf now _cleanup_buf_ = BUF_INIT;

	assert_int_equal(file_read(d->s->fd, d->path, 1u << 30, &now, NULL), 0);
	assert_int_equal(now.len, d->index.len);
	assert_memory_equal(now.data, d->index.data, now.len);
}

static void test_damaged_before(void **state)
{
	struct damage *d = *state;
	struct buf bad _cleanup_buf_ = BUF_INIT;
	int i;

	for (i = 0; i < TRIALS; i++) {
		copy_index(d, &bad);
		damage_some(&bad);
		damage_put(d, d->path, &bad);
		open_and_compare(d, "damaged before");
		assert_index_is_whole(d);
	}
}

/* Under an open tree, that has read nothing yet. */
static void test_damaged_under_a_tree(void **state)
{
	struct damage *d = *state;
	struct buf bad _cleanup_buf_ = BUF_INIT;
	int i;

	for (i = 0; i < TRIALS; i++) {
		struct layers *ls = layers_new(d->s, 4u << 20);
		struct tree *t;

		assert_int_equal(tree_open_layer(ls, &d->blob, &t, NULL), 0);
		copy_index(d, &bad);
		if (i == 0)
			buf_clear(&bad);
		damage_some(&bad);
		damage_put(d, d->path, &bad);
		assert_truth(d, t, "damaged under a tree");
		tree_free(t);
		layers_free(ls);
		open_and_compare(d, "opened again");
	}
}

/* What stands in its place is no file. */
static void test_no_file(void **state)
{
	struct damage *d = *state;

	assert_int_equal(unlinkat(d->s->fd, d->path, 0), 0);
	assert_int_equal(symlinkat("/dev/zero", d->s->fd, d->path), 0);
	open_and_compare(d, "a symbolic link");
	assert_index_is_whole(d);
	assert_int_equal(unlinkat(d->s->fd, d->path, 0), 0);
	assert_int_equal(mkfifoat(d->s->fd, d->path, 0600), 0);
	open_and_compare(d, "a fifo");
	assert_index_is_whole(d);
}

static int copy_file(const struct damage *from, const struct damage *to, const char *path)
{
	struct buf data _cleanup_buf_ = BUF_INIT;
	int r = file_read(from->s->fd, path, 1u << 30, &data, NULL);

	if (r == 0)
		damage_put(to, path, &data);
	return r;
}

static void allow(int events, const struct fanotify_event_metadata *event)
{
	struct fanotify_response yes = { event->fd, FAN_ALLOW };

	assert_int_equal(write(events, &yes, sizeof(yes)), sizeof(yes));
	close(event->fd);
}

struct opener {
	struct layers *ls;
	const struct digest *blob;
	struct layer *l;
	int r;
};

static void *open_layer(void *arg)
{
	struct opener *o = arg;

	o->r = layers_get(o->ls, o->blob, &o->l, NULL);
	return NULL;
}

/* While an index is made, held up where the blob is opened, layers that are open go on. */
static void test_others_go_on(void **state)
{
	struct damage *d = *state, *other = damage_begin(true);
	_cleanup_close_ int events = fanotify_init(FAN_CLASS_CONTENT | FAN_CLOEXEC, O_RDONLY);
	struct layers *ls = layers_new(d->s, 4u << 20);
	struct opener o = { .ls = ls, .blob = &other->blob };
	struct fanotify_event_metadata event;
	char path[DIGEST_MAX + 8];
	struct layer *l;
	pthread_t thread;

	if (events < 0) {
		print_message("# fanotify_init: %s\n", strerror(errno));
		layers_free(ls);
		damage_end(other);
		skip();
	}
	/* The other blob comes into this store, without an index. */
	blob_store_path(&other->blob, path);
	assert_int_equal(copy_file(other, d, path), 0);
	assert_int_equal(layers_get(ls, &d->blob, &l, NULL), 0);
	assert_int_equal(fanotify_mark(events, FAN_MARK_ADD, FAN_OPEN_PERM, d->s->fd, path), 0);
	alarm(60); /* instead of waiting for ever */
	assert_int_equal(pthread_create(&thread, NULL, open_layer, &o), 0);
	assert_int_equal(read(events, &event, sizeof(event)), sizeof(event));
	layer_ref(l);
	layer_unref(l);
	assert_int_equal(fanotify_mark(events, FAN_MARK_FLUSH, 0, d->s->fd, path), 0);
	allow(events, &event);
	pthread_join(thread, NULL);
	alarm(0);
	assert_int_equal(o.r, 0);
	layer_unref(o.l);
	layer_unref(l);
	layers_free(ls);
	damage_end(other);
}

/* Every window of an index alone; the second reader finds the first one's index. */
static void test_window(void **state)
{
	struct damage *d = *state;
	const struct layer_header *h = (const void *)d->index.data;
	const struct layer_span *s =
		(const void *)(d->index.data + h->section[SECTION_SPANS].offset);
	size_t n = h->section[SECTION_SPANS].size / sizeof(*s), i;
	struct buf bad _cleanup_buf_ = BUF_INIT;

	assert_true(n >= 3 && s[1].window_len && s[2].window_len);
	for (i = 1; i < n; i++) {
		copy_index(d, &bad);
		bad.data[h->section[SECTION_WINDOWS].offset + s[i].window + s[i].window_len / 2] ^=
			1;
		damage_put(d, d->path, &bad);
		open_and_compare(d, "a window");
		assert_index_is_whole(d);
	}
	/* One for the other, each of them whole. */
	copy_index(d, &bad);
	memcpy(bad.data + h->section[SECTION_WINDOWS].offset + s[1].window,
	       d->index.data + h->section[SECTION_WINDOWS].offset + s[2].window,
	       MIN(s[1].window_len, s[2].window_len));
	damage_put(d, d->path, &bad);
	open_and_compare(d, "another's window");
	assert_index_is_whole(d);
}

/* The blob is gone, so nothing can be made again: an error, and nothing wrong. */
static void test_window_without_blob(void **state)
{
	struct damage *d = *state;
	struct layers *ls = layers_new(d->s, 4u << 20);
	struct buf bad _cleanup_buf_ = BUF_INIT, got _cleanup_buf_ = BUF_INIT;
	const struct layer_header *h = (const void *)d->index.data;
	char blob[DIGEST_MAX + 8];
	struct tree *t;

	copy_index(d, &bad);
	memset(bad.data + h->section[SECTION_WINDOWS].offset, 0, h->section[SECTION_WINDOWS].size);
	damage_put(d, d->path, &bad);
	assert_int_equal(tree_open_layer(ls, &d->blob, &t, NULL), 0);
	blob_store_path(&d->blob, blob);
	assert_int_equal(unlinkat(d->s->fd, blob, 0), 0);
	damage_show(t, &got);
	assert_non_null(strstr(buf_str(&got), "d/big 100640"));
	assert_non_null(strstr(buf_str(&got), " error -74"));
	assert_non_null(strstr(buf_str(&got), "\na 100640"));
	tree_free(t);
	layers_free(ls);
}

static int setup_copy(void **state)
{
	damage_seed = first_seed;
	*state = damage_begin(true);
	return 0;
}

/* Frames and the table of a seekable copy, before it is opened and afterwards. */
static void test_copy(void **state)
{
	struct damage *d = *state;
	struct buf whole _cleanup_buf_ = BUF_INIT, bad _cleanup_buf_ = BUF_INIT;
	char path[DIGEST_MAX + 32];
	int i;

	layer_copy_path(&d->blob, path);
	assert_int_equal(file_read(d->s->fd, path, 1u << 30, &whole, NULL), 0);
	for (i = 0; i < TRIALS / 2; i++) {
		struct layers *ls = layers_new(d->s, 4u << 20);
		struct tree *t;

		buf_clear(&bad);
		assert_int_equal(buf_append(&bad, whole.data, whole.len), 0);
		damage_some(&bad);
		if (i % 2)
			damage_put(d, path, &bad);
		assert_int_equal(tree_open_layer(ls, &d->blob, &t, NULL), 0);
		if (i % 2 == 0)
			damage_put(d, path, &bad);
		assert_truth(d, t, "a copy");
		tree_free(t);
		layers_free(ls);
	}
}

/* Right in itself, but of another blob. */
static void test_copy_of_another_blob(void **state)
{
	struct damage *d = *state;
	struct buf other _cleanup_buf_ = BUF_INIT;
	struct digest blob = d->blob;
	struct layers *ls = layers_new(d->s, 4u << 20);
	struct layer_copy *copy;
	struct layer_header h;
	struct tree *t;
	char path[DIGEST_MAX + 32], *last = blob.str + strlen(blob.str) - 1;
	int fd;

	assert_int_equal(layer_peek(d->s, &d->blob, &h, NULL), 0);
	layer_copy_path(&d->blob, path);
	fd = openat(d->s->fd, path, O_RDONLY | O_CLOEXEC);
	assert_int_equal(layer_copy_open(fd, &blob, h.plain_size, &copy), 0);
	layer_copy_free(copy);
	*last = *last == '0' ? '1' : '0';
	fd = openat(d->s->fd, path, O_RDONLY | O_CLOEXEC);
	assert_int_equal(layer_copy_open(fd, &blob, h.plain_size, &copy), -EBADMSG);
	/* Opening the layer rebuilds a wrong copy. */
	assert_int_equal(file_read(d->s->fd, path, 1u << 30, &other, NULL), 0);
	other.data[8 + strlen(blob.str) - 1] = *last;
	damage_put(d, path, &other);
	assert_int_equal(tree_open_layer(ls, &d->blob, &t, NULL), 0);
	assert_truth(d, t, "another blob's copy");
	tree_free(t);
	layers_free(ls);
	fd = openat(d->s->fd, path, O_RDONLY | O_CLOEXEC);
	assert_int_equal(layer_copy_open(fd, &d->blob, h.plain_size, &copy), 0);
	layer_copy_free(copy);
}

/* Indexes take no more than the limit together, and give it back. */
static void test_limit(void **state)
{
	struct damage *d = *state;
	_cleanup_close_ int fd = openat(d->s->fd, d->path, O_RDONLY | O_CLOEXEC);
	struct layer_index *one, *two;
	const struct layer_header *h = (const void *)d->index.data;
	uint64_t body = h->section[SECTION_SPANS].offset + h->section[SECTION_SPANS].size;

	layer_index_set_limit(body * 2 - 1);
	assert_int_equal(layer_index_load(fd, &d->blob, &one), 0);
	assert_int_equal(layer_index_load(fd, &d->blob, &two), -ENOMEM);
	layer_index_free(one);
	assert_int_equal(layer_index_load(fd, &d->blob, &two), 0);
	layer_index_free(two);
	layer_index_set_limit(0);
	assert_int_equal(layer_index_load(fd, &d->blob, &two), 0);
	layer_index_free(two);
}

/* A copy is made of the blob that was meant, or not at all. */
static void test_copy_of_a_damaged_blob(void **state)
{
	struct damage *d = *state;
	struct buf blob _cleanup_buf_ = BUF_INIT;
	char path[DIGEST_MAX + 32];
	struct layers *ls;
	struct tree *t;

	layer_copy_path(&d->blob, path);
	assert_int_equal(unlinkat(d->s->fd, path, 0), 0);
	blob_store_path(&d->blob, path);
	assert_int_equal(file_read(d->s->fd, path, 1u << 30, &blob, NULL), 0);
	/* Behind the frame, where only the digest sees it: a skippable frame. */
	assert_int_equal(buf_append(&blob, "\x50\x2a\x4d\x18\0\0\0\0", 8), 0);
	damage_put(d, path, &blob);
	ls = layers_new(d->s, 4u << 20);
	assert_int_equal(tree_open_layer(ls, &d->blob, &t, NULL), -EBADMSG);
	layers_free(ls);
}

/* --- forged: all checksums are right --- */

static void *section(struct buf *ix, enum layer_section s)
{
	const struct layer_header *h = (const void *)ix->data;

	return ix->data + h->section[s].offset;
}

static const char *name_of(struct buf *ix, const struct layer_entry *e)
{
	return (const char *)section(ix, SECTION_NAMES) + e->name;
}

/* The entry of this name. */
static struct layer_entry *entry(struct buf *ix, const char *name)
{
	const struct layer_header *h = (const void *)ix->data;
	struct layer_entry *e = section(ix, SECTION_ENTRIES);
	size_t n = h->section[SECTION_ENTRIES].size / sizeof(*e), i;

	for (i = 0; i < n; i++)
		if (strcmp(name_of(ix, &e[i]), name) == 0)
			return &e[i];
	fail_msg("no entry %s", name);
	return NULL;
}

static uint32_t number(struct buf *ix, const char *name)
{
	return (uint32_t)(entry(ix, name) - (struct layer_entry *)section(ix, SECTION_ENTRIES));
}

static void rename_entry(struct buf *ix, const char *name, const char *to, size_t len)
{
	memcpy((char *)name_of(ix, entry(ix, name)), to, len);
}

static struct layer_extent *extent(struct buf *ix, const char *name)
{
	return (struct layer_extent *)section(ix, SECTION_EXTENTS) + entry(ix, name)->first;
}

static struct layer_xattr *xattr(struct buf *ix, const char *name)
{
	return (void *)((char *)section(ix, SECTION_XATTRS) + entry(ix, name)->xattr);
}

static struct layer_header *header(struct buf *ix)
{
	return (void *)ix->data;
}

static struct layer_span *span(struct buf *ix, size_t i)
{
	return (struct layer_span *)section(ix, SECTION_SPANS) + i;
}

/* clang-format off */
#define FORGERIES(X) \
	X(root_is_a_file, entry(ix, "")->type = ENTRY_FILE) \
	X(root_has_a_parent, entry(ix, "")->parent = 1) \
	X(root_has_a_name, entry(ix, "")->name_len = 1) \
	X(no_entries, header(ix)->section[SECTION_ENTRIES].size = 0) \
	X(fewer_entries, header(ix)->section[SECTION_ENTRIES].size -= sizeof(struct layer_entry)) \
	X(part_of_an_entry, header(ix)->section[SECTION_ENTRIES].size -= 1) \
	X(sections_overlap, header(ix)->section[SECTION_NAMES].offset -= 72) \
	X(section_behind_the_end, header(ix)->section[SECTION_WINDOWS].size += 8) \
	X(section_of_any_size, header(ix)->section[SECTION_SPANS].size = UINT64_MAX / 80 * 80) \
	X(unknown_codec, header(ix)->codec = 17) \
	X(unknown_flag, header(ix)->flags = 6) \
	X(digest_without_an_end, memset(header(ix)->diff_id, 'a', 136)) \
	X(no_digest, header(ix)->diff_id[3] = '/') \
	X(links_that_are_none, header(ix)->n_links = 1) \
	X(unknown_type, entry(ix, "pipe")->type = 9) \
	X(no_type, entry(ix, "pipe")->type = 0) \
	X(unknown_entry_flag, entry(ix, "pipe")->flags = 8) \
	X(directory_in_itself, entry(ix, "d")->first = number(ix, "d")) \
	X(directory_in_a_child, entry(ix, "e")->first = number(ix, "d")) \
	X(directory_of_another, entry(ix, "e")->first = entry(ix, "many")->first) \
	X(children_of_two, (entry(ix, "e")->first = entry(ix, "d")->first, entry(ix, "e")->count = 2)) \
	X(children_behind_the_end, entry(ix, "many")->count += 1) \
	X(children_without_end, entry(ix, "many")->count = UINT32_MAX) \
	X(fewer_children, entry(ix, "many")->count -= 1) \
	X(another_parent, entry(ix, "pipe")->parent = number(ix, "many")) \
	X(parent_is_itself, entry(ix, "pipe")->parent = number(ix, "pipe")) \
	X(parent_is_no_directory, entry(ix, "other")->parent = number(ix, "a")) \
	X(parent_behind_the_end, entry(ix, "pipe")->parent = UINT32_MAX) \
	X(order, rename_entry(ix, "pipe", "aaaa", 4)) \
	X(twice, rename_entry(ix, "pipe", "null", 4)) \
	X(slash_in_a_name, rename_entry(ix, "many", "ma/y", 4)) \
	X(nul_in_a_name, rename_entry(ix, "many", "ma\0y", 4)) \
	X(name_without_an_end, entry(ix, "many")->name_len = 3) \
	X(empty_name, entry(ix, "a")->name_len = 0) \
	X(dot, rename_entry(ix, "a", ".", 1)) \
	X(dot_dot, (rename_entry(ix, "10", "..", 2))) \
	X(name_behind_the_end, entry(ix, "pipe")->name = UINT32_MAX) \
	X(long_name, entry(ix, "pipe")->name_len = 65535) \
	X(mode, entry(ix, "pipe")->mode = 0100644) \
	X(owner, entry(ix, "pipe")->uid = UINT32_MAX) \
	X(group, entry(ix, "pipe")->gid = UINT32_MAX) \
	X(nanoseconds, entry(ix, "pipe")->mtime_nsec = 1000000000) \
	X(no_links, entry(ix, "pipe")->nlink = 0) \
	X(link_to_a_directory, entry(ix, "pipe")->inode = number(ix, "d")) \
	X(link_to_another_type, entry(ix, "pipe")->inode = number(ix, "a")) \
	X(link_forward, entry(ix, "a")->inode = number(ix, "big")) \
	X(link_behind_the_end, entry(ix, "pipe")->inode = UINT32_MAX) \
	X(link_of_another_size, entry(ix, "other")->size += 1) \
	X(link_of_other_contents, entry(ix, "other")->first = 0) \
	X(target_behind_the_end, entry(ix, "link")->first = UINT32_MAX) \
	X(target_without_an_end, (entry(ix, "link")->count = 2, entry(ix, "link")->size = 2)) \
	X(target_of_another_size, entry(ix, "link")->size = 1) \
	X(empty_target, (entry(ix, "link")->count = 0, entry(ix, "link")->size = 0)) \
	X(negative_size, entry(ix, "sparse")->size = UINT64_MAX) \
	X(smaller_than_its_data, entry(ix, "sparse")->size = 5000) \
	X(extents_behind_the_end, entry(ix, "sparse")->first = UINT32_MAX) \
	X(extents_without_end, entry(ix, "sparse")->count = UINT32_MAX) \
	X(extents_overlap, extent(ix, "sparse")[1].logical = 4097) \
	X(extents_wrap, extent(ix, "sparse")[0].length = UINT64_MAX) \
	X(extents_of_no_length, extent(ix, "sparse")[0].length = 0) \
	X(extents_of_two, (entry(ix, "sparse")->first = 0, entry(ix, "sparse")->count = 20)) \
	X(data_behind_the_end, extent(ix, "sparse")[0].plain = header(ix)->plain_size - 3) \
	X(data_wraps, extent(ix, "sparse")[0].plain = UINT64_MAX - 3) \
	X(smaller_stream, header(ix)->plain_size = 1000) \
	X(larger_stream, header(ix)->plain_size = INT64_MAX) \
	X(negative_stream, header(ix)->plain_size = UINT64_MAX) \
	X(xattrs_behind_the_end, entry(ix, "0")->xattr = UINT32_MAX & ~3u) \
	X(xattr_at_an_odd_place, entry(ix, "0")->xattr += 1) \
	X(xattrs_without_end, entry(ix, "0")->n_xattr = UINT32_MAX) \
	X(xattrs_of_others, entry(ix, "0")->n_xattr = 4000) \
	X(xattr_name, xattr(ix, "0")->name_len = 60000) \
	X(xattr_value, xattr(ix, "0")->value_len = UINT32_MAX - 12) \
	X(xattr_of_ours, memcpy(xattr(ix, "0") + 1, "user.over", 9) && (((char *)(xattr(ix, "0") + 1))[9] = 0)) \
	X(spans_in_another_order, span(ix, 1)->plain = 0) \
	X(span_too_long, span(ix, 2)->plain = 1u << 30) \
	X(no_first_span, span(ix, 0)->plain = 1) \
	X(span_ends_before_it_begins, span(ix, 1)->blob_end = span(ix, 1)->blob - 1) \
	X(span_behind_the_end, span(ix, 1)->blob_end = header(ix)->blob_size + 1) \
	X(span_before_the_blob, (span(ix, 1)->blob = 0, span(ix, 1)->bits = 1)) \
	X(bits, span(ix, 1)->bits = 8) \
	X(unknown_span_flag, span(ix, 1)->flags = 2) \
	X(window_behind_the_end, span(ix, 1)->window = UINT64_MAX) \
	X(window_too_long, span(ix, 1)->window_len = UINT32_MAX)
/* clang-format on */

#define FORGE(name, what)                   \
	static void name##_(struct buf *ix) \
	{                                   \
		(void)(what);               \
	}
FORGERIES(FORGE)

static void test_forged(void **state)
{
#define ROW(name, what) { #name, name##_ },
	static const struct {
		const char *name;
		void (*forge)(struct buf *ix);
	} rows[] = { FORGERIES(ROW) };
	struct damage *d = *state;
	struct buf bad _cleanup_buf_ = BUF_INIT;
	struct layer_index *ix;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_close_ int fd = -1;
		int r;

		copy_index(d, &bad);
		rows[i].forge(&bad);
		damage_sign(&bad);
		damage_put(d, d->path, &bad);
		fd = openat(d->s->fd, d->path, O_RDONLY | O_CLOEXEC);
		r = layer_index_load(fd, &d->blob, &ix);
		if (r != -EBADMSG)
			fail_msg("%s: %d, not refused", rows[i].name, r);
	}
	open_and_compare(d, "forged");
	assert_index_is_whole(d);
	/* What changes nothing is taken. */
	copy_index(d, &bad);
	damage_sign(&bad);
	assert_memory_equal(bad.data, d->index.data, bad.len);
}

/* Believable, but wrong about the blob: the blob has the last word. */
static void test_forged_span(void **state)
{
	struct damage *d = *state;
	struct buf bad _cleanup_buf_ = BUF_INIT;
	int i;

	for (i = 0; i < 2; i++) {
		copy_index(d, &bad);
		if (i == 0)
			header(&bad)->codec = CODEC_ZSTD;
		else
			span(&bad, 1)->flags = SPAN_START;
		damage_sign(&bad);
		damage_put(d, d->path, &bad);
		open_and_compare(d, "a forged span");
		assert_index_is_whole(d);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_damaged_before, setup, teardown),
		cmocka_unit_test_setup_teardown(test_damaged_under_a_tree, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_file, setup, teardown),
		cmocka_unit_test_setup_teardown(test_others_go_on, setup, teardown),
		cmocka_unit_test_setup_teardown(test_window, setup, teardown),
		cmocka_unit_test_setup_teardown(test_window_without_blob, setup, teardown),
		cmocka_unit_test_setup_teardown(test_copy, setup_copy, teardown),
		cmocka_unit_test_setup_teardown(test_copy_of_another_blob, setup_copy, teardown),
		cmocka_unit_test_setup_teardown(test_limit, setup, teardown),
		cmocka_unit_test_setup_teardown(test_copy_of_a_damaged_blob, setup_copy, teardown),
		cmocka_unit_test_setup_teardown(test_forged, setup, teardown),
		cmocka_unit_test_setup_teardown(test_forged_span, setup, teardown),
	};
	const char *seed = getenv("TEST_SEED");

	first_seed = seed ? (uint32_t)strtoul(seed, NULL, 10) : (uint32_t)time(NULL);
	printf("# TEST_SEED=%u\n", first_seed);
	log_init("test", LOG_LEVEL_QUIET, false);
	return cmocka_run_group_tests_name("index", tests, NULL, NULL);
}
