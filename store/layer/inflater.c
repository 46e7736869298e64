/*
 * Two loops decode the symbols of a block. The fast one runs while there is enough input to read
 * it in words. The careful one reads single bytes as needed, at the edges of the input. Output is
 * collected in our own buffer, whose end a match may overrun, and copied from there.
 *
 * Codes are looked up in one step, long ones in two. An entry contains the number of bits with
 * extra bits included, so a length or a distance takes one shift.
 */
#include "store/layer/inflater.h"

#include <endian.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

#define CODE_BITS 15
#define LIT_BITS 11
#define DIST_BITS 9
#define LENS_BITS 7
#define LIT_SYMBOLS 288
#define DIST_SYMBOLS 32
#define LENS_SYMBOLS 19
#define MATCH_MAX 258

/* At least two codes share a second table; a set of one code needs none. */
#define LIT_TABLE ((1u << LIT_BITS) + LIT_SYMBOLS / 2 * (1u << (CODE_BITS - LIT_BITS)))
#define DIST_TABLE ((1u << DIST_BITS) + DIST_SYMBOLS / 2 * (1u << (CODE_BITS - DIST_BITS)))

/* The output buffer: history for matches, new bytes, and the overrun of matches. */
#define ROOM (256u << 10)
#define COPY_OVER 32
#define SLACK (MATCH_MAX + 2 * COPY_OVER)
#define BUFFER (INFLATER_WINDOW + ROOM)

/*
 * A table entry:
 *     0..7    bits to consume, including extra bits
 *     8..12   bits of the code alone
 *     13..15  kind
 *     16..31  the literal, the base of a length or distance, or the offset of the second table
 */
#define LITERAL (1u << 13)
#define SECOND (1u << 14)
#define SPECIAL (1u << 15) /* end of block, or an invalid code */
#define END_OF_BLOCK (1u << 16)
#define ENTRY(what, value, code, extra) \
	((what) | (uint32_t)(value) << 16 | (uint32_t)(code) << 8 | ((code) + (extra)))
#define TAKE(e) ((e)&0xff)
#define CODE(e) ((e) >> 8 & 0x1f)
#define VALUE(e) ((e) >> 16)

/*
 * Input that one iteration of the fast loop may read; another 8 bytes ensure at least one
 * iteration.
 */
#define IN_MARGIN 16

enum state { HEAD, STORED_HEAD, STORED, COUNTS, LENS_CODE, LENS, SYMBOLS, TAIL, DONE, WRONG };

enum step { GO_ON, NEED, STOP, FULL, FAIL };

struct inflater {
	enum state state;
	bool last;   /* the current block is the last one */
	bool at_end; /* at the end of a block other than the last one */
	const char *why;
	uint64_t bits; /* input bits not yet consumed; zeros above them */
	unsigned n_bits;
	unsigned stored; /* bytes left in a stored block */
	unsigned n_lit, n_dist, n_lens, have;
	unsigned char lens[LIT_SYMBOLS + DIST_SYMBOLS];
	uint32_t lit[LIT_TABLE], dist[DIST_TABLE];
	uint32_t lens_code[1u << LENS_BITS];
	unsigned lit_second, dist_second; /* index bits of the second tables */
	bool fixed;			  /* lit and dist are the fixed codes */
	size_t start;			  /* start of the stream in buffer: the limit of matches */
	size_t pos, given;		  /* end of the output, and of the part that was returned */
	unsigned char buffer[BUFFER + SLACK];
};

/* Bases and extra bits of lengths and distances, RFC 1951 section 3.2.5. */
struct base {
	uint16_t value, extra;
};
static const struct base lengths[] = { { 3, 0 },   { 4, 0 },   { 5, 0 },   { 6, 0 },   { 7, 0 },
				       { 8, 0 },   { 9, 0 },   { 10, 0 },  { 11, 1 },  { 13, 1 },
				       { 15, 1 },  { 17, 1 },  { 19, 2 },  { 23, 2 },  { 27, 2 },
				       { 31, 2 },  { 35, 3 },  { 43, 3 },  { 51, 3 },  { 59, 3 },
				       { 67, 4 },  { 83, 4 },  { 99, 4 },  { 115, 4 }, { 131, 5 },
				       { 163, 5 }, { 195, 5 }, { 227, 5 }, { 258, 0 } };
