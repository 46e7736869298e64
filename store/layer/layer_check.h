/*
 * What an index must be before anything of it is believed. A checksum says that it is as it was
 * written, not who wrote it.
 */
#ifndef STORE_LAYER_LAYER_CHECK_H
#define STORE_LAYER_LAYER_CHECK_H

#include <stdint.h>

#include "store/layer/layer_format.h"

/*
 * layer_check_header - the header alone: whole, of this version, of this blob, its sections in order
 * and inside the file.
 * size    bytes of the file
 * returns 0 or -EBADMSG
 */
int layer_check_header(const struct layer_header *h, const struct digest *blob, uint64_t size);

/*
 * layer_check - all that follows a good header: every position and count leads to what it should,
 * the entries are one tree without a loop, names are names, and no two entries use the same bytes, so
 * that going through an index takes no longer than the index is large. Windows are not looked at.
 * data    the index from its first byte to the end of SECTION_SPANS
 * returns 0 or -EBADMSG
 */
int layer_check(const char *data);

#endif
