/*
 * store/oci: the grammar of digests, hashes of known text, and which manifests are ours.
 */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "store/oci/digest.h"
#include "store/oci/manifest.h"

#define SHA256_ABC "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
#define HEX64 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static void test_parse_good(void **state)
{
	struct err err = ERR_INIT;
	struct digest d;
	char path[DIGEST_MAX];

	(void)state;
	assert_int_equal(digest_parse(SHA256_ABC, &d, &err), 0);
	assert_string_equal(d.str, SHA256_ABC);
	assert_string_equal(digest_hex(&d), strchr(SHA256_ABC, ':') + 1);
	digest_path(&d, path);
	assert_memory_equal(path, "sha256/ba78", 11);
	assert_int_equal(digest_parse("sha512:" HEX64 HEX64, &d, &err), 0);
}

static void test_parse_bad(void **state)
{
	static const char *const bad[] = {
		"",
		"sha256:",
		"sha256",
		HEX64,
		"sha256:" HEX64 "0",
		"sha256:ABCDEF6789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
		"sha256:../../../../../../../../../../../../../../../../../../etc/passwd1",
		"sha256:" HEX64 HEX64,
		"sha512:" HEX64,
		"SHA256:" HEX64,
		"md5:d41d8cd98f00b204e9800998ecf8427e",
		" sha256:" HEX64,
		"sha256:" HEX64 "\n",
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		struct err err = ERR_INIT;
		struct digest d;

		assert_int_equal(digest_parse(bad[i], &d, &err), -EINVAL);
		assert_int_equal(err.code, EINVAL);
		assert_true(err.msg[0] != '\0');
	}
}

static void test_hash_in_pieces(void **state)
{
	struct hash *h = hash_new(NULL);
	struct digest a, b;

	(void)state;
	assert_non_null(h);
	hash_update(h, "a", 1);
	hash_update(h, "", 0);
	hash_update(h, "bc", 2);
	assert_int_equal(hash_final(h, &a), 0);
	assert_string_equal(a.str, SHA256_ABC);
	/* Ready for the next stream. */
	hash_update(h, "abc", 3);
	assert_int_equal(hash_final(h, &b), 0);
	assert_true(digest_eq(&a, &b));
	hash_free(h);
	hash_free(NULL);
	assert_int_equal(digest_of("abc", 3, &b), 0);
	assert_true(digest_eq(&a, &b));
}

static void test_chain_id(void **state)
{
	struct digest ids[2], chain, want;
	char text[2 * DIGEST_MAX];

	(void)state;
	assert_int_equal(digest_of("lower", 5, &ids[0]), 0);
	assert_int_equal(digest_of("upper", 5, &ids[1]), 0);
	assert_int_equal(digest_chain_id(ids, 1, &chain), 0);
	assert_true(digest_eq(&chain, &ids[0]));
	snprintf(text, sizeof(text), "%s %s", ids[0].str, ids[1].str);
	assert_int_equal(digest_of(text, strlen(text), &want), 0);
	assert_int_equal(digest_chain_id(ids, 2, &chain), 0);
	assert_true(digest_eq(&chain, &want));
}

/* A manifest without media types is by another tool: ours has them. */
static void test_manifest_without_types(void **state)
{
	struct descriptor layer = { .media_type = (char *)MEDIA_OCI_LAYER, .size = 1 };
	struct manifest m = { .config = { .media_type = (char *)MEDIA_OCI_CONFIG, .size = 1 },
			      .layers = &layer,
			      .n_layers = 1 };
	struct buf text _cleanup_buf_ = BUF_INIT;

	(void)state;
	assert_int_equal(digest_parse(SHA256_ABC, &layer.digest, NULL), 0);
	m.config.digest = layer.digest;
	assert_int_equal(manifest_write(&m, &text), 0);
	assert_int_equal(manifest_is_ours(&m, text.data, text.len), 1);
	layer.media_type = NULL;
	assert_int_equal(manifest_is_ours(&m, text.data, text.len), 0);
	layer.media_type = (char *)MEDIA_OCI_LAYER;
	m.config.media_type = NULL;
	assert_int_equal(manifest_is_ours(&m, text.data, text.len), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse_good),
		cmocka_unit_test(test_parse_bad),
		cmocka_unit_test(test_hash_in_pieces),
		cmocka_unit_test(test_chain_id),
		cmocka_unit_test(test_manifest_without_types),
	};

	return cmocka_run_group_tests_name("digest", tests, NULL, NULL);
}
