/*
 * Any bytes as registries.conf: an error with a line or entries, never a crash. With clang and
 * -fsanitize=fuzzer it is a fuzz target; alone it runs the files it is given, else texts that it
 * makes itself, the same ones every time.
 */
#include "config.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "registry/config/hosts.h"
#include "registry/config/registries.h"
#include "registry/config/toml.h"
#include "store/oci/reference.h"

#define ROUNDS 100000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void resolve(const struct registries *conf)
{
	static const char *const names[] = { "ubuntu:20.04", "a.b/c", "x.a.b:5000/c/d:1" };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(names); i++) {
		_cleanup_reference_ struct reference ref = { 0 };
		struct endpoints e _cleanup_endpoints_ = ENDPOINTS_INIT;

		if (reference_parse(names[i], &ref, NULL) < 0)
			abort();
		if (hosts_resolve_in(conf, &ref, false, &e, NULL) == 0 && endpoints_own(&e)->mirror)
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct registries conf _cleanup_registries_ = { NULL, 0 };
	struct err err = ERR_INIT;
	struct toml *t;
	int r;

	r = toml_parse((const char *)data, size, "f", &t, &err);
	if (r == 0)
		toml_free(t);
	else if (r != -EINVAL || strncmp(err.msg, "f: line ", 8) != 0)
		abort();
	if (registries_add(&conf, (const char *)data, size, "f", &err) == 0)
		resolve(&conf);
	return 0;
}

#ifndef FUZZ_ENGINE
static uint32_t seed = 1;

static uint32_t any(uint32_t n)
{
	seed = seed * 1664525u + 1013904223u;
	return (seed >> 8) % n;
}

/* Pieces of files in any order, with a byte changed now and then. */
static void make(struct buf *out)
{
	static const char *const pieces[] = {
		"[[registry]]\n",
		"[[registry]]\n",
		"[[registry.mirror]]\n",
		"[registries.block]\n",
		"[aliases]\n",
		"[",
		"[[",
		"]",
		"]]",
		"\n",
		"\n",
		"\r\n",
		"prefix = 'docker.io'\n",
		"prefix = '*.a.b'\n",
		"prefix = ",
		"location = 'a.b/c'\n",
		"location = \"c.d:5000\"\n",
		"location = 'docker.io/library/ubuntu:20.04'\n",
		"insecure = true\n",
		"blocked = true\n",
		"mirror-by-digest-only = true\n",
		"pull-from-mirror = 'tag-only'\n",
		"mirror = [ { location = 'm.x' } ]\n",
		"registries = ['a.b', \"c\"]\n",
		"a.b.c",
		"a",
		" = ",
		".",
		",",
		"{",
		"}",
		"'",
		"\"",
		"'''",
		"\"\"\"",
		"\\u00e9",
		"\\\n",
		"# x",
		"true",
		"-1_0",
		"1979-05-27 07:32:00",
		"\xc3",
	};
	uint32_t n = 1 + any(16);

	while (n--)
		IGNORE(buf_puts(out, pieces[any(ARRAY_SIZE(pieces))]));
	if (out->len && any(4) == 0)
		out->data[any((uint32_t)out->len)] = (char)any(256);
}

static int run_file(const char *name)
{
	static uint8_t data[1 << 16];
	_cleanup_fclose_ FILE *f = fopen(name, "rb");
	size_t n;

	if (!f)
		return 1;
	n = fread(data, 1, sizeof(data), f);
	return LLVMFuzzerTestOneInput(data, n);
}

int main(int argc, char **argv)
{
	struct buf b _cleanup_buf_ = BUF_INIT;
	int i, failed = 0;

	setenv("HOME", "/nonexistent", 1);
	for (i = 1; i < argc; i++)
		failed |= run_file(argv[i]);
	for (i = 0; argc == 1 && i < ROUNDS; i++) {
		buf_clear(&b);
		make(&b);
		LLVMFuzzerTestOneInput((const uint8_t *)buf_str(&b), b.len);
	}
	printf("%sok 1 - registries.conf of any bytes\n1..1\n", failed ? "not " : "");
	return failed;
}
#endif