static const struct base distances[] = {
	{ 1, 0 },     { 2, 0 },	    { 3, 0 },	  { 4, 0 },	 { 5, 1 },	{ 7, 1 },
	{ 9, 2 },     { 13, 2 },    { 17, 3 },	  { 25, 3 },	 { 33, 4 },	{ 49, 4 },
	{ 65, 5 },    { 97, 5 },    { 129, 6 },	  { 193, 6 },	 { 257, 7 },	{ 385, 7 },
	{ 513, 8 },   { 769, 8 },   { 1025, 9 },  { 1537, 9 },	 { 2049, 10 },	{ 3073, 10 },
	{ 4097, 11 }, { 6145, 11 }, { 8193, 12 }, { 12289, 12 }, { 16385, 13 }, { 24577, 13 }
};

struct input {
	const unsigned char *p, *end;
};

struct inflater *inflater_new(void)
{
	struct inflater *f = malloc(sizeof(*f));

	if (f) {
		f->fixed = false;
		f->pos = f->given = 0;
		inflater_reset(f);
	}
	return f;
}

void inflater_free(struct inflater *f)
{
	free(f);
}

void inflater_reset(struct inflater *f)
{
	f->state = HEAD;
	f->last = f->at_end = false;
	f->why = "";
	f->bits = 0;
	f->n_bits = 0;
	f->start = f->given = f->pos;
}

void inflater_prime(struct inflater *f, unsigned bits, unsigned value, const void *window,
		    size_t len)
{
	f->bits = value & ((1u << bits) - 1);
	f->n_bits = bits;
	len = MIN(len, (size_t)INFLATER_WINDOW);
	if (len)
		memcpy(f->buffer, window, len);
	f->start = 0;
	f->pos = f->given = len;
}

unsigned inflater_bits(const struct inflater *f)
{
	return f->n_bits;
}

const void *inflater_window(const struct inflater *f, size_t *len)
{
	*len = MIN(f->given - f->start, (size_t)INFLATER_WINDOW);
	return f->buffer + f->given - *len;
}

const char *inflater_why(const struct inflater *f)
{
	return f->why;
}

static enum step wrong(struct inflater *f, const char *why)
{
	f->state = WRONG;
	f->why = why;
	return FAIL;
}

/* Read bytes until at least n <= 48 bits are available; never more bytes than needed. */
static bool need(struct inflater *f, struct input *in, unsigned n)
{
	while (f->n_bits < n) {
		if (in->p == in->end)
			return false;
		f->bits |= (uint64_t)*in->p++ << f->n_bits;
		f->n_bits += 8;
	}
	return true;
}

static unsigned take(struct inflater *f, unsigned n)
{
	unsigned v = (unsigned)(f->bits & ((UINT64_C(1) << n) - 1));

	f->bits >>= n;
	f->n_bits -= n;
	return v;
}

static unsigned reversed(unsigned code, unsigned len)
{
	unsigned out = 0;

	while (len--) {
		out = out << 1 | (code & 1);
		code >>= 1;
	}
	return out;
}

static void fill(uint32_t *table, unsigned n, unsigned len, uint32_t entry)
{
	unsigned i;

	for (i = 0; i < n; i += 1u << len)
		table[i] = entry;
}

/*
 * Build the table of a set of codes. entry_of the meaning of a symbol, without its code's length
 * second   index bits of the second tables
 * returns  false if the code is over-subscribed or incomplete. Exception: a set of distances may
 *          have no code, or one code of one bit
 */
