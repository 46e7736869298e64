/*
 * Any bytes as DEFLATE data, through zlib and through our inflater: both take or both refuse, and
 * give the same bytes; a block's end is a place to begin at. With clang and -fsanitize=fuzzer it is
 * a fuzz target; alone it runs the files it is given, else streams that it makes and damages
 * itself, the same ones every time.
 */
#include "config.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <zlib.h>

#include "base/cleanup.h"
#include "store/layer/inflater.h"

#define ROUNDS 10000
#define OUT_MAX (1u << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint32_t seed = 1;

static uint32_t any(uint32_t n)
{
	seed = seed * 1664525u + 1013904223u;
	return (seed >> 8) % n;
}

/* 1 to n, but no more than there is. */
static size_t some(size_t most, uint32_t n)
{
	size_t k = any(n) + 1;

	return k < most ? k : most;
}

static void check(bool good, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "%s\n", what);
	abort();
}

/* A place that a stream can be entered at. */
struct place {
	size_t in, out;
	unsigned bits;
	size_t window_len;
	unsigned char window[INFLATER_WINDOW];
};

/* What came of it. */
struct result {
	bool end;
	size_t in, out;
};

/*
 * In one go, or in pieces of random sizes; p: one of the blocks' ends, in = 0 where there is none.
 */
static struct result ours(struct inflater *f, const unsigned char *in, size_t len,
			  unsigned char *out, bool pieces, struct place *p)
{
	struct result r = { false, 0, 0 };
	enum inflater_state state = INFLATER_MORE;
	uint32_t largest = 1 + any(any(2) ? 20 : 70000);

	if (p)
		p->in = 0;
	while (state != INFLATER_END && state != INFLATER_WRONG) {
		size_t n = pieces ? some(len - r.in, largest) : len - r.in, left = n;
		size_t cap = pieces ? some(OUT_MAX - r.out, 70000) : OUT_MAX - r.out;
		const unsigned char *q = in + r.in;
		size_t got;

		state = inflater_run(f, &q, &left, out + r.out, cap, &got, p && any(2));
		check(q + left == in + r.in + n && left <= n && got <= cap, "more than there was");
		r.in += n - left;
		r.out += got;
		if (state == INFLATER_BLOCK && (!p->in || any(4) == 0)) {
			const void *window = inflater_window(f, &p->window_len);

			p->in = r.in;
			p->out = r.out;
			p->bits = inflater_bits(f);
			memcpy(p->window, window, p->window_len);
			check(p->bits < 8, "more than 7 bits left over");
		}
		if (state == INFLATER_MORE && n == left && got == 0)
			break;
	}
	r.end = state == INFLATER_END;
	return r;
}

static struct result zlibs(const unsigned char *in, size_t len, unsigned char *out)
{
	z_stream z = { 0 };
	struct result r;

	check(inflateInit2(&z, -15) == Z_OK, "no memory");
	z.next_in = (unsigned char *)in;
	z.avail_in = (unsigned)len;
	z.next_out = out;
	z.avail_out = OUT_MAX;
	r.end = inflate(&z, Z_FINISH) == Z_STREAM_END;
	r.in = len - z.avail_in;
	r.out = OUT_MAX - z.avail_out;
	inflateEnd(&z);
	return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static unsigned char want[OUT_MAX], got[OUT_MAX];
	static struct inflater *f;
	static struct place place;
	struct result w = zlibs(data, size, want), g;

	if (!f)
		f = inflater_new();
	check(f != NULL, "no memory");
	inflater_reset(f);
	g = ours(f, data, size, got, false, NULL);
	check(g.end == w.end, "in one go: not what zlib says");
	check(!w.end || (g.in == w.in && g.out == w.out && memcmp(got, want, w.out) == 0),
	      "in one go: other bytes");
	inflater_reset(f);
	g = ours(f, data, size, got, true, &place);
	check(g.end == w.end, "in pieces: not what zlib says");
	check(!w.end || (g.in == w.in && g.out == w.out && memcmp(got, want, w.out) == 0),
	      "in pieces: other bytes");
	if (!w.end || !place.in)
		return 0;
	inflater_reset(f);
	inflater_prime(f, place.bits, data[place.in - 1] >> (8 - place.bits), place.window,
		       place.window_len);
	g = ours(f, data + place.in, size - place.in, got, any(2), NULL);
	check(g.end && g.out == w.out - place.out && memcmp(got, want + place.out, g.out) == 0,
	      "from a block's end: other bytes");
	return 0;
}

