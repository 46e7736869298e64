/*
 * Any bytes as WWW-Authenticate, as a realm, as a token server's answer and as docker's
 * config.json: an error or something sound, never a crash. With clang and -fsanitize=fuzzer it is a
 * fuzz target; alone it runs the files it is given, else texts that it makes itself, the same ones
 * every time.
 */
#include "config.h"

#include <ctype.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "registry/auth/challenge.h"
#include "registry/auth/cred.h"
#include "registry/auth/credfile.h"
#include "registry/auth/realm.h"
#include "registry/auth/token.h"

#define ROUNDS 60000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool right)
{
	if (!right)
		abort();
}

/* What comes out of a realm is a server and nothing that could be more than one. */
static void try_realm(const char *text)
{
	struct realm r _cleanup_realm_ = { 0 };

	if (realm_check(text, "https://registry.example", &r, NULL) < 0)
		return;
	require(r.https && !strpbrk(r.host, "/@ \r\n") && !strpbrk(r.url, " \r\n"));
	require(strncmp(r.url, "https://", 8) == 0 &&
		strncmp(r.url + 8, r.host, strlen(r.host)) == 0);
	require(strchr("/?", r.url[8 + strlen(r.host)]));
}

static bool is_visible(const char *s)
{
	while (s && *s && !iscntrl((unsigned char)*s))
		s++;
	return !s || !*s;
}

static void try_challenge(const char *text)
{
	struct challenges all _cleanup_challenges_ = { .n = 0 };
	size_t i;

	if (challenges_add(&all, text, NULL) < 0)
		return;
	for (i = 0; i < all.n; i++) {
		const struct challenge *c = &all.v[i];

		require(*c->scheme);
		require(is_visible(c->scheme) && is_visible(c->realm) && is_visible(c->service) &&
			is_visible(c->scope) && is_visible(c->error));
		if (c->realm)
			try_realm(c->realm);
	}
}

static void try_token(const char *data, size_t size)
{
	struct token t _cleanup_token_ = { 0 };

	if (token_read(data, size, &t, NULL) == 0)
		require(*t.text && !strpbrk(t.text, " \t\r\n") && t.lives > 0);
}

static void try_file(const char *data, size_t size)
{
	static const char *const keys[] = { "docker.io", "a.b:5000" };
	_cleanup_json_ json_t *root = NULL;
	size_t i;

	if (json_parse(data, size, "f", &root, NULL) < 0 || !json_is_object(root))
		return;
	for (i = 0; i < ARRAY_SIZE(keys); i++) {
		struct cred put = { .user = (char *)"u", .password = (char *)"p" };
		struct cred c _cleanup_cred_ = { 0 }, again _cleanup_cred_ = { 0 };
		int r = credfile_find(root, "f", keys[i], "x/y", &c, NULL);

		require(r == 0 ? (c.user && c.password) || c.identity_token
			       : r == -ENOENT || r == -EINVAL);
		credfile_helper(root, keys[i]);
		if (credfile_put(root, keys[i], &put, false, true) != 1)
			continue;
		/* What was put is what is found. */
		r = credfile_find(root, "f", keys[i], NULL, &again, NULL);
		require(r == -EINVAL || (r == 0 && strcmp(again.password, "p") == 0));
		require(credfile_put(root, keys[i], NULL, false, true) == 1);
		require(credfile_put(root, keys[i], NULL, false, true) == 0);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *text = malloc(size + 1);

	if (!text)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	try_challenge(text);
	try_realm(text);
	try_token(text, size);
	try_file(text, size);
	return 0;
}

#ifndef FUZZ_ENGINE
static uint32_t seed = 1;

static uint32_t any(uint32_t n)
{
	seed = seed * 1664525u + 1013904223u;
	return (seed >> 8) % n;
}

/* Members of a file, most of them sound. */
static void make_file(struct buf *out)
{
	static const char *const keys[] = {
		"docker.io",
		"https://index.docker.io/v1/",
		"a.b:5000",
		"http://a.b:5000/v2/",
		"a.b:5000/x",
		"a.b:5000/x/y",
		"a.b",
		"",
		"https://",
		"a.b:5000/v1",
		"/",
		"index.docker.io//",
		"docker.io/x/y",
		"a.b:5000/",
	};
	static const char *const entries[] = {
		"{}",
		"{\"auth\":\"dTpw\"}",
		"{\"auth\":\"dTpwAAA=\"}",
		"{\"auth\":\"dTo=\",\"identitytoken\":\"t\"}",
		"{\"username\":\"u\",\"password\":\"p\"}",
		"{\"auth\":\"!\"}",
		"{\"auth\":17}",
		"null",
		"[]",
	};
	uint32_t n = any(4), i;

	IGNORE(buf_printf(out, "{\"%s\":{", any(6) ? "auths" : "credHelpers"));
	for (i = 0; i < n; i++)
		IGNORE(buf_printf(out, "%s\"%s\":%s", i ? "," : "", keys[any(ARRAY_SIZE(keys))],
				  entries[any(ARRAY_SIZE(entries))]));
	IGNORE(buf_printf(out, "}%s}", any(2) ? "" : ",\"credsStore\":\"x\""));
}

static void make(struct buf *out)
{
	static const char *const pieces[] = {
		"Basic ",
		"Bearer ",
		"Negotiate ",
		"realm=",
		"service=",
		"scope=",
		"error=",
		"\"",
		"\"",
		"\\",
		",",
		", ",
		" ",
		"=",
		"==",
		"abc",
		"https://",
		"http://",
		"registry.example",
		"127.0.0.1",
		"[::1]",
		"[",
		"]",
		":443",
		":",
		"@",
		"/token",
		"?a=b",
		"#",
		"%2e",
		"%",
		"\t",
		"\xc3\xa9",
		"{\"token\":\"a\"}",
		"{\"token\":",
		"\"expires_in\":",
		"}",
		"17",
		"-1e400",
	};
	uint32_t n = 1 + any(14);

	if (any(3) == 0) {
		make_file(out);
	} else {
		while (n--)
			IGNORE(buf_puts(out, pieces[any(ARRAY_SIZE(pieces))]));
	}
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

	for (i = 1; i < argc; i++)
		failed |= run_file(argv[i]);
	for (i = 0; argc == 1 && i < ROUNDS; i++) {
		buf_clear(&b);
		make(&b);
		LLVMFuzzerTestOneInput((const uint8_t *)buf_str(&b), b.len);
	}
	printf("%sok 1 - challenges, realms, tokens and config.json of any bytes\n1..1\n",
	       failed ? "not " : "");
	return failed;
}
#endif
