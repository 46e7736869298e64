/*
 * Inflating, in one direction and in pieces of any size: raw DEFLATE data in, plain bytes out, and
 * a stop at the end of a block where one is wanted, so that the place can be entered again.
 * It takes and refuses what zlib takes and refuses.
 * spec    RFC 1951
 */
#ifndef STORE_LAYER_INFLATER_H
#define STORE_LAYER_INFLATER_H

#include <stdbool.h>
#include <stddef.h>

/* How far back a match reaches, bytes. */
#define INFLATER_WINDOW 32768u

struct inflater;

/* inflater_new - NULL: no memory. */
struct inflater *inflater_new(void);
void inflater_free(struct inflater *f);

/* inflater_reset - a stream begins here; nothing of what was before is seen by it. */
void inflater_reset(struct inflater *f);

/*
 * inflater_prime - begin in the middle of a stream instead, after inflater_reset().
 * bits, value   the first bits, 0 to 7 of them, that stood in a byte whose others were read already
 * window, len   what was put out last, up to INFLATER_WINDOW bytes
 */
void inflater_prime(struct inflater *f, unsigned bits, unsigned value, const void *window,
		    size_t len);

enum inflater_state {
	INFLATER_MORE,	/* all input is used, or the room for output */
	INFLATER_BLOCK, /* the end of a block that is not the last; only where it was wanted */
	INFLATER_END,	/* the end of the last one; the rest of its last byte is skipped */
	INFLATER_WRONG	/* no DEFLATE data; inflater_why() */
};

/*
 * inflater_run - go on.
 * in, in_len   what comes next; both move behind what was used: never a byte too many, so that at a block's or
 *              the stream's end *in stands behind the byte that it is in
 * out, cap     room; *got receives the bytes that were put there
 * stop         return INFLATER_BLOCK at the next end of a block, once all that is before it is put out
 */
enum inflater_state inflater_run(struct inflater *f, const unsigned char **in, size_t *in_len,
				 void *out, size_t cap, size_t *got, bool stop);

/* inflater_bits - at a block's end: how many bits of the byte before *in belong to what comes, 0 to 7. */
unsigned inflater_bits(const struct inflater *f);

/* inflater_window - what was put out last, up to INFLATER_WINDOW bytes; lent until the next call. */
const void *inflater_window(const struct inflater *f, size_t *len);

/* inflater_why - a word about INFLATER_WRONG, borrowed. */
const char *inflater_why(const struct inflater *f);

#endif
