/*
 * The time that a reproducible image is given: --timestamp and SOURCE_DATE_EPOCH.
 */
#ifndef TOOLS_EPOCH_H
#define TOOLS_EPOCH_H

#include <stdint.h>

#include "base/err.h"

/* epoch_parse - seconds since 1970, or RFC 3339; -EINVAL */
int epoch_parse(const char *s, int64_t *out, struct err *err) MUST_CHECK;

/* epoch_env - *out from SOURCE_DATE_EPOCH where that is set, else as it was; -EINVAL */
int epoch_env(int64_t *out, struct err *err) MUST_CHECK;

#endif
