/*
 * Any bytes as a template over a small document: an error or text, never a crash. With clang and
 * -fsanitize=fuzzer it is a fuzz target; alone it runs the files it is given, else templates that
 * it makes itself, the same ones every time.
 */
#include "config.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/json.h"
#include "store/show/template.h"

#define ROUNDS 100000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static json_t *document(void)
{
	static const char text[] =
		"{\"Config\":{\"Cmd\":[\"a\",\"b "
		"c\"],\"Env\":null,\"Labels\":{\"x\":\"1\",\"a.b\":\"2\"}},"
		"\"Id\":\"sha256:abc\",\"N\":12,\"R\":2.5,\"B\":true,\"Null\":null,"
		"\"L\":[[1,2],[\"\\u00e9\\u0007\"],{\"k\":[]}]}";
	static json_t *j;

	if (!j && json_parse(text, strlen(text), "document", &j, NULL) < 0)
		abort();
	return j;
}

/* Only what is bounded tightly: the limits of the engine are for a machine that has time. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct err err = ERR_INIT;
	struct buf out _cleanup_buf_ = BUF_INIT;
	_cleanup_free_ char *text = size < 4096 ? strndup((const char *)data, size) : NULL;
	struct template_row *row;
	struct template *t;

	if (!text || template_new(text, &t, &err) < 0)
		return 0;
	IGNORE(template_run(t, document(), &out, &err));
	if (template_row_new(&row, NULL) == 0) {
		IGNORE(template_row_set(row, "Id", "<none>\x1b\n"));
		IGNORE(template_row_set_label(row, "a.b", "c"));
		IGNORE(template_run_row(t, row, &out, &err));
		IGNORE(template_run_heads(t, row, &out, &err));
		template_row_free(row);
	}
	template_free(t);
	return 0;
}

#ifndef FUZZ_ENGINE
static uint32_t seed = 1;

static uint32_t any(uint32_t n)
{
	seed = seed * 1664525u + 1013904223u;
	return (seed >> 8) % n;
}

/* Pieces of templates in any order, with a byte changed now and then. */
static void make(struct buf *out)
{
	static const char *const pieces[] = {
		"{{",
		"}}",
		"{{- ",
		" -}}",
		".Config",
		".Cmd",
		".Labels",
		".L",
		".N",
		".R",
		".Null",
		".Id",
		".",
		"$",
		"$x",
		":=",
		"=",
		"|",
		"(",
		")",
		",",
		" ",
		" ",
		"\n",
		"{{if ",
		"{{else}}",
		"{{end}}",
		"{{end}}",
		"{{range ",
		"{{with ",
		"{{else if ",
		"range $i, $x := ",
		"json ",
		"index ",
		"len ",
		"join ",
		"split ",
		"upper ",
		"title ",
		"printf ",
		"println ",
		"truncate ",
		"eq ",
		"and ",
		"or ",
		"not ",
		"pad ",
		"lt ",
		"\"a\"",
		"`b`",
		"'c'",
		"0x1f",
		"-3",
		"1.5e3",
		"\"%5.2s|%-4d|%q\"",
		"nil",
		"true",
		"{{/*",
		"*/}}",
		"\\u00e9",
		".Label \"a.b\"",
		"x",
		"\xc3",
		"{{.Id}}",
	};
	uint32_t n = 1 + any(24);

	while (n--) {
		const char *piece = pieces[any(ARRAY_SIZE(pieces))];

		/* Half of them as an action that may well be right. */
		if (any(2))
			IGNORE(buf_printf(out, "{{%s%s}}", piece, pieces[any(ARRAY_SIZE(pieces))]));
		else
			IGNORE(buf_puts(out, piece));
	}
	if (out->len && any(4) == 0)
		out->data[any((uint32_t)out->len)] = (char)(1 + any(255));
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
	json_decref(document());
	printf("%sok 1 - templates of any bytes\n1..1\n", failed ? "not " : "");
	return failed;
}
#endif