#ifndef FUZZ_ENGINE
/* Bytes of many kinds: few symbols and many, near and far repetitions, none. */
static size_t make_plain(unsigned char *out)
{
	size_t n = any(8) ? any(3000) : any(200000), i;
	uint32_t kind = any(6), alphabet = 1 + any(256), step = 1 + any(40000);

	for (i = 0; i < n; i++) {
		if (kind == 0)
			out[i] = (unsigned char)any(256);
		else if (kind == 1)
			out[i] = (unsigned char)any(alphabet);
		else if (kind == 2)
			out[i] = i < step ? (unsigned char)any(256) : out[i - step];
		else if (kind == 3)
			out[i] =
				any(10) && i > 300 ? out[i - 1 - any(300)] : (unsigned char)any(64);
		else if (kind == 4)
			out[i] = (unsigned char)(any(alphabet) & any(alphabet));
		else
			out[i] = any(1000) ? 0 : (unsigned char)any(256);
	}
	return n;
}

static size_t make_stream(unsigned char *out, size_t cap)
{
	static unsigned char plain[200000];
	static const int flushes[] = { Z_NO_FLUSH, Z_PARTIAL_FLUSH, Z_SYNC_FLUSH, Z_FULL_FLUSH,
				       Z_BLOCK };
	size_t n = make_plain(plain), used = 0;
	z_stream z = { 0 };

	check(deflateInit2(&z, (int)any(10), Z_DEFLATED, -(9 + (int)any(7)), 1 + (int)any(9),
			   (int)any(5)) == Z_OK,
	      "no memory");
	z.next_out = out;
	z.avail_out = (unsigned)cap;
	while (used < n && any(4)) {
		size_t piece = some(n - used, 20000);

		z.next_in = plain + used;
		z.avail_in = (unsigned)piece;
		deflate(&z, flushes[any(ARRAY_SIZE(flushes))]);
		used += piece - z.avail_in;
	}
	z.next_in = plain + used;
	z.avail_in = (unsigned)(n - used);
	deflate(&z, Z_FINISH);
	used = cap - z.avail_out;
	deflateEnd(&z);
	return used;
}

static size_t damage(unsigned char *s, size_t n)
{
	uint32_t times = any(4) ? 1 : any(10);

	while (n && times--) {
		/* Heads of blocks stand at the beginning. */
		size_t at = any(2) ? any((uint32_t)n) : any((uint32_t)MIN(n, (size_t)100));

		if (any(3))
			s[at] ^= (unsigned char)(1u << any(8));
		else
			s[at] = (unsigned char)any(256);
	}
	return n && any(5) == 0 ? any((uint32_t)n) : n;
}

static int run_file(const char *path)
{
	static unsigned char data[OUT_MAX];
	_cleanup_fclose_ FILE *f = fopen(path, "rb");
	size_t n;

	if (!f)
		return 1;
	n = fread(data, 1, sizeof(data), f);
	LLVMFuzzerTestOneInput(data, n);
	return 0;
}

int main(int argc, char **argv)
{
	static unsigned char stream[400000];
	int i, bad = 0;

	for (i = 1; i < argc; i++)
		bad |= run_file(argv[i]);
	for (i = 0; argc == 1 && i < ROUNDS; i++) {
		size_t n, k;

		seed = (uint32_t)i;
		if (any(8) == 0) {
			n = any(300);
			for (k = 0; k < n; k++)
				stream[k] = (unsigned char)any(256);
		} else {
			n = make_stream(stream, sizeof(stream));
			if (any(3))
				n = damage(stream, n);
		}
		LLVMFuzzerTestOneInput(stream, n);
	}
	printf("1..1\n%sok 1 - same_as_zlib\n", bad ? "not " : "");
	return bad;
}
#endif
