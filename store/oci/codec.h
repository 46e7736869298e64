/* Layer compressions and their detection by magic number. */
#ifndef STORE_OCI_CODEC_H
#define STORE_OCI_CODEC_H

#include <stddef.h>

enum codec { CODEC_NONE, CODEC_GZIP, CODEC_ZSTD, CODEC_BZIP2, CODEC_XZ };

#define CODEC_SNIFF_MAX 6

/*
 * codec_sniff - detect the compression from the first bytes of a stream; CODEC_SNIFF_MAX suffice.
 */
enum codec codec_sniff(const void *data, size_t len);

/* codec_name - "none", "gzip", "zstd", "bzip2", "xz". */
const char *codec_name(enum codec c);

/*
 * codec_no_tar - the name of another archive format with this magic: "a zip file". NULL: unknown.
 */
const char *codec_no_tar(const void *data, size_t len);

/*
 * codec_media_type - the OCI media type of a layer with this compression; the uncompressed one
 * for bzip2 and xz, which have none.
 */
const char *codec_media_type(enum codec c);

#endif
