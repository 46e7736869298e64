/*
 * Any index with good checksums: it is refused, or its tree can be walked and its files read,
 * without a crash, without end and without memory. And whatever a builder makes, is taken. With
 * clang and -fsanitize=fuzzer it is a fuzz target, whose input is a list of changes to a good
 * index; alone it runs the files it is given, else lists that it makes itself, the same ones every
 * time.
 */
#include "config.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/file.h"
#include "base/log.h"
#include "store/disk/store.h"
#include "store/layer/decode.h"
#include "store/layer/layer_build.h"
#include "store/layer/layer_index.h"
#include "tests/unit/damage.h"

#define ROUNDS 3000
#define BUILDS 3000
#define CHANGE 9
#define MEMORY_MAX_KB (600u << 10)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct damage *d;
static unsigned taken;

static void end(void)
{
	damage_end(d);
}

static void begin(void)
{
	if (d)
		return;
	log_init("fuzz", LOG_LEVEL_QUIET, false);
	d = damage_begin(false);
	atexit(end);
}

/* One change: what is changed, where, to what. */
static void change(struct buf *ix, const uint8_t *c)
{
	struct layer_header *h = (void *)ix->data;
	const struct layer_header *good = (const void *)d->index.data;
	unsigned which = c[0] % (SECTION_COUNT + 1);
	uint64_t at = 8, size = sizeof(*h) - 8;
	uint32_t where, value, old;

	memcpy(&where, c + 1, sizeof(where));
	memcpy(&value, c + 5, sizeof(value));
	if (which < SECTION_COUNT) {
		at = good->section[which].offset;
		size = good->section[which].size;
	}
	if (which == SECTION_NAMES || c[0] & 0x80) {
		ix->data[at + where % size] = (char)value;
		return;
	}
	if (size < 4)
		return;
	at += where % (size / 4) * 4;
	memcpy(&old, ix->data + at, sizeof(old));
	if (c[0] & 0x40)
		value += old;
	memcpy(ix->data + at, &value, sizeof(value));
}

static int load(const struct buf *ix, const struct digest *blob, struct layer_index **out)
{
	_cleanup_close_ int fd = memfd_create("index", MFD_CLOEXEC);

	if (fd < 0 || file_write_all(fd, ix->data, ix->len) < 0)
		abort();
	return layer_index_load(fd, blob, out);
}

/* It was taken: everything that a mount does with it. */
static void use(const struct buf *ix)
{
	struct buf out _cleanup_buf_ = BUF_INIT;
	struct layers *ls = layers_new(d->s, 4u << 20);
	struct tree *t;

	damage_put(d, d->path, ix);
	if (tree_open_layer(ls, &d->blob, &t, NULL) == 0) {
		damage_show(t, &out);
		tree_free(t);
	}
	layers_free(ls);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf bad _cleanup_buf_ = BUF_INIT;
	struct layer_index *ix;
	size_t i;
	int r;

	begin();
	if (buf_append(&bad, d->index.data, d->index.len) < 0)
		abort();
	for (i = 0; i + CHANGE <= size; i += CHANGE)
		change(&bad, data + i);
	damage_sign(&bad);
	r = load(&bad, &d->blob, &ix);
	if (r < 0) {
		if (r != -EBADMSG)
			abort();
		return 0;
	}
	layer_index_free(ix);
	taken++;
	use(&bad);
	return 0;
}

#ifndef FUZZ_ENGINE
static size_t make(uint8_t *out)
{
	static const uint32_t interesting[] = { 0,	  1,	      2,	  3,	   4,
						71,	  72,	      80,	  255,	   256,
						4095,	  4096,	      65535,	  65536,   1u << 20,
						1u << 30, 0x7fffffff, 0x80000000, ~0u - 1, ~0u };
	size_t n = damage_any(2) ? 1 : 1 + damage_any(6), i;

	for (i = 0; i < n; i++) {
		uint32_t where = damage_any(1u << 24), value = damage_any(1u << 24);
		unsigned which = damage_any(8) ? damage_any(SECTION_WINDOWS) : SECTION_COUNT;

		/* Entries have more to be got wrong than all the others. */
		if (damage_any(2))
			which = SECTION_ENTRIES;
		out[i * CHANGE] = (uint8_t)which;
		if (damage_any(3) == 0)
			value = interesting[damage_any(ARRAY_SIZE(interesting))];
		else if (damage_any(2))
			value = damage_any(64);
		/* The same section; from 0x40 on, and from 0x80 on, changed in another way. */
		while (damage_any(8) && out[i * CHANGE] < 0xc0)
			out[i * CHANGE] = (uint8_t)(out[i * CHANGE] + SECTION_COUNT + 1);
		memcpy(out + i * CHANGE + 1, &where, sizeof(where));
		memcpy(out + i * CHANGE + 5, &value, sizeof(value));
	}
	return n * CHANGE;
}