static bool build(uint32_t *table, unsigned table_bits, const unsigned char *lens, unsigned n,
		  uint32_t (*entry_of)(unsigned symbol), unsigned *second, bool strict)
{
	unsigned count[CODE_BITS + 1] = { 0 }, next[CODE_BITS + 1], code = 0, len, i, max = 0;
	unsigned size = 1u << table_bits, used = size;
	int left = 1;

	for (i = 0; i < n; i++)
		count[lens[i]]++;
	count[0] = 0;
	for (len = 1; len <= CODE_BITS; len++) {
		left = left * 2 - (int)count[len];
		if (left < 0)
			return false;
		if (count[len])
			max = len;
		next[len] = code = (code + count[len - 1]) << 1;
	}
	if (left > 0 && max > (strict ? 0 : 1))
		return false;
	for (i = 0; i < size; i++)
		table[i] = left > 0 ? ENTRY(SPECIAL, 0, 1, 0) : 0;
	for (i = 0; i < n; i++) {
		uint32_t entry = entry_of(i) + lens[i] + ((uint32_t)lens[i] << 8);
		unsigned bits, k;

		if (!lens[i])
			continue;
		bits = reversed(next[lens[i]]++, lens[i]);
		if (lens[i] <= table_bits) {
			fill(table + bits, size - bits, lens[i], entry);
			continue;
		}
		/* The first long code with a prefix allocates its second table. */
		k = bits & (size - 1);
		if (!(table[k] & SECOND)) {
			table[k] = ENTRY(SECOND, used, table_bits, 0);
			used += 1u << (max - table_bits);
		}
		k = VALUE(table[k]);
		bits >>= table_bits;
		fill(table + k + bits, (1u << (max - table_bits)) - bits, lens[i] - table_bits,
		     entry);
	}
	*second = max > table_bits ? max - table_bits : 0;
	return true;
}

static uint32_t lit_entry(unsigned symbol)
{
	if (symbol < 256)
		return LITERAL | symbol << 16;
	if (symbol == 256)
		return SPECIAL | END_OF_BLOCK;
	if (symbol - 257 < ARRAY_SIZE(lengths))
		return ENTRY(0, lengths[symbol - 257].value, 0, lengths[symbol - 257].extra);
	return SPECIAL;
}

static uint32_t dist_entry(unsigned symbol)
{
	if (symbol < ARRAY_SIZE(distances))
		return ENTRY(0, distances[symbol].value, 0, distances[symbol].extra);
	return SPECIAL;
}

static uint32_t lens_entry(unsigned symbol)
{
	return symbol << 16;
}

static enum step begin_fixed(struct inflater *f)
{
	unsigned i;

	f->state = SYMBOLS;
	if (f->fixed)
		return GO_ON;
	for (i = 0; i < LIT_SYMBOLS; i++)
		f->lens[i] = i < 144 ? 8 : i < 256 ? 9 : i < 280 ? 7 : 8;
	memset(f->lens + LIT_SYMBOLS, 5, DIST_SYMBOLS);
	build(f->lit, LIT_BITS, f->lens, LIT_SYMBOLS, lit_entry, &f->lit_second, false);
	build(f->dist, DIST_BITS, f->lens + LIT_SYMBOLS, DIST_SYMBOLS, dist_entry, &f->dist_second,
	      false);
	f->fixed = true;
	return GO_ON;
}

static enum step head(struct inflater *f, struct input *in)
{
	if (!need(f, in, 3))
		return NEED;
	f->last = take(f, 1);
	switch (take(f, 2)) {
	case 0:
		take(f, f->n_bits & 7);
		f->state = STORED_HEAD;
		return GO_ON;
	case 1:
		return begin_fixed(f);
	case 2:
		f->state = COUNTS;
		return GO_ON;
	default:
		return wrong(f, "invalid block type");
	}
}

static enum step stored_head(struct inflater *f, struct input *in)
{
	unsigned n;

	if (!need(f, in, 32))
		return NEED;
	n = take(f, 16);
	if (take(f, 16) != (n ^ 0xffff))
		return wrong(f, "invalid stored block lengths");
	f->stored = n;
	f->state = STORED;
	return GO_ON;
}

static enum step stored(struct inflater *f, struct input *in, size_t limit)
{
	size_t n = MIN((size_t)(in->end - in->p), (size_t)f->stored);

	if (!f->stored) {
		f->state = TAIL;
		return GO_ON;
	}
	if (in->p == in->end)
		return NEED;
	if (f->pos >= limit)
		return FULL;
	n = MIN(n, limit - f->pos);
	memcpy(f->buffer + f->pos, in->p, n);
	f->pos += n;
	in->p += n;
	f->stored -= (unsigned)n;
	return GO_ON;
}

static enum step counts(struct inflater *f, struct input *in)
{
	if (!need(f, in, 14))
		return NEED;
	f->n_lit = take(f, 5) + 257;
	f->n_dist = take(f, 5) + 1;
	f->n_lens = take(f, 4) + 4;
	if (f->n_lit > 286 || f->n_dist > 30)
		return wrong(f, "too many length or distance symbols");
	f->have = 0;
	memset(f->lens, 0, LENS_SYMBOLS);
	f->state = LENS_CODE;
	return GO_ON;
}

