/*
 * Each allocation of a parser, of the layer builder or of merging layers fails in turn: it returns
 * -ENOMEM, and a build with sanitizers sees that nothing leaks.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
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
#include "base/json.h"
#include "base/remove_tree.h"
#include "registry/auth/challenge.h"
#include "registry/config/registries.h"
#include "registry/config/toml.h"
#include "store/disk/store.h"
#include "store/disk/txn.h"
#include "store/image/tree.h"
#include "store/layer/decode.h"
#include "store/layer/ingest.h"
#include "store/layer/layer.h"
#include "store/layer/layer_build.h"
#include "store/layer/layer_format.h"
#include "store/layer/tar_write.h"
#include "store/oci/dockerfile.h"
#include "store/oci/instruction.h"
#include "store/oci/manifest.h"
#include "store/oci/reference.h"
#include "store/show/template.h"

/*
 * base/json.c leaves jansson with longjmp(3): what jansson allocated until then leaks, as is known
 * there.
 */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
	return "leak:json_loadb\n";
}

/* jansson has no frame pointers, by which its caller would be found. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "fast_unwind_on_malloc=0";
}

/* More than any case below needs. */
#define ALLOCATIONS_MAX 100000

#define HEX "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

/* The allocation that fails, counted down; 0: none does. */
static unsigned countdown;