/* A path of few names, so that they meet. */
static const char *any_path(char out[static 64])
{
	static const char *const names[] = {
		"a", "b", "c", "d", ".wh.a", ".wh.b", ".wh..wh..opq", "long name", "\xff"
	};
	uint32_t n = 1 + damage_any(4);

	out[0] = '\0';
	while (n--) {
		strcat(out, names[damage_any(damage_any(3) || n ? 4 : ARRAY_SIZE(names))]);
		if (n)
			strcat(out, "/");
	}
	return out;
}

static void add_any(struct layer_build *b, uint64_t *plain)
{
	char path[64], target[64];
	struct build_entry e = {
		.path = any_path(path),
		.type = (enum entry_type)(ENTRY_DIR + damage_any(ENTRY_FIFO)),
		.mode = damage_any(010000),
		.size = damage_any(3) * damage_any(10000),
		.target = any_path(target),
		.hardlink = damage_any(4) ? NULL : target,
	};
	struct layer_extent x = { 0, *plain, damage_any(100) };
	uint32_t node;

	if (layer_build_add(b, &e, &node, NULL) < 0 || node == LAYER_NONE)
		return;
	while (damage_any(3) == 0)
		IGNORE(layer_build_xattr(b, node, damage_any(2) ? "user.a" : "user.b", path,
					 damage_any(64), NULL));
	while (e.type == ENTRY_FILE && damage_any(3) &&
	       layer_build_extent(b, node, &x, NULL) == 0) {
		x.logical += x.length + damage_any(2) * damage_any(50);
		x.plain += x.length + damage_any(2) * 512;
		*plain = x.plain;
	}
}

static bool built(void)
{
	struct layer_build *b = layer_build_new();
	struct spans spans = { NULL, 0, 0, BUF_INIT, true };
	struct layer_header h = { .flags = LAYER_COPY, .codec = CODEC_XZ };
	struct buf out _cleanup_buf_ = BUF_INIT;
	struct layer_index *ix;
	uint64_t plain = 512;
	uint32_t n = damage_any(40);
	int r;

	while (n--)
		add_any(b, &plain);
	h.plain_size = plain + 10000;
	memcpy(h.blob_digest, d->blob.str, sizeof(d->blob.str));
	memcpy(h.diff_id, d->blob.str, sizeof(d->blob.str));
	r = layer_build_finish(b, &h, &spans, &out, NULL);
	layer_build_free(b);
	if (r == 0)
		r = load(&out, &d->blob, &ix);
	if (r == 0)
		layer_index_free(ix);
	return r == 0;
}

static int run_file(const char *path)
{
	static uint8_t data[1 << 16];
	_cleanup_fclose_ FILE *f = fopen(path, "rb");
	size_t n;

	if (!f)
		return 1;
	n = fread(data, 1, sizeof(data), f);
	return LLVMFuzzerTestOneInput(data, n);
}

int main(int argc, char **argv)
{
	uint8_t list[6 * CHANGE];
	struct rusage used;
	int i, failed = 0, refused = 0;

	begin();
	for (i = 1; i < argc; i++)
		failed |= run_file(argv[i]);
	for (i = 0; argc == 1 && i < ROUNDS; i++) {
		damage_seed = (uint32_t)i * 2654435761u;
		LLVMFuzzerTestOneInput(list, make(list));
	}
	getrusage(RUSAGE_SELF, &used);
	printf("# %u of %d were taken, %ld kB\n", taken, i, used.ru_maxrss);
	/* Both must happen, or this tries nothing. */
	if (argc == 1 &&
	    (taken < ROUNDS / 100 || taken > ROUNDS / 2 || used.ru_maxrss > (long)MEMORY_MAX_KB))
		failed = 1;
	for (i = 0; argc == 1 && i < BUILDS; i++) {
		damage_seed = (uint32_t)i * 2654435761u;
		refused += !built();
	}
	printf("%sok 1 - indexes of any numbers\n", failed ? "not " : "");
	printf("%sok 2 - indexes of any entries\n1..2\n", refused ? "not " : "");
	return failed || refused;
}
#endif