static enum step lens_code(struct inflater *f, struct input *in)
{
	static const unsigned char order[LENS_SYMBOLS] = { 16, 17, 18, 0, 8,  7, 9,  6, 10, 5,
							   11, 4,  12, 3, 13, 2, 14, 1, 15 };
	unsigned second;

	for (; f->have < f->n_lens; f->have++) {
		if (!need(f, in, 3))
			return NEED;
		f->lens[order[f->have]] = (unsigned char)take(f, 3);
	}
	if (!build(f->lens_code, LENS_BITS, f->lens, LENS_SYMBOLS, lens_entry, &second, true))
		return wrong(f, "invalid code lengths set");
	f->have = 0;
	f->state = LENS;
	return GO_ON;
}

/* All lengths are known: build the block's two tables. */
static enum step begin_dynamic(struct inflater *f)
{
	f->fixed = false;
	if (f->lens[256] == 0)
		return wrong(f, "invalid code -- missing end-of-block");
	if (!build(f->lit, LIT_BITS, f->lens, f->n_lit, lit_entry, &f->lit_second, false))
		return wrong(f, "invalid literal/lengths set");
	if (!build(f->dist, DIST_BITS, f->lens + f->n_lit, f->n_dist, dist_entry, &f->dist_second,
		   false))
		return wrong(f, "invalid distances set");
	f->state = SYMBOLS;
	return GO_ON;
}

static enum step lens(struct inflater *f, struct input *in)
{
	static const struct {
		unsigned char extra, base;
	} repeat[] = { { 2, 3 }, { 3, 3 }, { 7, 11 } };
	unsigned all = f->n_lit + f->n_dist;

	while (f->have < all) {
		uint32_t e = f->lens_code[f->bits & ((1u << LENS_BITS) - 1)];
		unsigned symbol = VALUE(e), extra = symbol < 16 ? 0 : repeat[symbol - 16].extra, n;

		if (TAKE(e) + extra > f->n_bits) {
			if (!need(f, in, f->n_bits + 1))
				return NEED;
			continue;
		}
		if (e & SPECIAL)
			return wrong(f, "invalid code lengths set");
		take(f, TAKE(e));
		if (symbol < 16) {
			f->lens[f->have++] = (unsigned char)symbol;
			continue;
		}
		n = take(f, extra) + repeat[symbol - 16].base;
		if ((symbol == 16 && f->have == 0) || n > all - f->have)
			return wrong(f, "invalid bit length repeat");
		memset(f->lens + f->have, symbol == 16 ? f->lens[f->have - 1] : 0, n);
		f->have += n;
	}
	return begin_dynamic(f);
}

/* Copy len bytes from dist back; may write up to COPY_OVER bytes past the end. */
static inline __attribute__((always_inline)) unsigned char *match(unsigned char *out, size_t dist,
								  size_t len)
{
	const unsigned char *from = out - dist;
	unsigned char *end = out + len;

	if (dist >= 16) {
		memcpy(out, from, 16);
		memcpy(out + 16, from + 16, 16);
		for (; len > 32; len -= 16) {
			memcpy(out + 32, from + 32, 16);
			out += 16;
			from += 16;
		}
	} else if (dist == 1) {
		uint64_t word = UINT64_C(0x0101010101010101) * *from;

		do {
			memcpy(out, &word, 8);
			memcpy(out + 8, &word, 8);
			out += 16;
		} while (out < end);
	} else {
		/* dist bytes of each word are valid, at most eight. */
		size_t step = MIN(dist, (size_t)8);
		uint64_t word;

		/*
		 * Copy through a register, because memcpy() requires that the areas do not
		 * overlap.
		 */
		do {
			memcpy(&word, from, 8);
			memcpy(out, &word, 8);
			out += step;
			from += step;
		} while (out < end);
	}
	return end;
}

#define MASK(n) ((UINT64_C(1) << (n)) - 1)

/*
 * At least 56 bits. Bits above n are equal to the next input, so setting them again is harmless.
 */
#define REFILL()                            \
	do {                                \
		memcpy(&word, p, 8);        \
		bits |= le64toh(word) << n; \
		p += (63 - n) >> 3;         \
		n |= 56;                    \
	} while (0)
#define USE(e)                    \
	do {                      \
		bits >>= TAKE(e); \
		n -= TAKE(e);     \
	} while (0)