static bool fails(void)
{
	return countdown && --countdown == 0;
}

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t n);
char *__real_strdup(const char *s);
char *__real_strndup(const char *s, size_t n);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t n);
char *__wrap_strdup(const char *s);
char *__wrap_strndup(const char *s, size_t n);
int __wrap_asprintf(char **out, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

void *__wrap_malloc(size_t n)
{
	return fails() ? NULL : __real_malloc(n);
}

void *__wrap_calloc(size_t n, size_t size)
{
	return fails() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *p, size_t n)
{
	return fails() ? NULL : __real_realloc(p, n);
}

char *__wrap_strdup(const char *s)
{
	return fails() ? NULL : __real_strdup(s);
}

char *__wrap_strndup(const char *s, size_t n)
{
	return fails() ? NULL : __real_strndup(s, n);
}

int __wrap_asprintf(char **out, const char *fmt, ...)
{
	va_list ap;
	int r;

	if (fails())
		return -1;
	va_start(ap, fmt);
	r = vasprintf(out, fmt, ap);
	va_end(ap);
	return r;
}

/* once() succeeds when no allocation fails, and returns -ENOMEM when one does, whichever it is. */
static void each_allocation(int (*once)(struct err *err))
{
	unsigned n;

	for (n = 1; n < ALLOCATIONS_MAX; n++) {
		struct err err = ERR_INIT;
		bool failed;
		int r;

		countdown = n;
		r = once(&err);
		failed = countdown == 0;
		countdown = 0;
		if (!failed) {
			assert_int_equal(r, 0);
			/* The case allocates something at all. */
			assert_true(n > 1);
			return;
		}
		if (r != -ENOMEM)
			print_error("allocation %u: %d, \"%s\"\n", n, r, err.msg);
		assert_int_equal(r, -ENOMEM);
		assert_int_equal(err.code, ENOMEM);
	}
	fail_msg("too many allocations");
}

static int parse_json(struct err *err)
{
	static const char text[] = "{\"a\":[1,2.5,\"\\u00e4\",null,{\"b\":\"c\"}],\"d\":true}";
	_cleanup_json_ json_t *j = NULL;

	return json_parse(text, sizeof(text) - 1, "test", &j, err);
}

static int parse_manifest(struct err *err)
{
	static const char text[] =
		"{\"schemaVersion\":2,\"mediaType\":\"" MEDIA_OCI_MANIFEST "\","
		"\"config\":{\"mediaType\":\"application/vnd.oci.image.config.v1+json\","
		"\"digest\":\"sha256:" HEX "\",\"size\":2},"
		"\"layers\":[{\"mediaType\":\"" MEDIA_OCI_LAYER "\",\"digest\":\"sha256:" HEX
		"\",\"size\":3},{\"mediaType\":\"" MEDIA_OCI_LAYER_GZIP
		"\",\"digest\":\"sha256:" HEX "\",\"size\":4}]}";
	struct manifest m = { 0 };
	int r = manifest_parse(text, sizeof(text) - 1, &m, err);

	if (r == 0)
		manifest_fini(&m);
	return r;
}

static int parse_index(struct err *err)
{
	static const char text[] =
		"{\"schemaVersion\":2,\"manifests\":[{\"mediaType\":\"" MEDIA_OCI_MANIFEST
		"\",\"digest\":\"sha256:" HEX "\",\"size\":3,\"platform\":{\"os\":\"linux\","
		"\"architecture\":\"arm64\",\"variant\":\"v8\"},\"annotations\":"
		"{\"org.opencontainers.image.ref.name\":\"x\"}}]}";
	struct index x = { 0 };
	int r = index_parse(text, sizeof(text) - 1, &x, err);

	if (r == 0)
		index_fini(&x);
	return r;
}

static int parse_reference(struct err *err)
{
	_cleanup_reference_ struct reference ref = { 0 };

	return reference_parse("localhost:5000/a/b:tag@sha256:" HEX, &ref, err);
}

static int parse_dockerfile(struct err *err)
{
	struct dockerfile d;
	int r;

	dockerfile_begin(&d, "# escape=`\nENV a=b c=\"d e\"\nCMD [\"x\", \"y\"]\n"
			     "HEALTHCHECK --interval=1s CMD true `\n  && false\n");
	do {
		struct instruction i _cleanup_instruction_ = { 0 };

		r = dockerfile_next(&d, &i, err);
	} while (r > 0);
	return r;
}

static int apply_instructions(struct err *err)
{
	static const char *const instructions[] = {
		"ENV a=b c=${a}d\nLABEL k=\"v w\" l=m",
		"CMD [\"x\", \"y\"]",
		"EXPOSE 80 127.0.0.1:90-91:443-444/udp",
		"VOLUME /data",
		"WORKDIR /a/${a}",
		"USER www",
		"HEALTHCHECK --interval=1s CMD true",
	};
	unsigned n = countdown;
	json_t *config;
	int r;

	countdown = 0;
	config = json_object();
	countdown = n;
	r = instructions_apply(config, instructions, ARRAY_SIZE(instructions), err);
	json_decref(config);
	return r;
}

static int parse_template(struct err *err)
{
	struct template *t = NULL;
	int r = template_new("{{range $i, $x := .List}}{{if eq $x \"a\"}}{{printf \"%d %q\" $i $x}}"
			     "{{else}}{{json .}}{{end}}{{end}}{{with .Name}}{{upper .}}{{end}}",
			     &t, err);

	template_free(t);
	return r;
}

static int parse_toml(struct err *err)
{
	static const char text[] = "a = \"b\"\nc.d = ['e', \"f\\n\"]\n[[g]]\nh = 1\n[[g]]\n"
				   "i = { j = true }\n";
	struct toml *t = NULL;
	int r = toml_parse(text, sizeof(text) - 1, "test", &t, err);

	toml_free(t);
	return r;
}

static int add_registries(struct err *err)
{
	static const char text[] =
		"[[registry]]\nprefix = \"docker.io/x\"\nlocation = \"mirror.example/y\"\n"
		"[[registry.mirror]]\nlocation = \"localhost:5000\"\ninsecure = true\n"
		"[[registry]]\nprefix = \"*.example.com\"\nblocked = true\n";
	struct registries all _cleanup_registries_ = { 0 };

	return registries_add(&all, text, sizeof(text) - 1, "test", err);
}

static int add_challenges(struct err *err)
{
	struct challenges all _cleanup_challenges_ = { 0 };

	return challenges_add(&all,
			      "Basic realm=\"a\", Bearer realm=\"https://b/t\",service=\"c\","
			      "scope=\"repository:d:pull\",error=\"insufficient_scope\"",
			      err);
}

static int build_layer(struct err *err)
{
	static const struct build_entry entries[] = {
		{ .path = "a", .type = ENTRY_DIR, .mode = 0755 },
		{ .path = "a/b/c", .type = ENTRY_FILE, .mode = 0644, .size = 5 },
		{ .path = "link", .type = ENTRY_SYMLINK, .target = "a/b", .mode = 0777 },
		{ .path = "link/d", .type = ENTRY_FILE, .mode = 0644 },
		{ .path = "hard", .hardlink = "a/b/c" },
		{ .path = "a/.wh.gone", .type = ENTRY_FILE },
		{ .path = "a/.wh..wh..opq", .type = ENTRY_FILE },
	};
	const struct layer_extent extent = { .logical = 0, .plain = 512, .length = 5 };
	struct layer_build *b = layer_build_new();
	struct buf out _cleanup_buf_ = BUF_INIT;
	struct layer_header h = { .plain_size = 10240 };
	const struct spans spans = { 0 };
	size_t i;
	int r = b ? 0 : err_nomem(err);

	for (i = 0; i < ARRAY_SIZE(entries) && r == 0; i++) {
		uint32_t node;

		r = layer_build_add(b, &entries[i], &node, err);
		if (r == 0 && i == 1)
			r = layer_build_extent(b, node, &extent, err);
		if (r == 0 && i == 1)
			r = layer_build_xattr(b, node, "user.x", "yz", 2, err);
	}
	if (r == 0)
		r = layer_build_finish(b, &h, &spans, &out, err);
	layer_build_free(b);
	return r;
}

/* A store with two layers, which stay open: only merging them allocates. */
static struct {
	char dir[32];
	struct store *s;
	struct layers *ls;
	struct descriptor blobs[2];
	struct layer *open[2];
} lower_upper;

static int to_buf(void *ctx, const void *data, size_t len, struct err *err)
{
	return buf_append(ctx, data, len) < 0 ? err_nomem(err) : 0;
}

static void add_entry(struct buf *tar, mode_t type, const char *path, const char *target)
{
	const struct sink to = { to_buf, tar };
	const struct tar_entry e = {
		.path = path,
		.target = target,
		.hardlink = target && type != S_IFLNK,
		.st = { .st_mode = type | 0755 },
	};

	assert_int_equal(tar_header(&to, &e, NULL), 0);
}

/* Index the layer of a tar, and keep it open. */
static void add_layer(size_t i, const struct buf *tar)
{
	struct ingest_result res;
	struct ingest *in;
	struct txn *t;

	assert_int_equal(txn_begin(lower_upper.s, &t, NULL), 0);
	assert_int_equal(ingest_begin(t, NULL, &in, NULL), 0);
	assert_int_equal(ingest_write(in, tar->data, tar->len, NULL), 0);
	assert_int_equal(ingest_end(in, &res, NULL), 0);
	assert_int_equal(res.layer_error, 0);
	assert_int_equal(txn_publish(t, NULL), 0);
	txn_free(t);
	lower_upper.blobs[i].digest = res.digest;
	assert_int_equal(layers_get(lower_upper.ls, &res.digest, &lower_upper.open[i], NULL), 0);
}

static int setup_layers(void **state)
{
	struct buf lower _cleanup_buf_ = BUF_INIT, upper _cleanup_buf_ = BUF_INIT;
	unsigned i;

	(void)state;
	strcpy(lower_upper.dir, "/tmp/test_nomem.XXXXXX");
	assert_non_null(mkdtemp(lower_upper.dir));
	assert_int_equal(store_open(lower_upper.dir, &lower_upper.s, NULL), 0);
	lower_upper.ls = layers_new(lower_upper.s, 1u << 20);
	for (i = 0; i < 100; i++) {
		char path[16];

		snprintf(path, sizeof(path), "dir/f%02u", i);
		add_entry(&lower, S_IFREG, path, NULL);
	}
	add_entry(&lower, S_IFREG, "few/a", NULL);
	add_entry(&lower, S_IFLNK, "link", "/few/../dir");
	add_entry(&lower, S_IFLNK, "missing", "few/to/be/made");
	assert_int_equal(tar_end(&(struct sink){ to_buf, &lower }, NULL), 0);
	add_layer(0, &lower);
	/* Small changes to a large directory, which are queued; and one of the other kind. */
	add_entry(&upper, S_IFREG, "link/new", NULL);
	add_entry(&upper, S_IFREG, "link/.wh.f01", NULL);
	add_entry(&upper, S_IFREG, "missing/x", NULL);
	add_entry(&upper, S_IFREG, "few/.wh.a", NULL);
	add_entry(&upper, S_IFREG, "few/b", NULL);
	add_entry(&upper, S_IFREG, "opaque/.wh..wh..opq", NULL);
	add_entry(&upper, S_IFREG, "hard", "link/f02");
	assert_int_equal(tar_end(&(struct sink){ to_buf, &upper }, NULL), 0);
	add_layer(1, &upper);
	return 0;
}

static int teardown_layers(void **state)
{
	(void)state;
	layer_unref(lower_upper.open[0]);
	layer_unref(lower_upper.open[1]);
	layers_free(lower_upper.ls);
	store_close(lower_upper.s);
	remove_tree(AT_FDCWD, lower_upper.dir);
	return 0;
}

static int merge_layers(struct err *err)
{
	const struct manifest m = { .layers = lower_upper.blobs, .n_layers = 2 };
	struct stat st;
	struct tree *t;
	int r = tree_open(lower_upper.ls, &m, &t, err);

	if (r < 0)
		return r;
	/* The upper layer's entries reached their directories. */
	assert_true(tree_walk(t, "dir/new") != TREE_NONE);
	assert_int_equal(tree_walk(t, "dir/f01"), TREE_NONE);
	assert_true(tree_walk(t, "few/to/be/made/x") != TREE_NONE);
	tree_stat(t, tree_walk(t, "hard"), &st);
	assert_int_equal(st.st_nlink, 2);
	tree_free(t);
	return 0;
}

static int show_raw_layer(struct err *err)
{
	struct tree *t;
	int r = tree_open_layer(lower_upper.ls, &lower_upper.blobs[1].digest, &t, err);

	if (r == 0)
		tree_free(t);
	return r;
}

#define CASE(once)                            \
	static void test_##once(void **state) \
	{                                     \
		(void)state;                  \
		each_allocation(once);        \
	}                                     \
	struct swallow_semicolon_##once

CASE(parse_json);
CASE(parse_manifest);
CASE(parse_index);
CASE(parse_reference);
CASE(parse_dockerfile);
CASE(apply_instructions);
CASE(parse_template);
CASE(parse_toml);
CASE(add_registries);
CASE(add_challenges);
CASE(build_layer);
CASE(merge_layers);
CASE(show_raw_layer);

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse_json),
		cmocka_unit_test(test_parse_manifest),
		cmocka_unit_test(test_parse_index),
		cmocka_unit_test(test_parse_reference),
		cmocka_unit_test(test_parse_dockerfile),
		cmocka_unit_test(test_apply_instructions),
		cmocka_unit_test(test_parse_template),
		cmocka_unit_test(test_parse_toml),
		cmocka_unit_test(test_add_registries),
		cmocka_unit_test(test_add_challenges),
		cmocka_unit_test(test_build_layer),
		cmocka_unit_test_setup_teardown(test_merge_layers, setup_layers, teardown_layers),
		cmocka_unit_test_setup_teardown(test_show_raw_layer, setup_layers, teardown_layers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
