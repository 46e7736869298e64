/*
 * Compressing a stream. The same input and library version give the same bytes: headers contain
 * no name, time or machine.
 */
#ifndef STORE_LAYER_ENCODE_H
#define STORE_LAYER_ENCODE_H

#include "base/err.h"
#include "base/sink.h"
#include "store/oci/codec.h"

struct encoder;

/*
 * encoder_new - create an encoder. NULL: out of memory.
 * codec   none, gzip or zstd
 * out     receives the output; copied
 */
struct encoder *encoder_new(enum codec codec, const struct sink *out);
/* encoder_write - a sink's write function; ctx is the encoder. */
int encoder_write(void *ctx, const void *data, size_t len, struct err *err) MUST_CHECK;
int encoder_end(struct encoder *e, struct err *err) MUST_CHECK;
void encoder_free(struct encoder *e);

/* encode_zlib_version, encode_zstd_version - of the libraries in use. */
const char *encode_zlib_version(void);
const char *encode_zstd_version(void);

#endif