#define PUT(e)                                    \
	do {                                      \
		*out++ = (unsigned char)VALUE(e); \
		USE(e);                           \
	} while (0)

/*
 * Decode symbols while input can be read in words and there is room for the output. The next code
 * is looked up before a match is copied, so that both proceed in parallel.
 */
static inline __attribute__((always_inline)) enum step symbols_in_words(struct inflater *f,
									struct input *in,
									size_t limit)
{
	const unsigned char *p = in->p, *safe = in->end - IN_MARGIN;
	const unsigned char *first = f->buffer + f->start;
	unsigned char *out = f->buffer + f->pos, *end = f->buffer + limit;
	const uint32_t *const lit = f->lit, *const distance = f->dist;
	const uint64_t lit_second = MASK(f->lit_second), dist_second = MASK(f->dist_second);
	uint64_t bits = f->bits, word;
	unsigned n = f->n_bits;
	enum step step = GO_ON;
	uint32_t e;

	REFILL();
	e = lit[bits & MASK(LIT_BITS)];
	while (p <= safe && out < end) {
		size_t len, dist;

		if (e & LITERAL) {
			PUT(e);
			e = lit[bits & MASK(LIT_BITS)];
			if (e & LITERAL) {
				PUT(e);
				e = lit[bits & MASK(LIT_BITS)];
				if (e & LITERAL) {
					PUT(e);
					REFILL();
					e = lit[bits & MASK(LIT_BITS)];
					continue;
				}
			}
			REFILL();
		}
		if (e & (SECOND | SPECIAL)) {
			if (e & SECOND)
				e = lit[VALUE(e) + (bits >> LIT_BITS & lit_second)];
			if (e & LITERAL) {
				PUT(e);
				REFILL();
				e = lit[bits & MASK(LIT_BITS)];
				continue;
			}
			if (e & SPECIAL) {
				if (!(e & END_OF_BLOCK)) {
					step = wrong(f, "invalid literal/length code");
				} else {
					USE(e);
					f->state = TAIL;
				}
				break;
			}
		}
		len = VALUE(e) + (size_t)((bits & MASK(TAKE(e))) >> CODE(e));
		USE(e);
		e = distance[bits & MASK(DIST_BITS)];
		if (e & SECOND)
			e = distance[VALUE(e) + (bits >> DIST_BITS & dist_second)];
		dist = VALUE(e) + (size_t)((bits & MASK(TAKE(e))) >> CODE(e));
		if (e & SPECIAL) {
			step = wrong(f, "invalid distance code");
			break;
		}
		USE(e);
		if (dist > (size_t)(out - first)) {
			step = wrong(f, "invalid distance too far back");
			break;
		}
		REFILL();
		e = lit[bits & MASK(LIT_BITS)];
		out = match(out, dist, len);
	}
	/* Return unused whole bytes to the input. */
	in->p = p - (n >> 3);
	f->n_bits = n & 7;
	f->bits = bits & MASK(f->n_bits);
	f->pos = (size_t)(out - f->buffer);
	return step;
}
#undef REFILL
#undef USE
#undef PUT

static enum step symbols_any(struct inflater *f, struct input *in, size_t limit)
{
	return symbols_in_words(f, in, limit);
}

/* The same, compiled for processors with bit-field instructions. */
#ifdef __x86_64__
static __attribute__((target("bmi,bmi2"))) enum step symbols_bmi2(struct inflater *f,
								  struct input *in, size_t limit)
{
	return symbols_in_words(f, in, limit);
}

static enum step symbols_fast(struct inflater *f, struct input *in, size_t limit)
{
	return __builtin_cpu_supports("bmi2") ? symbols_bmi2(f, in, limit)
					      : symbols_any(f, in, limit);
}
#else
#define symbols_fast symbols_any
#endif

/* Look up the code at the start of bits, of which n are valid; 0: more bits are needed. */
static uint32_t look_up(const uint32_t *table, unsigned table_bits, unsigned second, uint64_t bits,
			unsigned n)
{
	uint32_t e = table[bits & MASK(table_bits)];

	if (e & SECOND) {
		if (n <= table_bits)
			return 0;
		e = table[VALUE(e) + (bits >> table_bits & MASK(second))];
	}
	return CODE(e) <= n && TAKE(e) <= n ? e : 0;
}

