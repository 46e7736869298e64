/*
 * The compressions that a layer may come in, told apart by their first bytes.
 */
#ifndef STORE_OCI_CODEC_H
#define STORE_OCI_CODEC_H

#include <stddef.h>

enum codec { CODEC_NONE, CODEC_GZIP, CODEC_ZSTD, CODEC_BZIP2, CODEC_XZ };

#define CODEC_SNIFF_MAX 6

/* codec_sniff - data holds the first bytes of a stream; six are enough. */
enum codec codec_sniff(const void *data, size_t len);

/* codec_name - "none", "gzip", "zstd", "bzip2", "xz". */
const char *codec_name(enum codec c);

/* codec_no_tar - what bytes of another kind of archive are: "a zip file"; NULL: nothing that is known. */
const char *codec_no_tar(const void *data, size_t len);

/* codec_media_type - the OCI media type of a layer in this form; the plain one for bzip2 and xz. */
const char *codec_media_type(enum codec c);

#endif
