/*
 * Compressing a stream, the same bytes for the same input and library
 * version: no name, no time, no machine in the header.
 */
#ifndef STORE_LAYER_ENCODE_H
#define STORE_LAYER_ENCODE_H

#include "base/sink.h"
#include "store/oci/codec.h"

struct encoder;

/* encoder_new - codec: none, gzip or zstd; out is where its bytes go, copied. NULL: no memory. */
struct encoder *encoder_new(enum codec codec, const struct sink *out);
/* encoder_write - has the form of a sink; ctx is the encoder. */
int encoder_write(void *ctx, const void *data, size_t len, struct err *err);
int encoder_end(struct encoder *e, struct err *err);
void encoder_free(struct encoder *e);

#endif
