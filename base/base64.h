/*
 * Base64, the standard alphabet with padding.
 * spec    RFC 4648, section 4
 */
#ifndef BASE_BASE64_H
#define BASE_BASE64_H

#include <stddef.h>

#include "base/err.h"

/* base64_encode - heap string; NULL: no memory. */
char *base64_encode(const void *data, size_t len);

/*
 * base64_decode - len characters of text; padding may be missing, nothing else may be wrong.
 * out     heap, with a NUL behind *n bytes
 * errors  -EINVAL, -ENOMEM
 */
int base64_decode(const char *text, size_t len, char **out, size_t *n) MUST_CHECK;

#endif