/* Decode one symbol from the available bits, or consume nothing. */
static enum step symbol(struct inflater *f)
{
	uint64_t bits = f->bits;
	uint32_t e = look_up(f->lit, LIT_BITS, f->lit_second, bits, f->n_bits), d;
	size_t len, dist;

	if (!e)
		return NEED;
	if (e & LITERAL) {
		take(f, TAKE(e));
		f->buffer[f->pos++] = (unsigned char)VALUE(e);
		return GO_ON;
	}
	if (e & SPECIAL) {
		if (!(e & END_OF_BLOCK))
			return wrong(f, "invalid literal/length code");
		take(f, TAKE(e));
		f->state = TAIL;
		return GO_ON;
	}
	len = VALUE(e) + (size_t)((bits & MASK(TAKE(e))) >> CODE(e));
	bits >>= TAKE(e);
	d = look_up(f->dist, DIST_BITS, f->dist_second, bits, f->n_bits - TAKE(e));
	if (!d)
		return NEED;
	if (d & SPECIAL)
		return wrong(f, "invalid distance code");
	dist = VALUE(d) + (size_t)((bits & MASK(TAKE(d))) >> CODE(d));
	if (dist > f->pos - f->start)
		return wrong(f, "invalid distance too far back");
	take(f, TAKE(e) + TAKE(d));
	match(f->buffer + f->pos, dist, len);
	f->pos += len;
	return GO_ON;
}

static enum step symbols(struct inflater *f, struct input *in, size_t limit)
{
	enum step step;

	if (f->pos >= limit)
		return FULL;
	if (in->end - in->p >= IN_MARGIN + 8)
		return symbols_fast(f, in, limit);
	while ((step = symbol(f)) == NEED)
		if (!need(f, in, f->n_bits + 1))
			return NEED;
	return step;
}

static enum step tail(struct inflater *f)
{
	if (f->last) {
		take(f, f->n_bits & 7);
		f->state = DONE;
		return STOP;
	}
	f->state = HEAD;
	f->at_end = true;
	return STOP;
}

static enum step next(struct inflater *f, struct input *in, size_t limit)
{
	switch (f->state) {
	case HEAD:
		return head(f, in);
	case STORED_HEAD:
		return stored_head(f, in);
	case STORED:
		return stored(f, in, limit);
	case COUNTS:
		return counts(f, in);
	case LENS_CODE:
		return lens_code(f, in);
	case LENS:
		return lens(f, in);
	case SYMBOLS:
		return symbols(f, in, limit);
	case TAIL:
		return tail(f);
	case DONE:
		return STOP;
	default:
		return FAIL;
	}
}

/* Make room after pos for the wanted bytes, as far as possible, keeping the history. */
static size_t make_room(struct inflater *f, size_t wanted)
{
	if (f->pos + wanted > BUFFER && f->pos > INFLATER_WINDOW) {
		size_t keep = MIN(f->pos - f->start, (size_t)INFLATER_WINDOW);

		memmove(f->buffer, f->buffer + f->pos - keep, keep);
		f->start = 0;
		f->pos = f->given = keep;
	}
	return MIN(f->pos + wanted, (size_t)BUFFER);
}

static void put_out(struct inflater *f, unsigned char *out, size_t cap, size_t *got)
{
	size_t n = MIN(f->pos - f->given, cap - *got);

	if (n)
		memcpy(out + *got, f->buffer + f->given, n);
	f->given += n;
	*got += n;
}

enum inflater_state inflater_run(struct inflater *f, const unsigned char **in, size_t *in_len,
				 void *out, size_t cap, size_t *got, bool stop)
{
	struct input input = { *in, *in + *in_len };
	enum inflater_state result = INFLATER_MORE;

	*got = 0;
	for (;;) {
		enum step step = GO_ON;
		size_t limit;

		put_out(f, out, cap, got);
		if (f->given < f->pos)
			break;
		if (f->state == WRONG || f->state == DONE) {
			result = f->state == DONE ? INFLATER_END : INFLATER_WRONG;
			break;
		}
		if (f->at_end) {
			f->at_end = false;
			if (stop) {
				result = INFLATER_BLOCK;
				break;
			}
		}
		if (*got == cap)
			break;
		limit = make_room(f, cap - *got);
		while (step == GO_ON)
			step = next(f, &input, limit);
		if (step == NEED && f->given == f->pos)
			break;
	}
	*in = input.p;
	*in_len = (size_t)(input.end - input.p);
	return result;
}
