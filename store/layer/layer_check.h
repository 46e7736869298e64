/*
 * Validation of an index before it is used. A checksum detects damage but not a malicious writer.
 */
#ifndef STORE_LAYER_LAYER_CHECK_H
#define STORE_LAYER_LAYER_CHECK_H

#include <stdint.h>

#include "base/err.h"
#include "store/layer/layer_format.h"
#include "store/oci/digest.h"

/*
 * layer_check_header - validate the header: complete, of this version and this blob, sections in
 * order and inside the file.
 * size    bytes of the file
 * returns 0 or -EBADMSG
 */
int layer_check_header(const struct layer_header *h, const struct digest *blob,
		       uint64_t size) MUST_CHECK;

/*
 * layer_check - validate everything after a valid header: all offsets and counts are in range,
 * the entries form one tree without loops, names are valid, and no two entries share bytes, so
 * that a traversal is linear in the size of the index. Windows are not checked.
 * data    the index up to the end of SECTION_SPANS
 * returns 0 or -EBADMSG
 */
int layer_check(const char *data) MUST_CHECK;

#endif
