/*
 * A DEFLATE decoder for input and output in pieces of any size. It can stop at the end of a
 * block, so that decoding can be resumed there later. It accepts and rejects the same data as
 * zlib.
 * spec    RFC 1951
 */
#ifndef STORE_LAYER_INFLATER_H
#define STORE_LAYER_INFLATER_H

#include <stdbool.h>
#include <stddef.h>

/* The longest distance of a match, bytes. */
#define INFLATER_WINDOW 32768u

struct inflater;

/* inflater_new - NULL: out of memory. */
struct inflater *inflater_new(void);
void inflater_free(struct inflater *f);

/* inflater_reset - start a new stream without history. */
void inflater_reset(struct inflater *f);

/*
 * inflater_prime - start in the middle of a stream, after inflater_reset(). bits, value   the
 * first 0 to 7 bits, from a byte whose other bits were consumed before window, len   the
 * preceding output, up to INFLATER_WINDOW bytes
 */
void inflater_prime(struct inflater *f, unsigned bits, unsigned value, const void *window,
		    size_t len);

enum inflater_state {
	INFLATER_MORE,	/* the input is consumed, or the output is full */
	INFLATER_BLOCK, /* the end of a block other than the last one; only if requested */
	INFLATER_END,	/* the end of the stream; the rest of its last byte is skipped */
	INFLATER_WRONG	/* invalid data; inflater_why() */
};

/*
 * inflater_run - continue decoding. in, in_len   input; both are advanced past the consumed
 * bytes. At the end of a block or of the stream, *in points
 *              just behind the byte that contains that end
 * out, cap     output; *got receives its length
 * stop         return INFLATER_BLOCK at the next end of a block, after the output up to there
 */
enum inflater_state inflater_run(struct inflater *f, const unsigned char **in, size_t *in_len,
				 void *out, size_t cap, size_t *got, bool stop);

/*
 * inflater_bits - at the end of a block: how many bits of the byte before *in are unused, 0 to 7.
 */
unsigned inflater_bits(const struct inflater *f);

/*
 * inflater_window - the last output, up to INFLATER_WINDOW bytes; borrowed until the next call.
 */
const void *inflater_window(const struct inflater *f, size_t *len);

/* inflater_why - the reason for INFLATER_WRONG; borrowed. */
const char *inflater_why(const struct inflater *f);

#endif
